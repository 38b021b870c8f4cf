/* point.h - numbers are read and written with a decimal point, whatever locale the program has chosen that uses plmr as a
 * library. Of this thread alone, and to be ended in the opposite order; where there is a point already nothing is done, so simulated
 * ranks, which take turns in one thread of a program that chooses no locale, may end theirs as they come. */
#pragma once

#include <locale.h>

typedef struct plmr_point {
    locale_t before, own;
} plmr_point;

plmr_point plmr_point_begin(void);
void plmr_point_end(plmr_point point);
