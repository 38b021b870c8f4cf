/* Tables of options: defaults, tables in tables, what is said twice, without a name, or first; what is wrong; and files that
 * are read and written. */
#include "support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/option.h"
#include "base/text_file.h"
#include "cli/cli.h"
#include "serve/arrivals.h"
#include "text/sampler.h"

struct part {
    int side;
    double share;
};

struct said {
    int64_t count;
    bool loud;
    int sides[2];
    enum { ONE, TWO } word;
    plmr_chosen things;
    plmr_texts names;
    char **rest;
    struct part part;
    char order[8];
};

static const char *const thing_a[] = {"a", "first"}, *const thing_b[] = {"b", "second"};
static const void *const things[] = {thing_a, thing_b};
static const plmr_registry registry = {things, 2};
static const char *const words[] = {"one", "two", NULL};

static plmr_status note(const plmr_option *option, const char *text, void *member)
{
    (void)text;
    strncat(member, option->name, 1);
    return PLMR_OK;
}

static const plmr_option part_table[] = {
    {"side", "N", NULL, "A side", PLMR_COUNT(struct part, side, 9), .value = "3"},
    {"share", "X", NULL, "A share", PLMR_REAL(struct part, share, 0, 1), .value = "0.5"},
    {0},
};

static const plmr_option table[] = {
    {"count", "N", NULL, "How often", PLMR_WHOLE(struct said, count, 100), .value = "7", .letter = 'c'},
    {"loud", NULL, NULL, "Loudly", PLMR_FLAG(struct said, loud), .letter = 'l'},
    {"sides", "HxW", NULL, "Two sides", PLMR_PAIR(struct said, sides, "4x5")},
    {"word", "one|two", NULL, "A word: %s", PLMR_WORD(struct said, word, words), .value = "two"},
    {"things", "NAME,...|all", NULL, "Things", PLMR_SOME_OF(struct said, things, &registry), .value = "all"},
    {"side", "N", NULL, "Another default", PLMR_COUNT(struct said, part.side, 0), .value = "5"},
    PLMR_OPTIONS(struct said, part, part_table),
    {"early", NULL, NULL, "Before others", PLMR_READ_BY(note, struct said, order), .first = true},
    {"late", NULL, NULL, "As it comes", PLMR_READ_BY(note, struct said, order)},
    {"", "NAME", NULL, NULL, PLMR_ONE_MORE(struct said, names), .most = 2},
    {"--", NULL, NULL, NULL, PLMR_REST(struct said, rest)},
    {0},
};

/* Reads a line of words, which must outlive what is said. */
static plmr_status read_line(char *line, struct said *said, bool *help)
{
    static char *argv[20];
    int argc = 0;
    *said = (struct said){0};
    for (char *word; (word = strsep(&line, " "));)
        argv[argc++] = word;
    argv[argc] = NULL;
    return plmr_options_read(table, "plmr test", argc, argv, said, help);
}

static struct said said_by(const char *text)
{
    static char line[200];
    struct said said;
    bool help;
    snprintf(line, sizeof line, "test%s%s", *text ? " " : "", text);
    must(read_line(line, &said, &help));
    assert_false(help);
    return said;
}

static void defaults_are_read_like_what_is_said(void **state)
{
    (void)state;
    struct said said = said_by("");
    assert_true(said.count == 7 && !said.loud && said.word == TWO && said.part.share == 0.5);
    assert_true(said.things.all && said.things.n == 2 && said.things.at[1] == thing_b);
    assert_int_equal(said.part.side, 5); /* the row before the table's */
}

/* A row that fills something else than the one behind it leaves that its default. */
static void defaults_hold_behind_other_rows_of_a_name(void **state)
{
    static const plmr_option hiding[] = {
        {"count", NULL, NULL, "Something else", PLMR_FLAG(struct said, loud)}, {.table = table}, {0}};
    char *argv[] = {"test", "--count", NULL};
    struct said said = {0};
    bool help;
    (void)state;
    must(plmr_options_read(hiding, "plmr test", 2, argv, &said, &help));
    assert_true(said.loud && said.count == 7 && said.part.side == 5);
}

static void words_must_be_given(void **state)
{
    char *argv[] = {"test", "--count", NULL, "x"};
    struct said said = {0};
    bool help;
    (void)state;
    must_fail(plmr_options_read(table, "plmr test", 4, argv, &said, &help), PLMR_ERROR_INPUT, "word 2 of the command");
    must_fail(plmr_options_read(table, "plmr test", 2, NULL, &said, &help), PLMR_ERROR_INPUT, "word 1 of the command");
}

static void values_are_read(void **state)
{
    (void)state;
    struct said said = said_by("-c0 --loud --sides=4x5 x --word one --things b --side 12 --share 0.25 y -- --loud z");
    assert_true(said.count == 0 && said.loud && said.sides[0] == 4 && said.sides[1] == 5 && said.word == ONE);
    assert_true(!said.things.all && said.things.n == 1 && said.things.at[0] == thing_b);
    assert_true(said.part.side == 12 && said.part.share == 0.25);
    assert_true(said.names.n == 2 && strcmp(said.names.at[1], "y") == 0);
    assert_string_equal(said.rest[0], "--loud");
    assert_null(said.rest[2]);
    assert_true(said_by("--count 1 --count 2").count == 2);
    assert_string_equal(said_by("--late --early").order, "el");
}

static void help_is_asked_for_whatever_the_values(void **state)
{
    static const plmr_option with_help[] = {{"help", NULL, NULL, "Help", NULL, .letter = 'h'}, {.table = table}, {0}};
    char *argv[] = {"test", "--count", "none", "-h", NULL};
    struct said said = {0};
    bool help = false;
    (void)state;
    must(plmr_options_read(with_help, "plmr test", 4, argv, &said, &help));
    assert_true(help);
}

static void what_is_wrong_is_one_line(void **state)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"--count", "--count needs a value: --count N"},
        {"", "an empty word stands where"},
        {"-c", "-c needs a value: -c N"},
        {"--loud=yes", "--loud takes no value"},
        {"-lc", "-l takes no value"},
        {"--lout", "unknown option '--lout': did you mean '--loud'? (see plmr test --help)"},
        {"--x", "unknown option '--x' (see plmr test --help)"},
        {"-x", "unknown option '-x': options start with two dashes"},
        {"---- x", "unknown option '----'"},
        {"x y z", "unexpected 'z'"},
        {"--count 101", "--count: 101 is too large: at most 100"},
        {"--share 2", "--share: '2' is not a number from 0 to 1"},
        {"--sides 4", "--sides: '4' is not HxW, e.g. 4x5"},
        {"--word thre", "--word: unknown 'thre' (available: one, two)"},
        {"--things a,a", "--things: a is named twice"},
        {"--count 101 --lout", "unknown option '--lout'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[100];
        struct said said;
        bool help;
        snprintf(line, sizeof line, "test %s", cases[i].line);
        must_fail(read_line(line, &said, &help), PLMR_ERROR_INPUT, cases[i].error);
    }
}

/* Of all commands; one that writes is an output under any title. */
static void options_say_whether_they_read_or_write(void **state)
{
    static const char *const shown[] = {"FILE", "DIR", "RECORDS", "LOAD"};
    (void)state;
    for (int c = 0; c < plmr_command_count(); c++) {
        plmr_option_row rows[PLMR_MOST_OPTIONS];
        int n = plmr_command_rows(plmr_command_at(c), rows);
        for (int i = 0; i < n; i++) {
            const plmr_option *o = rows[i].option;
            bool is_path = false;
            for (size_t s = 0; s < sizeof shown / sizeof *shown; s++)
                is_path = is_path || (o->argument && strstr(o->argument, shown[s]));
            if (is_path && o->path == PLMR_NO_PATH)
                fail_msg("plmr %s --%s: neither reads nor writes", plmr_command_at(c)->name, o->name);
            if (strcmp(o->name, "json") == 0 || strcmp(o->name, "out") == 0)
                assert_true(plmr_option_is_output(o));
        }
    }
}

static const char *const known[] = {"a", "b", NULL};
static const plmr_option path_table[] = {
    {"in", "FILE", NULL, "", NULL, .path = PLMR_PATH_READ},
    {"json", "FILE|-", NULL, "", NULL, .path = PLMR_PATH_WRITTEN},
    {"out", "FILE", NULL, "", NULL, .path = PLMR_PATH_WRITTEN},
    {"dir", "DIR|none", NULL, "", NULL, .path = PLMR_PATH_FOLDER, .path_end = ":every ", .files = known},
    {0},
};

static plmr_status check_line(const char *text)
{
    char line[200], *at = line, *argv[20] = {"test"};
    int argc = 1;
    snprintf(line, sizeof line, "%s", text);
    for (char *word; (word = strsep(&at, "|"));)
        argv[argc++] = word;
    return plmr_options_check_files(path_table, "plmr test", argc, argv);
}

/* Beside there/a, there/b, both empty, and the link `link` to there. */
static void no_file_is_read_and_written(void **state)
{
    static const char *const lines[] = {
        "--in|there/a|--json|there/c|--dir|none",
        "--json|-|--out|-x|--dir|new/one",
        "--json|/dev/null|--out|/dev/null",
        "--json|new|--json|new",
        "--in|there/a|--json|there/b|--out|link/c",
        "--json|there/c|--dir|there",
        "--json|none|--dir|none",
        "--dir|here:every 3|--json|here:every 3",
    };
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"--in|there/a|--json|link/a", "--json: link/a is read by this run, too (--in)"},
        {"--in|there/a:hop=2:x=3|--out|there/a", "--out: there/a is read by this run, too (--in)"},
        {"--in|there/a|--dir|there", "--dir: there/a is read by this run, too (--in)"},
        {"--json|there/c|--out|link/c", "another option writes this file, too"},
        {"--json|new|--dir|new", "--json: new: another option writes this file, too"},
        {"--json|new|--dir|./new/one/:every 3", "--json: new: another option writes this file, too"},
        {"--json|new/a|--dir|new", "new/a: another option writes this file, too"},
        {"--dir|there/a", "--dir: cannot make the folder there/a: Not a directory"},
        {"--dir|/proc/new", "--dir: cannot make the folder /proc/new"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        must(check_line(lines[i]));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        must_fail(check_line(cases[i].line), PLMR_ERROR_INPUT, cases[i].error);
    must_fail(check_line("--json|new/c"), PLMR_ERROR_FILE, "--json: cannot write new/c: No such file");
    must_fail(check_line("--json|there"), PLMR_ERROR_FILE, "--json: cannot write there: Is a directory");
}

/* No blanks, signs or 0x where a number is meant, and nothing missing. */
static void parts_of_a_form_are_read_as_numbers_are(void **state)
{
    static const char *const ids[] = {"1,,2", "1,", ",1", ",", "1, ,2", "+1", "0x1", "1;2", "2147483648"},
                             *const lengths[] = {"+8/4", "8/ 4",  " 8/4",    "~+8/4", "1..0/4",
                                                 "8",    "8/4/2", "~1..2/4", "0/1"},
                             *const prefixes[] = {"1/8/0x.8", "1/8/ 0.5", "+1/8/0.5", "1/8/1.5", "0/8/0.5", "1/8"},
                             *const biases[] = {"1:0x10", "1: 2",  "+1:2", "1:2,", "1:inf",
                                                "1:1e99", "1:nan", ":2",   "1"};
    plmr_length prompt, output;
    plmr_prefixes shared;
    int32_t *list;
    int n;
    (void)state;
    must(plmr_parse_ids("--ids", " 1, 2 3\n,4 ", &list, &n));
    assert_true(n == 4 && list[3] == 4);
    free(list);
    must(plmr_lengths_parse("--lengths", "8..9/~4", &prompt, &output));
    assert_true(prompt.low == 8 && prompt.high == 9 && output.low == 4 && output.high == 32);
    must(plmr_prefixes_parse("--prefix", "1/8/5e-1", &shared));
    assert_true(shared.n == 1 && shared.n_tokens == 8 && shared.share == 0.5);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        must_fail(plmr_parse_ids("--ids", ids[i], &list, &n), PLMR_ERROR_INPUT, "token id");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        must_fail(plmr_lengths_parse("--lengths", lengths[i], &prompt, &output), PLMR_ERROR_INPUT, "is not PROMPT");
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        must_fail(plmr_prefixes_parse("--prefix", prefixes[i], &shared), PLMR_ERROR_INPUT, "is not N/TOKENS");
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++) {
        plmr_sampler_options sampler = {0};
        must_fail(plmr_logit_biases_parse("--logit-bias", biases[i], &sampler), PLMR_ERROR_INPUT, "is not ID:B");
        free(sampler.biases);
    }
}

/* A byte order mark and CR LF are of the file, not of its text. */
static void texts_are_read_plainly(void **state)
{
    char *text;
    size_t n;
    (void)state;
    FILE *file = fopen("there/a", "w");
    assert_true(file && fputs("\xef\xbb\xbf{\r\n}\r\n\r", file) >= 0 && fclose(file) == 0);
    must(plmr_file_read("there/a", 100, &text, &n));
    assert_true(n == 5 && strcmp(text, "{\n}\n\r") == 0);
    free(text);
    must(plmr_text_file_read("there/a", "a test", &text));
    assert_string_equal(text, "{\n}\n\r");
    free(text);
    must(plmr_file_read("there/a", 10, &text, &n)); /* all that is in the file */
    free(text);
    must_fail(plmr_file_read("there/a", 9, &text, &n), PLMR_ERROR_INPUT, "is too long");
    free(text);
    assert_int_equal(truncate("there/a", INT64_C(1) << 40), 0);
    must_fail(plmr_file_read("there/a", INT64_C(1) << 30, &text, &n), PLMR_ERROR_INPUT, "is too long");
    assert_null(text); /* nothing of it was read */
}

static int enter_folder(void **state)
{
    char folder[] = "/tmp/plmr-option-XXXXXX";
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 && mkdir("there", 0777) == 0 && symlink("there", "link") == 0 &&
                   close(open("there/a", O_CREAT, 0666)) == 0 && close(open("there/b", O_CREAT, 0666)) == 0
               ? 0
               : -1;
}

/* Which is empty but for what was put there. */
static int leave_folder(void **state)
{
    char folder[100];
    (void)state;
    return unlink("there/a") || unlink("there/b") || rmdir("there") || unlink("link") ||
           !getcwd(folder, sizeof folder) || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_read_like_what_is_said),
        cmocka_unit_test(defaults_hold_behind_other_rows_of_a_name),
        cmocka_unit_test(words_must_be_given),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(help_is_asked_for_whatever_the_values),
        cmocka_unit_test(what_is_wrong_is_one_line),
        cmocka_unit_test(options_say_whether_they_read_or_write),
        cmocka_unit_test(parts_of_a_form_are_read_as_numbers_are),
        cmocka_unit_test_setup_teardown(no_file_is_read_and_written, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(texts_are_read_plainly, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
