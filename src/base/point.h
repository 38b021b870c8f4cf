/* point.h - numbers are read and written with a decimal point, whatever locale the program has chosen that uses plmr as a
 * library. Of this thread alone, and to be ended in the opposite order. */
#pragma once

#include <locale.h>

typedef struct plmr_point {
    locale_t before, own;
} plmr_point;

plmr_point plmr_point_begin(void);
void plmr_point_end(plmr_point point);
