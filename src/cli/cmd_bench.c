#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "bench/bench.h"
#include "cli/options.h"
#include "kernel/kernel.h"
#include "plmr/ranks.h"
#include "report/jsonl.h"
#include "report/record.h"

enum { MOST_REPEATS = 99 };

struct bench_command {
    int64_t repeat;
    const char *group; /* NULL: basic */
    plmr_chosen only;
    const char *json;
    plmr_draft records;
    plmr_bench_state state;
};

/* One item's measurements: medians, and the extremes of what was measured; and the work of one, in the yardstick's unit. */
struct outcome {
    double value, least, most, yardstick, ratio, work;
    const char *model;
};

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"only", "LIST", NULL, "Measure these alone: %s", PLMR_SOME_OF(struct bench_command, only, &plmr_bench_registry)},
    {"repeat", "N", NULL, "Measure everything N times, in turn with its yardstick, and take medians",
     PLMR_COUNT(struct bench_command, repeat, MOST_REPEATS), .value = "3"},
    {"model", "FILE|NAME", NULL, "The language model: a shape, or a GGUF file",
     PLMR_TEXT_READ(struct bench_command, state.name), .letter = 'm', .value = "tinyllama-1.1b"},
    {"json", "FILE|-", NULL, "One JSON object per item; with - the table goes to standard error",
     PLMR_TEXT_WRITTEN(struct bench_command, json)},
    {"", "basic|llm|all", NULL, NULL, PLMR_TEXT(struct bench_command, group), .most = 1},
    {0},
};

/* The items of a group, where none are named. */
static plmr_status choose(struct bench_command *c)
{
    static const char *const groups[] = {"basic", "llm", "all"};
    int group = 0;
    PLMR_CHECK(!c->group || !c->only.n, PLMR_ERROR_INPUT, "give '%.20s' or --only, not both", c->group);
    if (c->group)
        PLMR_TRY(plmr_parse_word("", c->group, groups, 3, &group));
    bool chooses = c->only.n == 0;
    for (int i = 0; chooses && i < plmr_bench_count(); i++)
        if (group == 2 || plmr_bench_at(i)->is_llm == (group == 1))
            c->only.at[c->only.n++] = plmr_bench_at(i);
    return PLMR_OK;
}

/* ---- measuring ---- */

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, plmr_compare_doubles);
    return n % 2 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

static plmr_status measure(const plmr_bench_item *item, plmr_yardsticks *yardsticks, plmr_bench_state *state,
                           int repeat, struct outcome *outcome)
{
    double values[MOST_REPEATS], sticks[MOST_REPEATS];
    for (int i = 0; i < repeat; i++) {
        sticks[i] = item->yardstick ? item->yardstick->measure(yardsticks) : 0;
        PLMR_TRY(item->measure(item, state, &values[i]));
    }
    outcome->value = median(values, repeat);
    outcome->least = values[0];
    outcome->most = values[repeat - 1];
    outcome->yardstick = median(sticks, repeat);
    outcome->model = state->name;
    outcome->work = item->work ? item->work(state) : 1;
    outcome->ratio = outcome->yardstick > 0 ? outcome->value * outcome->work / outcome->yardstick : NAN;
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
        snprintf(stick, sizeof stick, "%.1f %s", o->yardstick / o->work, item->yardstick->name);
        snprintf(share, sizeof share, "%.0f %%", 100 * o->ratio);
    }
    if (item->work)
        snprintf(target, sizeof target, "%.1f %s", o->value * o->work, item->work_unit);
    if (item->target > 0)
        snprintf(target, sizeof target, item->yardstick ? "%s %.0f %%" : "%s %.3g%s",
                 item->most ? "<=" : ">=", item->yardstick ? 100 * item->target : item->target,
                 item->most ? "" : " a rank");
    fprintf(out, "  %-52s %8.4g %-15s %-18s %6s  %-13s %s\n", item->what, o->value, item->unit, stick, share, target,
            verdict(item, o));
}

/* kernel: OpenBLAS's. */
static plmr_status put_record(const plmr_bench_item *item, const struct outcome *o, const char *kernel,
                              plmr_draft *records)
{
    plmr_provenance where = plmr_provenance_now();
    json_t *object = json_pack("{ss ss ss sf sf sf ss ss si ss ss ss ss}", "command", "bench", "name", item->name,
                               "what", item->what, "value", o->value, "least", o->least, "most", o->most, "unit",
                               item->unit, "verdict", verdict(item, o), "ranks", plmr_rank_count(), "kernel",
                               plmr_kernel_name(), "version", PLMR_VERSION, "host", where.host, "date", where.date);
    if (item->work) {
        json_object_set_new(object, "work", json_real(o->value * o->work));
        json_object_set_new(object, "work_unit", json_string(item->work_unit));
        json_object_set_new(object, "model", json_string(o->model));
    }
    if (o->yardstick > 0) {
        json_object_set_new(object, "yardstick", json_real(o->yardstick));
        json_object_set_new(object, "yardstick_name", json_string(item->yardstick->name));
        json_object_set_new(object, "openblas_kernel", json_string(kernel));
        json_object_set_new(object, "ratio", json_real(o->ratio));
    }
    return plmr_json_put(records, JSON_COMPACT | JSON_REAL_PRECISION(6), object);
}

static plmr_status run_items(struct bench_command *c, plmr_yardsticks *yardsticks)
{
    FILE *out = plmr_text_beside(c->json);
    if (plmr_rank() == 0)
        fprintf(out, "plmr %s on %d rank%s, kernel %s; medians of %lld; OpenBLAS's kernel: %s\n\n", PLMR_VERSION,
                plmr_rank_count(), plmr_rank_count() == 1 ? "" : "s", plmr_kernel_name(), (long long)c->repeat,
                *plmr_yardsticks_kernel(yardsticks) ? plmr_yardsticks_kernel(yardsticks) : "none");
    for (int i = 0; i < c->only.n; i++) {
        const plmr_bench_item *item = c->only.at[i];
        struct outcome outcome;
        PLMR_TRY(measure(item, yardsticks, &c->state, (int)c->repeat, &outcome));
        plmr_status status = PLMR_OK;
        if (plmr_rank() == 0) {
            print_row(out, item, &outcome);
            fflush(out);
            status = put_record(item, &outcome, plmr_yardsticks_kernel(yardsticks), &c->records);
        }
        PLMR_TRY(plmr_agree(status));
    }
    return PLMR_OK;
}

static plmr_status measure_all(struct bench_command *c)
{
    plmr_yardsticks *yardsticks;
    PLMR_TRY(plmr_agree(plmr_yardsticks_create(&yardsticks)));
    plmr_status status = run_items(c, yardsticks);
    plmr_bench_state_clear(&c->state);
    plmr_yardsticks_destroy(yardsticks);
    return status;
}

static plmr_status run(void *options)
{
    struct bench_command *c = options;
    PLMR_TRY(choose(c));
    plmr_status status = plmr_agree(plmr_rank() == 0 ? plmr_jsonl_open("--json", c->json, &c->records) : PLMR_OK);
    if (!status)
        status = measure_all(c);
    return plmr_agree(plmr_draft_close(&c->records, status));
}

const plmr_command plmr_command_bench = {
    .name = "bench",
    .summary = "measure the emulator's own speed beside yardsticks",
    .arguments = "[basic|llm|all]",
    .about =
        "Measures the emulator's own speed beside yardsticks that run in the same process, and its memory: its matrix "
        "products (basic, the default), a language model (llm: some minutes, 2.3 GB and 1 GB a rank), or all.",
    .options = options,
    .size = sizeof(struct bench_command),
    .run = run,
};
