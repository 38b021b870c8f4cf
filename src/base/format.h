/* format.h - numbers as people like to read them. Each function returns its text by value: printf("%s",
 * plmr_format_x(n).s). */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct plmr_text {
    char s[48];
} plmr_text;

/* 1,234,567 */
plmr_text plmr_format_count(int64_t n);

/* "1 token", "1,234 tokens": with an s, but for one. */
plmr_text plmr_format_counted(int64_t n, const char *noun);

/* 571,500 or 12.5: four digits, and all that stand before the point; "-" if not finite. */
plmr_text plmr_format_rate(double rate);

/* 1,338.5: like a count, with up to two decimals where it is not whole; "-" if not finite. */
plmr_text plmr_format_cycles(double cycles);

/* Four digits and an SI prefix from n to P before the unit: "112.2 us", "23.41 G"; "-" if not finite. */
plmr_text plmr_format_quantity(double value, const char *unit);

/* 67.3 % of a share of one; "-" if not finite. */
plmr_text plmr_format_percent(double share);

/* 3.1e-04; 0 as "0"; "-" if not finite. */
plmr_text plmr_format_error(double error);

/* Whole numbers with commas between: "40,5"; "" of none. */
void plmr_format_list(const int *numbers, int n, char *text, size_t size);
