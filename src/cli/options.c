#include "cli/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/suggest.h"
#include "cli/trace.h"
#include "plmr/device.h"
#include "plmr/ranks.h"

/* ---- tables ---- */

const char *const plmr_dtypes[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", [PLMR_BF16] = "bf16", NULL};
const char *const plmr_sum_dtypes[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", NULL};

/* "M", "R" or both: sets what is named, the first of two bools or the second. */
plmr_status plmr_read_allow(const plmr_option *option, const char *text, void *member)
{
    static const char *const names[] = {"M", "R"};
    int which[3], n;
    bool *allowed = member;
    PLMR_TRY(plmr_parse_words(plmr_option_shown(option).s, text, names, 2, which, &n));
    for (int i = 0; i < n; i++)
        allowed[which[i]] = true;
    return PLMR_OK;
}

static plmr_status read_pace(const plmr_option *option, const char *text, void *member)
{
    char *end;
    double *pace = member;
    *pace = strtod(text, &end);
    PLMR_CHECK(end != text && !*end && isfinite(*pace) && *pace > 0, PLMR_ERROR_INPUT,
               "%s: '%.60s' is not a positive number of seconds", plmr_option_shown(option).s, text);
    return PLMR_OK;
}

const plmr_option plmr_run_table[] = {
    {"cores", "HxW", PLMR_TITLE_PLACE,
     "Region of H rows and W columns of cores (default 64x64, or what the device has)",
     PLMR_PAIR(plmr_run_options, rows, "360x360")},
    {"device", "NAME|FILE", PLMR_TITLE_PLACE, PLMR_DEVICE_HELP, PLMR_TEXT(plmr_run_options, device),
     .value = PLMR_DEVICE_DEFAULT},
    {"mode", "compute|timing", PLMR_TITLE_VALUES, "With values, or the costs alone, which are the same",
     PLMR_WORD(plmr_run_options, timing, plmr_modes), .value = "compute"},
    {"dtype", "TYPE", PLMR_TITLE_VALUES, "How elements are stored: %s", PLMR_WORD(plmr_run_options, dtype, plmr_dtypes),
     .value = "f16"},
    {"seed", "S", PLMR_TITLE_VALUES, "Which synthetic values", PLMR_WHOLE(plmr_run_options, seed, 0), .value = "1"},
    {"verify", NULL, PLMR_TITLE_VALUES, "Compare the result with one in double precision",
     PLMR_FLAG(plmr_run_options, verify)},
    {"allow", "M,R", PLMR_TITLE_RUNNING, PLMR_ALLOW_HELP,
     PLMR_READ_BY(plmr_read_allow, plmr_run_options, allow_memory)},
    {"pace", "S", PLMR_TITLE_RUNNING, "Let communication take S wall seconds per virtual second",
     PLMR_READ_BY(read_pace, plmr_run_options, pace)},
    {"ranks", "RxC", PLMR_TITLE_RUNNING, "Grid of ranks (default: the shortest edges between blocks)",
     PLMR_PAIR(plmr_run_options, rank_rows, "2x3")},
    {"every-step", NULL, PLMR_TITLE_RUNNING, "Advance all clocks at every step, without exact shortcuts",
     PLMR_FLAG(plmr_run_options, every_step)},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object per algorithm; with - the table goes to standard error",
     PLMR_TEXT(plmr_run_options, json)},
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no table and no progress", PLMR_FLAG(plmr_run_options, quiet)},
    PLMR_OPTIONS(plmr_run_options, trace, plmr_trace_table),
    {"text", NULL, PLMR_TITLE_OUTPUT, "Bars of cycles, routes and memory below the table",
     PLMR_FLAG(plmr_run_options, text)},
    {"report", "FILE", PLMR_TITLE_OUTPUT, PLMR_REPORT_HELP, PLMR_TEXT(plmr_run_options, report)},
    {"plan", NULL, PLMR_TITLE_OUTPUT, "Print steps, tiles and memory, and run nothing",
     PLMR_FLAG(plmr_run_options, plan)},
    {0},
};

const char *const plmr_modes[] = {"compute", "timing", NULL};

/* ---- for commands with argp ---- */

plmr_status plmr_parse_dtype(const char *option, const char *text, enum plmr_dtype *dtype)
{
    int index;
    PLMR_TRY(plmr_parse_word(option, text, plmr_dtypes, 3, &index));
    *dtype = (enum plmr_dtype)index;
    return PLMR_OK;
}

plmr_status plmr_parse_allow(const char *text, bool *memory, bool *routes)
{
    bool allowed[2] = {*memory, *routes};
    static const plmr_option allow = {.name = "allow"};
    PLMR_TRY(plmr_read_allow(&allow, text, allowed));
    *memory = allowed[0];
    *routes = allowed[1];
    return PLMR_OK;
}

/* ---- the command line ---- */

error_t plmr_parse_result(struct argp_state *state, plmr_status error)
{
    plmr_parse_state *parse = state->input;
    parse->error = error;
    return error ? EINVAL : 0;
}

/* Calls visit for every option of a tree of argps until it returns true. */
static const struct argp_option *
each_option(const struct argp *argp, bool (*visit)(const struct argp_option *option, void *context), void *context)
{
    for (const struct argp_option *option = argp->options; option && (option->name || option->doc); option++)
        if (option->name && visit(option, context))
            return option;
    for (const struct argp_child *child = argp->children; child && child->argp; child++) {
        const struct argp_option *found = each_option(child->argp, visit, context);
        if (found)
            return found;
    }
    return NULL;
}

enum { MOST_OPTIONS = 64, MOST_LENGTH = 40 };

static bool has_name(const struct argp_option *option, void *name)
{
    return strcmp(option->name, name) == 0;
}

static bool has_letter(const struct argp_option *option, void *letter)
{
    return option->key == *(const char *)letter;
}

struct names {
    plmr_option_name *names;
    int n, most;
};

static bool collect_name(const struct argp_option *option, void *context)
{
    struct names *names = context;
    names->names[names->n++] = (plmr_option_name){option->name, option->arg};
    return names->n == names->most;
}

int plmr_options_list(const struct argp *argp, plmr_option_name *names, int most)
{
    struct names list = {names, 0, most};
    each_option(argp, collect_name, &list);
    return list.n;
}

static plmr_status unknown_option(const struct argp *argp, const char *command, const char *name)
{
    plmr_option_name options[MOST_OPTIONS];
    const char *names[MOST_OPTIONS];
    int n = plmr_options_list(argp, options, MOST_OPTIONS);
    for (int i = 0; i < n; i++)
        names[i] = options[i].name;
    const char *near = plmr_suggest(name, names, n);
    return plmr_error_make(PLMR_ERROR_INPUT, "unknown option '--%.60s'%s%s%s (see plmr %s --help)", name,
                           near ? ": did you mean '--" : "", near ? near : "", near ? "'?" : "", command);
}

/* What is on the command line, before argp sees it: argp's own complaints take two lines and do not suggest anything,
 * and it takes abbreviations, of which a later option could change the meaning. */
typedef struct scan {
    const struct argp *argp;
    const char *command;
    int argc;
    char **argv;
    int at;
    const char **args; /* arguments that are no options */
    int n_args, most_args;
    bool help;
} scan;

/* An option that was given as `shown`: "--cores", "-m"; and whether a value hangs on it. */
static plmr_status scan_known(scan *scan, const struct argp_option *option, const char *shown, bool has_value)
{
    scan->help = scan->help || strcmp(option->name, "help") == 0;
    PLMR_CHECK(option->arg || !has_value, PLMR_ERROR_INPUT, "%s takes no value", shown);
    if (option->arg && !has_value) {
        PLMR_CHECK(scan->at + 1 < scan->argc, PLMR_ERROR_INPUT, "%s needs a value: %s %s", shown, shown, option->arg);
        scan->at++;
    }
    return PLMR_OK;
}

static plmr_status scan_option(scan *scan)
{
    const char *word = scan->argv[scan->at] + 2, *equals = strchr(word, '=');
    char name[MOST_LENGTH], shown[MOST_LENGTH + 2];
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    snprintf(shown, sizeof shown, "--%s", name);
    const struct argp_option *option = each_option(scan->argp, has_name, name);
    return option ? scan_known(scan, option, shown, equals) : unknown_option(scan->argp, scan->command, name);
}

/* "-m FILE" or "-mFILE"; letters are not taken together, as in "-hm". */
static plmr_status scan_letter(scan *scan)
{
    const char *word = scan->argv[scan->at];
    char shown[] = {'-', word[1], '\0'};
    const struct argp_option *option = each_option(scan->argp, has_letter, shown + 1);
    PLMR_CHECK(option, PLMR_ERROR_INPUT, "unknown option '%.60s': options start with two dashes (see plmr %s --help)",
               word, scan->command);
    return scan_known(scan, option, shown, word[2]);
}

static plmr_status scan_word(scan *scan)
{
    const char *word = scan->argv[scan->at];
    if (strncmp(word, "--", 2) == 0 && word[2])
        return scan_option(scan);
    if (word[0] == '-')
        return scan_letter(scan);
    PLMR_CHECK(scan->n_args < scan->most_args, PLMR_ERROR_INPUT, "unexpected '%.60s' (see plmr %s --help)", word,
               scan->command);
    scan->args[scan->n_args++] = word;
    return PLMR_OK;
}

static plmr_status scan_all(scan *scan)
{
    for (scan->at = 1; scan->at < scan->argc; scan->at++)
        PLMR_TRY(scan_word(scan));
    return PLMR_OK;
}

/* Without argp's note on short options, which puts off more than it explains. */
static void print_help(const struct argp *argp, const char *command)
{
    char name[MOST_LENGTH];
    snprintf(name, sizeof name, "plmr %s", command);
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    if (plmr_rank() == 0)
        argp_help(argp, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, name);
}

plmr_status plmr_arguments_parse(const struct argp *argp, const char *command, int argc, char **argv, int most,
                                 const char **args, bool *help)
{
    scan scan = {.argp = argp, .command = command, .argc = argc, .argv = argv, .args = args, .most_args = most};
    for (int i = 0; i < most; i++)
        args[i] = NULL;
    PLMR_TRY(scan_all(&scan));
    *help = scan.help;
    if (scan.help)
        print_help(argp, command);
    return PLMR_OK;
}

plmr_status plmr_options_parse(const struct argp *argp, const char *command, int argc, char **argv, void *options,
                               bool *help)
{
    return plmr_options_parse_most(argp, command, argc, argv, 0, options, help);
}

plmr_status plmr_options_parse_most(const struct argp *argp, const char *command, int argc, char **argv, int most,
                                    void *options, bool *help)
{
    const char **args = plmr_take_zeroed((size_t)most + 1, sizeof *args);
    plmr_status status = plmr_arguments_parse(argp, command, argc, argv, most, args, help);
    free(args);
    if (status || *help)
        return status;
    plmr_parse_state parse = {.options = options};
    error_t failed = argp_parse(argp, argc, argv, ARGP_SILENT, NULL, &parse);
    if (failed && !parse.error)
        return plmr_error_make(PLMR_ERROR_SYSTEM, "cannot read the command line: %s", strerror(failed));
    return parse.error;
}
