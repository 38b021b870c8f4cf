/* record.h - numbers that a program puts into its record; in the order in which it first did. */
#pragma once

#include "region/region.h"

struct plmr_own {
    char *key;
    double value;
    bool is_part; /* that a mark has told of */
    struct plmr_own *next;
};

void plmr_own_destroy(struct plmr_own *own);
