/* The folder of a sweep: what is done stays, what is torn goes, and nobody else's results are touched. */
#include "../support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "sweep/journal.h"

static const char text[] =
    "{\"title\": \"t\", \"question\": \"q\", \"runs\": {\"r\": {\"command\": \"run\", \"vary\": {\"m\": [1, 2, 3]}}},"
    "\"columns\": [\"m\", \"cycles\"], \"plots\": [{\"title\": \"t\", \"x\": \"m\", \"y\": \"cycles\", "
    "\"x_label\": \"m\", \"y_label\": \"c\"}]}";

static const uint64_t keys[] = {0xa1, 0xa2, 0xa3};
static char folder[64], results[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/plmr-journal-XXXXXX");
    snprintf(results, sizeof results, "%s/a/b", mkdtemp(folder));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void read_file(const char *name, char *to, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", results, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    to[fread(to, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void append_file(const char *name, const char *what)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", results, name);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(what, file);
    fclose(file);
}

static plmr_status open_journal(const char *name, bool again, plmr_journal *journal)
{
    return plmr_journal_open(results, name, keys, 3, again, journal);
}

static void start(plmr_journal *journal)
{
    must(open_journal("e", false, journal));
    must(plmr_journal_describe(journal, "e", text, 1));
}

/* A line as a point's. */
static void add(plmr_journal *journal, int64_t i)
{
    char *line;
    assert_true(asprintf(&line, "{\"key\": \"%016llx\", \"point\": {\"m\": %d}, \"cycles\": %d}",
                         (unsigned long long)keys[i], (int)i + 1, 10 * ((int)i + 1)) > 0);
    must(plmr_journal_add(journal, i, line));
}

#define LINE(key, m, cycles) "{\"key\": \"00000000000000" key "\", \"point\": {\"m\": " m "}, \"cycles\": " cycles "}\n"

static void expect_records(const char *want)
{
    char got[1000];
    read_file("records.jsonl", got, sizeof got);
    assert_string_equal(got, want);
}

/* Points in any order; in the end they stand in theirs. */
static void a_whole_sweep(void **state)
{
    (void)state;
    plmr_journal journal;
    plmr_experiment *e;
    char csv[200];
    must(plmr_experiment_parse(text, "e.json", test_commands, 2, &e));
    start(&journal);
    add(&journal, 1);
    expect_records(LINE("a2", "2", "20"));
    add(&journal, 0);
    expect_records(LINE("a2", "2", "20") LINE("a1", "1", "10"));
    add(&journal, 2);
    must(plmr_journal_finish(&journal, e));
    plmr_journal_close(&journal);
    expect_records(LINE("a1", "1", "10") LINE("a2", "2", "20") LINE("a3", "3", "30"));
    read_file("table.csv", csv, sizeof csv);
    assert_string_equal(csv, "m,cycles\n1,10\n2,20\n3,30\n");
    plmr_experiment_destroy(e);
}

/* Of a line that is cut at any byte, damaged, or of no point, nothing is kept; of the others all. */
static void torn_and_foreign_lines(void **state)
{
    (void)state;
    static const char last[] = LINE("a3", "3", "30");
    plmr_journal journal;
    start(&journal);
    add(&journal, 0);
    plmr_journal_close(&journal);
    append_file("records.jsonl", "nonsense\n{}\n[]\n{\"key\": 5}\n{\"key\": \"a2\"}\n" LINE("ff", "2", "20"));
    append_file("records.jsonl", LINE("a1", "1", "999"));
    for (size_t n = 0; n < sizeof last; n++) {
        char part[sizeof last];
        snprintf(part, sizeof part, "%.*s", (int)n, last);
        char before[2000], path[128];
        read_file("records.jsonl", before, sizeof before);
        append_file("records.jsonl", part);
        must(open_journal("e", false, &journal));
        assert_true(journal.lines[0] && !journal.lines[1]);
        assert_int_equal(journal.n_done, 1 + (n == sizeof last - 1));
        assert_int_equal(!!journal.lines[2], n == sizeof last - 1);
        assert_int_equal(journal.n_dropped, 7);
        assert_non_null(strstr(journal.lines[0], "10}")); /* the first line of a point counts */
        if (n == sizeof last - 2) {                       /* the next point goes on a line of its own */
            add(&journal, 1);
            expect_records(LINE("a1", "1", "10") LINE("a2", "2", "20"));
        }
        plmr_journal_close(&journal);
        snprintf(path, sizeof path, "%s/records.jsonl", results);
        assert_int_equal(unlink(path), 0);
        append_file("records.jsonl", before);
    }
}

static void from_the_start_again(void **state)
{
    (void)state;
    plmr_journal journal;
    start(&journal);
    add(&journal, 0);
    add(&journal, 1);
    plmr_journal_close(&journal);
    must(open_journal("e", true, &journal));
    assert_int_equal(journal.n_done, 0);
    plmr_journal_close(&journal);
    expect_records(LINE("a1", "1", "10") LINE("a2", "2", "20")); /* nothing is lost before something is done */
    must(open_journal("e", true, &journal));
    add(&journal, 2);
    plmr_journal_close(&journal);
    expect_records(LINE("a3", "3", "30"));
}

/* As a run on this host leaves it that is killed. */
static void leave_lock(void)
{
    char path[160], host[200] = "", text[240];
    snprintf(path, sizeof path, "%s/.plmr-lock", results);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    snprintf(text, sizeof text, "%s 1\n", host);
    append_file(".plmr-lock", text);
}

static void the_folder_of_another(void **state)
{
    (void)state;
    plmr_journal journal, other;
    start(&journal);
    must_fail(open_journal("e", false, &other), PLMR_ERROR_INPUT, "another run is at work in ");
    plmr_journal_close(&journal);
    append_file(".plmr-lock", "elsewhere 77\n"); /* what a run on another host has, or has left */
    must_fail(open_journal("e", false, &other), PLMR_ERROR_INPUT, "process 77 on elsewhere: wait for it");
    must_fail(open_journal("e", false, &other), PLMR_ERROR_INPUT, "if there is no such process any more, remove ");
    leave_lock();
    must(open_journal("e", false, &journal)); /* what a killed run on this host has left is no hindrance */
    plmr_journal_close(&journal);
    must_fail(open_journal("f", false, &journal), PLMR_ERROR_INPUT, "holds other results than those of f");
    must_fail(open_journal("f", true, &journal), PLMR_ERROR_INPUT, "holds other results than those of f");
    char path[160];
    snprintf(path, sizeof path, "%s/provenance.json", results);
    assert_int_equal(unlink(path), 0);
    append_file("records.jsonl", "{}\n"); /* somebody's records, of whom nothing is known */
    must_fail(open_journal("e", false, &journal), PLMR_ERROR_INPUT, "holds other results");
    append_file("file", "");
    snprintf(path, sizeof path, "%s/file", results);
    must_fail(plmr_journal_open(path, "e", keys, 3, false, &journal), PLMR_ERROR_INPUT, "Not a directory");
    must_fail(plmr_journal_open("/proc/none/x", "e", keys, 3, false, &journal), PLMR_ERROR_INPUT,
              "cannot make the folder");
}

/* Nothing to do and nothing new: the description keeps its date. */
static void descriptions(void **state)
{
    (void)state;
    plmr_journal journal;
    char first[500], now[500];
    start(&journal);
    for (int i = 0; i < 3; i++)
        add(&journal, i);
    plmr_journal_close(&journal);
    append_file("provenance.json", "\n");
    read_file("provenance.json", first, sizeof first);
    start(&journal);
    plmr_journal_close(&journal);
    read_file("provenance.json", now, sizeof now);
    assert_string_equal(first, now);
    must(open_journal("e", false, &journal));
    must(plmr_journal_describe(&journal, "e", "{}", 1));
    plmr_journal_close(&journal);
    read_file("provenance.json", now, sizeof now);
    assert_string_not_equal(first, now);
    read_file("experiment.json", now, sizeof now);
    assert_string_equal(now, "{}");
}

static void lines_of_points(void **state)
{
    (void)state;
    plmr_experiment *e;
    plmr_sweep_point point;
    char *line;
    must(plmr_experiment_parse(text, "e.json", test_commands, 2, &e));
    plmr_sweep_point_make(e, 1, &point);
    line = plmr_journal_line(&point, 0xa2, "{\"cycles\": 0.1}\n", NULL);
    assert_string_equal(line,
                        "{\"key\": \"00000000000000a2\", \"run\": \"r\", \"point\": {\"m\": 2}, \"cycles\": 0.1}");
    free(line);
    line = plmr_journal_line(&point, 0xa2, NULL, "it \"fails\"");
    assert_string_equal(line, "{\"key\": \"00000000000000a2\", \"run\": \"r\", \"point\": {\"m\": 2}, \"command\": "
                              "\"run\", \"error\": \"it \\\"fails\\\"\"}");
    free(line);
    plmr_sweep_point_clear(&point);
    plmr_experiment_destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_sweep, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_and_foreign_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(from_the_start_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folder_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptions, set_up, tear_down),
        cmocka_unit_test(lines_of_points),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
