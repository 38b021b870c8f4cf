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
#include "report/format.h"

/* ---- values ---- */

static bool all_digits(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* 0 is a number here; beyond int64 it is the largest. */
static bool read_digits(const char *text, int64_t *value)
{
    if (!all_digits(text))
        return false;
    errno = 0;
    *value = strtoll(text, NULL, 10); /* INT64_MAX on overflow */
    return true;
}

plmr_status plmr_parse_count(const char *option, const char *text, int64_t most, int64_t *value)
{
    PLMR_CHECK(read_digits(text, value) && *value > 0, PLMR_ERROR_INPUT, "%s: '%.60s' is not a positive whole number",
               option, text);
    PLMR_CHECK(*value <= most, PLMR_ERROR_INPUT, "%s: %.60s is too large: at most %s", option, text,
               plmr_format_count(most).s);
    return PLMR_OK;
}

/* The characters between which ids stand. */
static const char id_ends[] = ", \t\r\n";

plmr_status plmr_parse_ids(const char *option, const char *text, int32_t **ids, int *n_ids)
{
    int32_t *list = plmr_take((strlen(text) / 2 + 1) * sizeof *list);
    int n = 0;
    for (const char *at = text + strspn(text, id_ends); *at; at += strspn(at, id_ends)) {
        char *end;
        errno = 0;
        long id = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : -1;
        if (id < 0 || errno || id > INT32_MAX || (*end && !strchr(id_ends, *end))) {
            free(list);
            return plmr_error_make(PLMR_ERROR_INPUT, "%s: '%.*s' is no token id, a whole number from 0", option,
                                   (int)strnlen(at, strcspn(at, id_ends) < 40 ? strcspn(at, id_ends) : 40), at);
        }
        list[n++] = (int32_t)id;
        at = end;
    }
    *ids = list;
    *n_ids = n;
    return PLMR_OK;
}

plmr_status plmr_parse_size(const char *option, const char *text, const char *form, int *rows, int *cols)
{
    char copy[32];
    int64_t sizes[2] = {0, 0};
    bool fits = strlen(text) < sizeof copy;
    if (fits)
        strcpy(copy, text);
    char *x = fits ? strchr(copy, 'x') : NULL;
    if (x)
        *x = '\0';
    PLMR_CHECK(x && read_digits(copy, &sizes[0]) && read_digits(x + 1, &sizes[1]) && sizes[0] > 0 && sizes[1] > 0,
               PLMR_ERROR_INPUT, "%s: '%.60s' is not %s", option, text, form);
    PLMR_CHECK(sizes[0] <= INT_MAX && sizes[1] <= INT_MAX, PLMR_ERROR_INPUT, "%s: '%.60s' is too large", option, text);
    *rows = (int)sizes[0];
    *cols = (int)sizes[1];
    return PLMR_OK;
}

static int find_word(const char *text, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    return -1;
}

static plmr_status unknown_word(const char *option, const char *text, const char *const *words, int n)
{
    char known[400] = "";
    size_t used = 0;
    const char *near = plmr_suggest(text, words, n);
    for (int i = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", words[i]);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s%sunknown '%.60s'%s%s%s (available: %s)", option, *option ? ": " : "",
                           text, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", known);
}

plmr_status plmr_parse_word(const char *option, const char *text, const char *const *words, int n, int *index)
{
    *index = find_word(text, words, n);
    return *index >= 0 ? PLMR_OK : unknown_word(option, text, words, n);
}

static plmr_status parse_each(const char *option, char *list, const char *const *words, int n, int *indices,
                              int *n_indices)
{
    for (char *word; (word = strsep(&list, ","));) {
        PLMR_CHECK(*word, PLMR_ERROR_INPUT, "%s: a name is missing beside a comma", option);
        PLMR_TRY(plmr_parse_word(option, word, words, n, &indices[*n_indices]));
        for (int i = 0; i < *n_indices; i++)
            PLMR_CHECK(indices[i] != indices[*n_indices], PLMR_ERROR_INPUT, "%s: %s is named twice", option, word);
        ++*n_indices;
    }
    return PLMR_OK;
}

plmr_status plmr_parse_words(const char *option, const char *text, const char *const *words, int n, int **indices,
                             int *n_indices)
{
    *n_indices = 0;
    *indices = plmr_take_zeroed((size_t)n + 1,
                                sizeof **indices); /* a list without repetition has n at most, and one that is wrong */
    if (strcmp(text, "all") == 0) {
        for (int i = 0; i < n; i++)
            (*indices)[i] = i;
        *n_indices = n;
        return PLMR_OK;
    }
    char *list = strdup(text);
    plmr_status status = list ? parse_each(option, list, words, n, *indices, n_indices)
                              : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    free(list);
    return status;
}

/* ---- the options that all runs share ---- */

enum {
    KEY_ALG = 0x100,
    KEY_CORES,
    KEY_DEVICE,
    KEY_DTYPE,
    KEY_MODE,
    KEY_VERIFY,
    KEY_SEED,
    KEY_ALLOW,
    KEY_PACE,
    KEY_RANKS,
    KEY_EVERY_STEP,
    KEY_PLAN,
    KEY_QUIET,
    KEY_TEXT,
    KEY_REPORT,
    KEY_TRACE,
    KEY_JSON = KEY_TRACE + PLMR_TRACE_KEYS
};

static const struct argp_option run_options[] = {
    PLMR_OPTION_GROUP(10, "What runs where:"),
    {"alg", KEY_ALG, "NAME,...|all", 0, "Which algorithms, see plmr list (default all)", 10},
    {"cores", KEY_CORES, "HxW", 0,
     "Region of H rows and W columns of cores; for allreduce also P, one row (default 64x64, or what the device has; "
     "allreduce: 64)",
     10},
    {"device", KEY_DEVICE, "NAME|FILE", 0,
     "A device of plmr device list, or your own file, perhaps with numbers of your own: wse2:hop=4,routes=64 (default "
     "wse2)",
     10},
    PLMR_OPTION_GROUP(20, "Values:"),
    {"mode", KEY_MODE, "compute|timing", 0, "With values, or the costs alone, which are the same (default compute)",
     20},
    {"dtype", KEY_DTYPE, "TYPE", 0,
     "How elements are stored: f32, f16 or bf16 (default f16; allreduce: f32, and not bf16)", 20},
    {"seed", KEY_SEED, "S", 0, "Which synthetic values (default 1)", 20},
    {"verify", KEY_VERIFY, NULL, 0, "Compare the result with one in double precision", 20},
    PLMR_OPTION_GROUP(30, "Running:"),
    {"allow", KEY_ALLOW, "M,R", 0, "Go on where a core's memory (M) or routes (R) are exceeded, and say so", 30},
    {"pace", KEY_PACE, "S", 0, "Let communication take S wall seconds per virtual second", 30},
    {"ranks", KEY_RANKS, "RxC", 0, "Grid of ranks (default: the shortest edges between blocks)", 30},
    {"every-step", KEY_EVERY_STEP, NULL, 0, "Advance all clocks at every step, without exact shortcuts", 30},
    PLMR_OPTION_GROUP(40, "Output:"),
    {"json", KEY_JSON, "FILE|-", 0, "One JSON object per algorithm; with - the table goes to standard error", 40},
    {"quiet", KEY_QUIET, NULL, 0, "Print no table and no progress", 40},
    PLMR_TRACE_OPTIONS(KEY_TRACE, 40),
    {"text", KEY_TEXT, NULL, 0, "Bars of cycles, routes and memory below the table", 40},
    {"report", KEY_REPORT, "FILE", 0, "An HTML page that shows the run core by core, for any browser", 40},
    {"plan", KEY_PLAN, NULL, 0, "Print steps, tiles and memory, and run nothing", 40},
    PLMR_OPTION_HELP,
    {0},
};

static plmr_status parse_cores(const char *text, plmr_run_options *options)
{
    int64_t cols;
    if (!options->may_be_row)
        return plmr_parse_size("--cores", text, "HxW, e.g. 360x360", &options->rows, &options->cols);
    if (!all_digits(text))
        return plmr_parse_size("--cores", text, "P or HxW, e.g. 512 or 360x360", &options->rows, &options->cols);
    PLMR_TRY(plmr_parse_count("--cores", text, INT_MAX, &cols));
    options->rows = 1;
    options->cols = (int)cols;
    return PLMR_OK;
}

static plmr_status parse_device(const char *text, plmr_run_options *options)
{
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "--device: a name is missing");
    options->device = text;
    return PLMR_OK;
}

static plmr_status parse_algorithms(const char *text, plmr_run_options *options)
{
    free(options->algorithms);
    options->algorithms = NULL;
    options->all = strcmp(text, "all") == 0;
    return plmr_parse_words("--alg", text, options->names, options->n_names, &options->algorithms,
                            &options->n_algorithms);
}

static const char *const dtype_names[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", [PLMR_BF16] = "bf16"};

static plmr_status parse_dtype(const char *option, const char *text, int n_names, enum plmr_dtype *dtype)
{
    int index;
    PLMR_TRY(plmr_parse_word(option, text, dtype_names, n_names, &index));
    *dtype = (enum plmr_dtype)index;
    return PLMR_OK;
}

plmr_status plmr_parse_dtype(const char *option, const char *text, enum plmr_dtype *dtype)
{
    return parse_dtype(option, text, 3, dtype);
}

plmr_status plmr_parse_accumulate(const char *text, enum plmr_dtype *accumulate)
{
    return parse_dtype("--accumulate", text, 2, accumulate);
}

static plmr_status parse_mode(const char *text, plmr_run_options *options)
{
    static const char *const names[] = {"compute", "timing"};
    int index;
    PLMR_TRY(plmr_parse_word("--mode", text, names, 2, &index));
    options->timing = index == 1;
    return PLMR_OK;
}

static plmr_status parse_seed(const char *text, plmr_run_options *options)
{
    PLMR_CHECK(read_digits(text, &options->seed), PLMR_ERROR_INPUT, "--seed: '%.60s' is not a whole number from 0",
               text);
    PLMR_CHECK(options->seed < INT64_MAX, PLMR_ERROR_INPUT, "--seed: %.60s is too large", text);
    return PLMR_OK;
}

plmr_status plmr_parse_allow(const char *text, bool *memory, bool *routes)
{
    static const char *const names[] = {"M", "R"};
    int *indices, n;
    plmr_status status = plmr_parse_words("--allow", text, names, 2, &indices, &n);
    for (int i = 0; i < n && !status; i++)
        *(indices[i] == 0 ? memory : routes) = true;
    free(indices);
    return status;
}

static plmr_status parse_pace(const char *text, plmr_run_options *options)
{
    char *end;
    options->pace = strtod(text, &end);
    PLMR_CHECK(end != text && !*end && isfinite(options->pace) && options->pace > 0, PLMR_ERROR_INPUT,
               "--pace: '%.60s' is not a positive number of seconds", text);
    return PLMR_OK;
}

static plmr_status parse_path(const char *option, const char *text, const char **path)
{
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "%s: the file's name is missing", option);
    *path = text;
    return PLMR_OK;
}

static plmr_status set_run_option(int key, const char *text, plmr_run_options *options)
{
    switch (key) {
    case KEY_ALG:
        return parse_algorithms(text, options);
    case KEY_CORES:
        return parse_cores(text, options);
    case KEY_DEVICE:
        return parse_device(text, options);
    case KEY_DTYPE:
        return plmr_parse_dtype("--dtype", text, &options->dtype);
    case KEY_MODE:
        return parse_mode(text, options);
    case KEY_SEED:
        return parse_seed(text, options);
    case KEY_ALLOW:
        return plmr_parse_allow(text, &options->allow_memory, &options->allow_routes);
    case KEY_PACE:
        return parse_pace(text, options);
    case KEY_RANKS:
        return plmr_parse_size("--ranks", text, "RxC, e.g. 2x3", &options->rank_rows, &options->rank_cols);
    case KEY_JSON:
        return parse_path("--json", text, &options->json);
    case KEY_REPORT:
        return parse_path("--report", text, &options->report);
    case KEY_QUIET:
        options->quiet = true;
        return PLMR_OK;
    case KEY_VERIFY:
        options->verify = true;
        return PLMR_OK;
    case KEY_TEXT:
        options->text = true;
        return PLMR_OK;
    case KEY_TRACE:
    case KEY_TRACE + 1:
    case KEY_TRACE + 2:
        return plmr_trace_option_set(key - KEY_TRACE, text, &options->trace);
    case KEY_EVERY_STEP:
        options->every_step = true;
        return PLMR_OK;
    default:
        options->plan = true;
        return PLMR_OK;
    }
}

static error_t parse_run_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key < KEY_ALG || key > KEY_JSON)
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_run_option(key, text, parse->options));
}

const struct argp plmr_run_argp = {.options = run_options, .parser = parse_run_option};

void plmr_run_options_init(plmr_run_options *options, const char *const *names, int n_names)
{
    *options = (plmr_run_options){
        .names = names, .n_names = n_names, .device = PLMR_DEVICE_DEFAULT, .dtype = PLMR_F16, .seed = 1};
}

plmr_status plmr_run_options_complete(plmr_run_options *options)
{
    return options->algorithms ? PLMR_OK : parse_algorithms("all", options);
}

void plmr_run_options_free(plmr_run_options *options)
{
    free(options->algorithms);
    options->algorithms = NULL;
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
