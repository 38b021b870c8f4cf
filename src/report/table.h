/* table.h - records as a table for people, at most 120 columns wide: a block of facts, then one row per algorithm.
 *
 * Rows are printed as they come, so columns have fixed widths. All functions are local: call them on one rank.
 */
#pragma once

#include <stdio.h>

#include "device/standing.h"
#include "plmr/status.h"
#include "report/record.h"

enum { PLMR_TABLE_WIDTH = 120 };

/* One line of the block: "  label     text", wrapped where it is too long. */
void plmr_table_fact(FILE *out, const char *label, const char *format, ...) PLMR_PRINTF(3, 4);

/* How far the times above can be trusted, as such a line. */
void plmr_table_standing(FILE *out, const plmr_standing *standing);

/* The columns' titles, with the limits of the device from any record of the table. */
void plmr_table_titles(FILE *out, const plmr_record *record);

/* One algorithm; one that does not fit has its error instead of numbers. '!' marks what exceeds the device. */
void plmr_table_row(FILE *out, const plmr_record *record);

/* A text with words wrapped to the table's width: every line after the first is indented by `indent`, and the first by
 * what stands there already. */
void plmr_table_wrap(FILE *out, int at, int indent, const char *text);
