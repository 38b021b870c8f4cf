/* bars.h - small bar charts for a terminal: a row is a label, a bar, and a text that says how long it is.
 *
 * A bar has two parts, of which the first is drawn full and the second light. They are as wide as the terminal, 40 to
 * 120 columns (80 where there is none and COLUMNS does not say), in block characters where the locale is UTF-8, else in
 * ASCII; in colour as color.h says. Nothing of a value above 0 is left without a mark. Local: on one rank.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/format.h"

typedef struct plmr_bar {
    const char *label;
    double full, light; /* the bar's parts; not finite or negative: none */
    plmr_text text;
} plmr_bar;

/* How wide lines are on this stream, and whether block characters may be used. */
typedef struct plmr_bars_style {
    int width;
    bool utf8;
} plmr_bars_style;
plmr_bars_style plmr_bars_style_of(FILE *out);

/* The mark of a bar's full or light part, for titles. */
const char *plmr_bars_mark(plmr_bars_style style, bool full);

/* A title, then n rows on one scale, the longest bar filling what the texts leave. */
void plmr_bars_print(FILE *out, plmr_bars_style style, const char *title, const plmr_bar *bars, int n);
