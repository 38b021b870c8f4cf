/* color.h - whether text for people is coloured: where it ends at a terminal, unless NO_COLOR is set; CLICOLOR_FORCE,
 * if it is set, colours all of it. Both are as other programs have them (https://no-color.org,
 * https://bixense.com/clicolors), and are handed down to the runs that plmr scale starts. Local. */
#pragma once

#include <stdio.h>

#include "base/option.h"

enum plmr_color { PLMR_PLAIN, PLMR_RED, PLMR_BLUE, PLMR_DIM };

/* What switches to a colour, for standard output or standard error: "" where there is none. */
const char *plmr_color(FILE *out, enum plmr_color color);

/* --color: "auto", as said above; "always", as CLICOLOR_FORCE says; "never", as NO_COLOR. */
plmr_option_reader plmr_read_color;
