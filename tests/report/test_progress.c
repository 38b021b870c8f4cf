/* The line that a long run shows. */
#include "../support.h"

#include "report/progress.h"

static void test_line(void **state)
{
    (void)state;
    char line[160];
    plmr_progress_format(line, sizeof line, "meshgemm", 1800, 7200, 10);
    assert_string_equal(line, "meshgemm: step 1,800 of 7,200, 25 %, 30 s left");
    plmr_progress_format(line, sizeof line, "summa", 5, 5, 3);
    assert_string_equal(line, "summa: step 5 of 5, 100 %, 0 s left");
    plmr_progress_format(line, sizeof line, "table 4", 0, 10, 60);
    assert_string_equal(line, "table 4: step 0 of 10, 0 %");
    plmr_progress_format(line, sizeof line, "ring", 0, 0, 3);
    assert_string_equal(line, "ring: step 0 of 0, 100 %, 0 s left");
}

/* What is not enabled, or over soon, is never drawn. */
static void test_silent(void **state)
{
    (void)state;
    plmr_progress progress;
    plmr_progress_begin(&progress, "x", 1000, true);
    for (int i = 0; i < 1000; i++)
        plmr_progress_step(&progress, i);
    assert_false(progress.shown);
    plmr_progress_begin(&progress, "x", 1000, false);
    progress.next_s = 0;
    plmr_progress_step(&progress, 1);
    assert_false(progress.shown);
    plmr_progress_end(&progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_line), cmocka_unit_test(test_silent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
