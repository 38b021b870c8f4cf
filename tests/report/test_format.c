/* Numbers as people read them. */
#include "../support.h"

#include <math.h>

#include "base/format.h"

static void test_count(void **state)
{
    (void)state;
    assert_string_equal(plmr_format_count(0).s, "0");
    assert_string_equal(plmr_format_count(999).s, "999");
    assert_string_equal(plmr_format_count(1000).s, "1,000");
    assert_string_equal(plmr_format_count(1234567).s, "1,234,567");
    assert_string_equal(plmr_format_count(-12345).s, "-12,345");
    assert_string_equal(plmr_format_count(INT64_MAX).s, "9,223,372,036,854,775,807");
    assert_string_equal(plmr_format_count(INT64_MIN).s, "-9,223,372,036,854,775,808");
}

static void test_counted_and_rate(void **state)
{
    (void)state;
    assert_string_equal(plmr_format_counted(1, "token").s, "1 token");
    assert_string_equal(plmr_format_counted(0, "token").s, "0 tokens");
    assert_string_equal(plmr_format_counted(1234, "token").s, "1,234 tokens");
    assert_string_equal(plmr_format_rate(571500).s, "571,500");
    assert_string_equal(plmr_format_rate(999.96).s, "1,000");
    assert_string_equal(plmr_format_rate(12.5).s, "12.5");
    assert_string_equal(plmr_format_rate(0.012345).s, "0.01235");
    assert_string_equal(plmr_format_rate(INFINITY).s, "-");
}

static void test_cycles(void **state)
{
    (void)state;
    assert_string_equal(plmr_format_cycles(0).s, "0");
    assert_string_equal(plmr_format_cycles(1338.5).s, "1,338.5");
    assert_string_equal(plmr_format_cycles(1000.25).s, "1,000.25");
    assert_string_equal(plmr_format_cycles(8852.0625).s, "8,852.06");
    assert_string_equal(plmr_format_cycles(999.999).s, "1,000");
    assert_string_equal(plmr_format_cycles(NAN).s, "-");
    assert_string_equal(plmr_format_cycles(INFINITY).s, "-");
}

static void test_quantity(void **state)
{
    (void)state;
    assert_string_equal(plmr_format_quantity(112.2e-6, "s").s, "112.2 us");
    assert_string_equal(plmr_format_quantity(1.5, "s").s, "1.500 s");
    assert_string_equal(plmr_format_quantity(23.41e9, "").s, "23.41 G");
    assert_string_equal(plmr_format_quantity(12, "").s, "12.00");
    assert_string_equal(plmr_format_quantity(0, "J").s, "0 J");
    assert_string_equal(plmr_format_quantity(999.96, "J").s, "1.000 kJ"); /* not 1000.0 J */
    assert_string_equal(plmr_format_quantity(-2.5e-3, "s").s, "-2.500 ms");
    assert_string_equal(plmr_format_quantity(NAN, "J").s, "-");
}

static void test_percent_and_error(void **state)
{
    (void)state;
    assert_string_equal(plmr_format_percent(0.6731).s, "67.3 %");
    assert_string_equal(plmr_format_percent(NAN).s, "-");
    assert_string_equal(plmr_format_error(3.14e-4).s, "3.1e-04");
    assert_string_equal(plmr_format_error(0).s, "0");
    assert_string_equal(plmr_format_error(INFINITY).s, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),    cmocka_unit_test(test_counted_and_rate),  cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_quantity), cmocka_unit_test(test_percent_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
