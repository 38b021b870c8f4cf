#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench/bench.h"
#include "cli/options.h"
#include "kernel/kernel.h"
#include "plmr/ranks.h"
#include "report/record.h"

enum { MOST_REPEATS = 99 };

struct bench_command {
    int64_t repeat;
    const char *group; /* NULL: basic */
    int *chosen, n_chosen;
    const char *json; /* "-": records on standard output, the table on standard error */
};

/* One item's measurements: medians, and the extremes of what was measured. */
struct outcome {
    double value, least, most, yardstick, ratio;
};

/* ---- the command line ---- */

enum { KEY_REPEAT = 0x200, KEY_ONLY, KEY_JSON };

static const struct argp_option options[] = {
    {"only", KEY_ONLY, "LIST", 0,
     "Measure these alone: clocks, steady, gemm-f32, gemm-f16, gemm-bf16, gemv-f32, gemv-f16, memory, llm-load, "
     "llm-prefill, llm-decode, llm-token-time, llm-prompt-time",
     1},
    {"repeat", KEY_REPEAT, "N", 0,
     "Measure everything N times, in turn with its yardstick, and take medians (default 3)", 1},
    {"json", KEY_JSON, "-", 0, "Print one JSON object per line on standard output, and the table on standard error", 1},
    PLMR_OPTION_HELP,
    {0},
};

static plmr_status parse_only(const char *text, struct bench_command *c)
{
    const char *names[32];
    for (int i = 0; i < plmr_bench_count(); i++)
        names[i] = plmr_bench_at(i)->name;
    free(c->chosen);
    return plmr_parse_words("--only", text, names, plmr_bench_count(), &c->chosen, &c->n_chosen);
}

/* The items of a group, where none are named. */
static plmr_status choose(struct bench_command *c)
{
    static const char *const groups[] = {"basic", "llm", "all"};
    int group = 0;
    PLMR_CHECK(!c->group || !c->n_chosen, PLMR_ERROR_INPUT, "give '%.20s' or --only, not both", c->group);
    if (c->group)
        PLMR_TRY(plmr_parse_word("", c->group, groups, 3, &group));
    if (c->n_chosen)
        return PLMR_OK;
    c->chosen = plmr_take_zeroed((size_t)plmr_bench_count(), sizeof *c->chosen);
    for (int i = 0; i < plmr_bench_count(); i++)
        if (group == 2 || plmr_bench_at(i)->is_llm == (group == 1))
            c->chosen[c->n_chosen++] = i;
    return PLMR_OK;
}

static plmr_status set_option(int key, const char *text, struct bench_command *c)
{
    if (key == KEY_REPEAT)
        return plmr_parse_count("--repeat", text, MOST_REPEATS, &c->repeat);
    if (key == KEY_ONLY)
        return parse_only(text, c);
    PLMR_CHECK(strcmp(text, "-") == 0, PLMR_ERROR_INPUT, "--json: give '-', and send standard output to a file");
    c->json = text;
    return PLMR_OK;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    plmr_parse_state *parse = state->input;
    if (key == ARGP_KEY_ARG) {
        ((struct bench_command *)parse->options)->group = text;
        return 0;
    }
    if (key < KEY_REPEAT || key > KEY_JSON)
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "[basic|llm|all]",
    .doc =
        "Measures the emulator's own speed beside yardsticks that run in the same process, and its memory: its matrix "
        "products (basic, the default), a language model (llm: some minutes, 2.3 GB and 1 GB a rank), or all.",
};

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/* A value in the yardstick's unit. */
static double work_of(const plmr_bench_item *item, double value)
{
    return item->work > 0 ? value * item->work : value;
}

static plmr_status measure(const plmr_bench_item *item, plmr_yardsticks *yardsticks, plmr_bench_state *state,
                           int repeat, struct outcome *outcome)
{
    double values[MOST_REPEATS], sticks[MOST_REPEATS];
    for (int i = 0; i < repeat; i++) {
        sticks[i] = item->yardstick ? item->yardstick(yardsticks) : 0;
        PLMR_TRY(item->measure(item, state, &values[i]));
    }
    outcome->value = median(values, repeat);
    outcome->least = values[0];
    outcome->most = values[repeat - 1];
    outcome->yardstick = median(sticks, repeat);
    outcome->ratio = outcome->yardstick > 0 ? work_of(item, outcome->value) / outcome->yardstick : NAN;
    return PLMR_OK;
}

/* ---- telling ---- */

/* Whether the target is met; of an item whose yardstick is missing nothing can be said. */
static const char *verdict(const plmr_bench_item *item, const struct outcome *outcome)
{
    double reached = item->yardstick ? outcome->ratio
                     : item->most    ? outcome->value
                                     : outcome->value / plmr_rank_count();
    if (item->target <= 0 || !isfinite(reached))
        return "-";
    return (item->most ? reached <= item->target : reached >= item->target) ? "met" : "MISSED";
}

static void print_row(FILE *out, const plmr_bench_item *item, const struct outcome *o)
{
    char stick[48] = "", share[16] = "", target[32] = "";
    if (o->yardstick > 0) {
        snprintf(stick, sizeof stick, "%.1f %s", o->yardstick / work_of(item, 1), item->yardstick_name);
        snprintf(share, sizeof share, "%.0f %%", 100 * o->ratio);
    }
    if (item->work > 0)
        snprintf(target, sizeof target, "%.1f %s", work_of(item, o->value), item->work_unit);
    if (item->target > 0)
        snprintf(target, sizeof target, item->yardstick ? "%s %.0f %%" : "%s %.3g%s",
                 item->most ? "<=" : ">=", item->yardstick ? 100 * item->target : item->target,
                 item->most ? "" : " a rank");
    fprintf(out, "  %-52s %8.4g %-15s %-18s %6s  %-13s %s\n", item->what, o->value, item->unit, stick, share, target,
            verdict(item, o));
}

static plmr_status print_json(const plmr_bench_item *item, const struct outcome *o)
{
    plmr_provenance where = plmr_provenance_now();
    json_t *object = json_pack("{ss ss ss sf sf sf ss ss si ss ss ss ss}", "command", "bench", "name", item->name,
                               "what", item->what, "value", o->value, "least", o->least, "most", o->most, "unit",
                               item->unit, "verdict", verdict(item, o), "ranks", plmr_rank_count(), "kernel",
                               plmr_kernel_name(), "version", PLMR_VERSION, "host", where.host, "date", where.date);
    PLMR_CHECK(object, PLMR_ERROR_SYSTEM, "out of memory");
    if (item->work > 0) {
        json_object_set_new(object, "work", json_real(work_of(item, o->value)));
        json_object_set_new(object, "work_unit", json_string(item->work_unit));
    }
    if (o->yardstick > 0) {
        json_object_set_new(object, "yardstick", json_real(o->yardstick));
        json_object_set_new(object, "yardstick_name", json_string(item->yardstick_name));
        json_object_set_new(object, "ratio", json_real(o->ratio));
    }
    int failed = json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6)) || putchar('\n') < 0;
    json_decref(object);
    PLMR_CHECK(!failed, PLMR_ERROR_SYSTEM, "cannot write to standard output");
    return PLMR_OK;
}

static plmr_status run_items(const struct bench_command *c, plmr_yardsticks *yardsticks, plmr_bench_state *state)
{
    FILE *out = c->json ? stderr : stdout;
    if (plmr_rank() == 0)
        fprintf(out, "plmr %s on %d rank%s, kernel %s; medians of %lld\n\n", PLMR_VERSION, plmr_rank_count(),
                plmr_rank_count() == 1 ? "" : "s", plmr_kernel_name(), (long long)c->repeat);
    for (int i = 0; i < c->n_chosen; i++) {
        const plmr_bench_item *item = plmr_bench_at(c->chosen[i]);
        struct outcome outcome;
        PLMR_TRY(measure(item, yardsticks, state, (int)c->repeat, &outcome));
        plmr_status status = PLMR_OK;
        if (plmr_rank() == 0) {
            print_row(out, item, &outcome);
            fflush(out);
            status = c->json ? print_json(item, &outcome) : PLMR_OK;
        }
        PLMR_TRY(plmr_agree(status));
    }
    return PLMR_OK;
}

static plmr_status run(const struct bench_command *c)
{
    plmr_yardsticks *yardsticks;
    plmr_bench_state state = {.model = NULL};
    PLMR_TRY(plmr_agree(plmr_yardsticks_create(&yardsticks)));
    plmr_status status = run_items(c, yardsticks, &state);
    plmr_bench_state_clear(&state);
    plmr_yardsticks_destroy(yardsticks);
    return status;
}

plmr_status plmr_command_bench(int argc, char **argv)
{
    bool help = false;
    struct bench_command c = {.repeat = 3};
    plmr_status status = plmr_options_parse_most(&argp, "bench", argc, argv, 1, &c, &help);
    if (!status && !help)
        status = choose(&c);
    if (!status && !help)
        status = run(&c);
    free(c.chosen);
    return status;
}
