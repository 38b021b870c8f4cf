/* The table's shape: at most 120 columns, rows under their titles. Its content is a matter of the command line's tests.
 */
#include "../support.h"

#include <math.h>

#include "report/table.h"

static char text[4096];

static FILE *open_text(void)
{
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    return out;
}

static int longest_line(void)
{
    int longest = 0;
    for (const char *at = text; *at;) {
        int length = (int)strcspn(at, "\n");
        longest = length > longest ? length : longest;
        at += length + (at[length] == '\n');
    }
    return longest;
}

static plmr_record large_record(void)
{
    plmr_record record = plmr_record_none();
    record.algorithm = "two-phase";
    record.cycles = 12345678.25;
    record.virtual_s = 123.4e-6;
    record.efficiency = 0.999;
    record.hops_critical = 1234567;
    record.stages_critical = 1234567;
    record.routes_max = 1442;
    record.routes_limit = 24;
    record.sram_peak_bytes = 1234567;
    record.sram_limit_bytes = 1572864;
    record.wavelet_hops = INT64_C(123456789012345);
    record.energy_j = 123.4;
    record.verify_max_rel_err = 1e-4;
    record.wall_s = 0.1234;
    return record;
}

static void test_row(void **state)
{
    (void)state;
    plmr_record record = large_record();
    FILE *out = open_text();
    plmr_table_titles(out, &record);
    plmr_table_row(out, &record);
    fclose(out);
    assert_true(longest_line() <= PLMR_TABLE_WIDTH);
    assert_non_null(strstr(text, "12,345,678.25"));
    assert_non_null(strstr(text, " of 24"));
    assert_non_null(strstr(text, " of 1,572,864"));
    assert_non_null(strstr(text, " !1,442 ")); /* over its limit */
    assert_non_null(strstr(text, " 1,234,567 "));
}

static void test_unknown(void **state)
{
    (void)state;
    plmr_record record = large_record();
    record.energy_j = record.verify_max_rel_err = NAN;
    FILE *out = open_text();
    plmr_table_row(out, &record);
    fclose(out);
    assert_non_null(strstr(text, "        -        - "));
}

static void test_misfit(void **state)
{
    (void)state;
    plmr_record record = large_record();
    record.error =
        "core (0,0) needs 2500000000 bytes of SRAM with the first of its many tensors, but wse2 has 49152: choose a "
        "larger --cores, or --allow M";
    FILE *out = open_text();
    plmr_table_row(out, &record);
    fclose(out);
    assert_non_null(strstr(text, "two-phase      does not fit: core (0,0)"));
    assert_non_null(strstr(text, "\n               "));
    assert_true(longest_line() <= PLMR_TABLE_WIDTH);
}

static void test_fact(void **state)
{
    (void)state;
    FILE *out = open_text();
    plmr_table_fact(out, "device", "%s", "x");
    plmr_table_fact(out, "long", "%0200d and %d", 1, 2); /* a word too long for any line stays whole */
    fclose(out);
    assert_int_equal(strncmp(text, "  device    x\n  long      000", 26), 0);
    assert_non_null(strstr(text, "1\n            and 2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_misfit),
        cmocka_unit_test(test_fact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
