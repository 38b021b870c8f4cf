/* simulated.h - ranks of a simulated cluster (meson -Dsmpi=true): what their work takes of simulated time. Local.
 */
#pragma once

#include <stdbool.h>

/* This rank has worked for so many seconds; it pays when it next speaks to others or looks at a clock. */
void plmr_simulated_work(double t_s);

/* Work is charged, and values are left out. */
bool plmr_simulated_valueless(void);
