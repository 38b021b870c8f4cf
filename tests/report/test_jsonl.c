/* A file of records appears when it is complete, and not before. */
#include "../support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "report/jsonl.h"
#include "tests/drafts.h"

static char folder[64], path[96];

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/plmr-jsonl-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/r.jsonl", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int count_lines(const char *name)
{
    FILE *file = fopen(name, "r");
    int lines = 0;
    assert_non_null(file);
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void write_old(void)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("old\n", file);
    fclose(file);
}

/* As a run that fails. */
static void discard(plmr_draft *jsonl)
{
    must_fail(plmr_draft_close(jsonl, plmr_error_make(PLMR_ERROR_SYSTEM, "failed")), PLMR_ERROR_SYSTEM, "failed");
}

static void test_commit(void **state)
{
    (void)state;
    plmr_draft jsonl;
    write_old();
    must(plmr_jsonl_open("--json", path, &jsonl));
    must(plmr_jsonl_put(&jsonl, "{}"));
    must(plmr_jsonl_put(&jsonl, "{}"));
    assert_int_equal(count_lines(path), 1);
    assert_int_equal(count_drafts(path), 1);
    must(plmr_draft_close(&jsonl, PLMR_OK));
    assert_int_equal(count_lines(path), 2);
    assert_int_equal(count_drafts(path), 0);
    discard(&jsonl);
    assert_true(exists(path));
}

static void test_discard(void **state)
{
    (void)state;
    plmr_draft jsonl;
    must(plmr_jsonl_open("--json", path, &jsonl));
    must(plmr_jsonl_put(&jsonl, "{}"));
    discard(&jsonl);
    assert_false(exists(path));
    assert_int_equal(count_drafts(path), 0);
}

static void test_none(void **state)
{
    (void)state;
    plmr_draft jsonl;
    must(plmr_jsonl_open("--json", NULL, &jsonl));
    must(plmr_jsonl_put(&jsonl, "{}"));
    must(plmr_draft_close(&jsonl, PLMR_OK));
}

static void test_unwritable(void **state)
{
    (void)state;
    plmr_draft jsonl;
    must_fail(plmr_jsonl_open("--json", folder, &jsonl), PLMR_ERROR_FILE, "Is a directory");
    must_fail(plmr_jsonl_open("--json", "/nonexistent/r.jsonl", &jsonl), PLMR_ERROR_FILE, "/nonexistent/r.jsonl");
    discard(&jsonl);
}

/* A device is written to as it is. */
static void test_special_file(void **state)
{
    (void)state;
    plmr_draft jsonl;
    must(plmr_jsonl_open("--json", "/dev/null", &jsonl));
    must(plmr_jsonl_put(&jsonl, "{}"));
    must(plmr_draft_close(&jsonl, PLMR_OK));
    must(plmr_jsonl_open("--json", "/dev/full", &jsonl));
    must_fail(plmr_jsonl_put(&jsonl, "{}"), PLMR_ERROR_SYSTEM, "No space left");
    discard(&jsonl);
    assert_int_equal(count_drafts("/dev/null"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_discard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unwritable, set_up, tear_down),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_special_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
