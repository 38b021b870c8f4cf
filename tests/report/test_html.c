/* Pages are whole or not there: a disk that is full, which a limit to the size of files stands in for, leaves nothing.
 * What is markup in the data does not end its element. */
#include "tests/support.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "report/html.h"
#include "tests/drafts.h"

static char folder[] = "/tmp/plmr_html_XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/r.html", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void open_page(plmr_html *html, const char *algorithm)
{
    must(plmr_html_open("--report", path, html));
    plmr_html_add(html, json_pack("{s:{s:s}}", "record", "algorithm", algorithm));
}

static void test_markup(void **state)
{
    (void)state;
    static char text[1 << 20];
    plmr_html html;
    open_page(&html, "</script><!--\n<script>");
    assert_true(count_drafts(path) == 1 && !exists(path));
    must(plmr_html_close(&html, PLMR_OK));
    assert_true(exists(path) && !count_drafts(path));
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *data = strstr(text, PLMR_HTML_DATA_BEGIN) + strlen(PLMR_HTML_DATA_BEGIN);
    const char *end = strstr(data, PLMR_HTML_DATA_END);
    assert_true(memchr(data, '<', (size_t)(end - data)) == NULL);
    json_t *json = json_loadb(data, (size_t)(end - data), 0, NULL);
    const json_t *record = json_object_get(json_array_get(json_object_get(json, "runs"), 0), "record");
    assert_string_equal(json_string_value(json_object_get(record, "algorithm")), "</script><!--\n<script>");
    json_decref(json);
}

static void test_discard(void **state)
{
    (void)state;
    plmr_html html;
    open_page(&html, "meshgemm");
    must_fail(plmr_html_close(&html, plmr_error_make(PLMR_ERROR_SYSTEM, "failed")), PLMR_ERROR_SYSTEM, "failed");
    assert_true(!exists(path) && !count_drafts(path));
}

static void test_full_disk(void **state)
{
    (void)state;
    plmr_html html;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){20000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    open_page(&html, "meshgemm");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    plmr_status status = plmr_html_close(&html, PLMR_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    must_fail(status, PLMR_ERROR_SYSTEM, "--report: cannot write");
    assert_true(!exists(path) && !count_drafts(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_markup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_discard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
