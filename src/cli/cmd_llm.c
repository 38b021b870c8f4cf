#include "cli/cli.h"

#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wall.h"
#include "baseline/plans.h"
#include "cli/settings.h"
#include "run/llm_kept.h"

static const char *const phase_names[] = {"both", "prefill", "decode", NULL};

enum fuse { BY_DEFAULT, FUSED, UNFUSED };
static const char *const fuses[] = {"auto", "yes", "no", NULL};

struct llm_command {
    plmr_llm_options llm;
    int64_t n_context; /* 0: the prompt */
    bool text;
    enum fuse fuse;
    plmr_llm_kept kept;
};

/* ---- the command line ---- */

static plmr_status read_layers(const plmr_option *option, const char *text, void *member)
{
    plmr_llm_setup *setup = member;
    const char *at = text;
    int64_t first, last;
    bool read = plmr_scan_whole(&at, INT_MAX, &first) && plmr_scan_text(&at, "..") &&
                plmr_scan_whole(&at, (1 << 20) - 1, &last) && !*at;
    PLMR_CHECK(read && last >= first, PLMR_ERROR_INPUT, "%s: '%.60s' is not A..B with layers counted from 0, e.g. 0..7",
               plmr_option_shown(option).s, text);
    setup->first_layer = (int)first;
    setup->n_layers = (int)(last - first) + 1;
    return PLMR_OK;
}

#define MODEL "Model and tokens:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", MODEL, PLMR_MODEL_HELP, PLMR_TEXT_READ(struct llm_command, llm.model), .letter = 'm',
     .value = "tinyllama-1.1b"},
    {"prompt", "N", MODEL, "Tokens of the prompt", PLMR_COUNT(struct llm_command, llm.n_prompt, 1 << 24),
     .value = "512"},
    {"decode", "N", MODEL, "Tokens that decode makes", PLMR_COUNT(struct llm_command, llm.n_decode, 1 << 24),
     .value = "32"},
    {"context", "N", MODEL, "Tokens in the cache when decode starts (default: the prompt)",
     PLMR_COUNT(struct llm_command, n_context, 1 << 24)},
    {"batch", "B", MODEL, "Requests, with a prompt each, that are run together",
     PLMR_COUNT(struct llm_command, llm.setup.n_batch, 4096), .value = "1"},
    {"phase", "PHASE", MODEL, "What is run: %s", PLMR_WORD(struct llm_command, llm.phases, phase_names),
     .value = "both"},
    {"layers", "A..B", MODEL,
     "Place and compute these layers alone, counted from 0; virtual time is scaled to all of them",
     PLMR_READ_BY(read_layers, struct llm_command, llm.setup)},
    {"prefill-layers", "N", MODEL, "Layers of a prefill region, at most (default: as many as fit)",
     PLMR_COUNT(struct llm_command, llm.setup.phase[PLMR_PREFILL].layers, 1 << 20)},
    {"decode-layers", "N", MODEL, "Layers of a decode region, at most (default: as many as fit)",
     PLMR_COUNT(struct llm_command, llm.setup.phase[PLMR_DECODE].layers, 1 << 20)},
    {"expert-load", "LOAD", MODEL,
     "How tokens are spread over experts in virtual time: uniform, zipf:S, or a file of --expert-trace "
     "(default: uniform)",
     PLMR_TEXT_READ(struct llm_command, llm.expert_load)},
    {"expert-capacity", "F", MODEL,
     "An expert takes F times its even share of tokens at most, others are dropped in virtual time (default: all)",
     PLMR_REAL(struct llm_command, llm.setup.load.capacity, 0.01, 1024)},
    {"mode", "compute|timing", MODEL, "With values, or the costs alone, which are the same",
     PLMR_WORD(struct llm_command, llm.timing, plmr_modes), .value = "timing"},
    {"plan", "NAME", MODEL, "The system whose way through a layer is timed: %s",
     PLMR_ONE_OF(struct llm_command, llm.setup.plan, &plmr_llm_plan_registry), .value = "waferllm"},
    {"as-published", NULL, MODEL,
     "As the published code has it: one head of full size, no fused allreduces (but see --fuse), a cache of fixed "
     "length",
     PLMR_FLAG(struct llm_command, llm.setup.as_published)},
    PLMR_OPTIONS(struct llm_command, llm.setup.phase[PLMR_DECODE].tree, plmr_tree_table),
    {"prefill-tree-k", "K", PLMR_TITLE_ALLREDUCES, "Levels in prefill (default: as --tree-k)",
     PLMR_COUNT(struct llm_command, llm.setup.phase[PLMR_PREFILL].tree.n_levels, PLMR_TREE_LEVELS)},
    {"fuse", "auto|yes|no", PLMR_TITLE_ALLREDUCES,
     "In decode, products of the same vector are one, with one allreduce; auto is yes, with --as-published no",
     PLMR_WORD(struct llm_command, fuse, fuses), .value = "auto"},
    PLMR_OPTIONS(struct llm_command, llm, plmr_wafer_table),
    {"every-step", NULL, PLMR_TITLE_PLACE, "Run all layers and steps in the time plane, without exact shortcuts",
     PLMR_FLAG(struct llm_command, llm.setup.every_step)},
    PLMR_OPTIONS(struct llm_command, llm, plmr_time_table),
    PLMR_CHECKPOINT(struct llm_command, llm.checkpoint, "tokens"),
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no summary and no progress", PLMR_FLAG(struct llm_command, llm.quiet)},
    {"text", NULL, PLMR_TITLE_OUTPUT, "Bars of cycles by kind of work, and of tokens per second",
     PLMR_FLAG(struct llm_command, text)},
    {0},
};

static plmr_status check(const struct llm_command *c, const plmr_model_shape *shape)
{
    const plmr_llm_setup *setup = &c->llm.setup;
    PLMR_CHECK(!setup->as_published || c->llm.timing, PLMR_ERROR_INPUT,
               "--as-published leaves out what true values need: use it with --mode timing");
    PLMR_CHECK(setup->plan == &plmr_llm_plan_waferllm || c->llm.timing, PLMR_ERROR_INPUT,
               "--plan %s is of time alone: use it with --mode timing", setup->plan->name);
    PLMR_CHECK(!c->llm.expert_trace || !c->llm.timing, PLMR_ERROR_INPUT,
               "--expert-trace is of values: use it with --mode compute");
    PLMR_TRY(plmr_llm_check_kept(&c->llm));
    PLMR_TRY(plmr_trace_options_check(&c->llm.trace, false));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_CHECK(setup->first_layer + setup->n_layers <= shape->n_layers, PLMR_ERROR_INPUT,
               "--layers: %s has layers 0..%d", shape->name, shape->n_layers - 1);
    PLMR_CHECK(!c->n_context || c->llm.phases != PLMR_PREFILL_ALONE, PLMR_ERROR_INPUT,
               "--context is for decode: with --phase prefill there is none");
    PLMR_CHECK(!setup->phase[PLMR_DECODE].tree.n_group_levels || c->llm.phases != PLMR_PREFILL_ALONE, PLMR_ERROR_INPUT,
               "--groups is for decode: those of a prefill are chosen by the model");
    PLMR_CHECK(c->llm.timing || !c->n_context || c->llm.phases == PLMR_DECODE_ALONE, PLMR_ERROR_INPUT,
               "--context with values is for --phase decode: after a prefill the cache holds the prompt");
    return PLMR_OK;
}

/* ---- what it does ---- */

static int64_t context(const struct llm_command *c)
{
    return c->n_context ? c->n_context : c->llm.n_prompt;
}

static void set_up(const struct llm_command *c, plmr_llm_run *run)
{
    plmr_llm_setup *setup = &run->setup;
    plmr_phase_setup *prefill = &setup->phase[PLMR_PREFILL], *decode = &setup->phase[PLMR_DECODE];
    setup->n_prompt = c->llm.phases == PLMR_DECODE_ALONE ? context(c) : c->llm.n_prompt;
    setup->n_tokens = context(c) + (setup->as_published || c->llm.phases == PLMR_PREFILL_ALONE ? 0 : c->llm.n_decode);
    prefill->tree.n_levels = prefill->tree.n_levels ? prefill->tree.n_levels : decode->tree.n_levels;
    decode->unfused = c->fuse == BY_DEFAULT ? setup->as_published : c->fuse == UNFUSED;
    plmr_llm_setup_choose(setup, c->llm.phases != PLMR_DECODE_ALONE, c->llm.phases != PLMR_PREFILL_ALONE,
                          &run->session.device, run->shape);
}

static plmr_status run_time(const struct llm_command *c, plmr_llm_run *run)
{
    if (c->llm.phases != PLMR_DECODE_ALONE)
        PLMR_TRY(plmr_llm_time_prompt(run));
    return c->llm.phases == PLMR_PREFILL_ALONE ? PLMR_OK : plmr_llm_time_tokens(run, context(c), c->llm.n_decode);
}

/* On rank 0. */
static plmr_status report(const struct llm_command *c, plmr_llm_run *run, const plmr_llm_record *record)
{
    FILE *out = plmr_text_beside(c->llm.json);
    if (!c->llm.quiet)
        plmr_llm_print(out, run, record);
    if (c->text && !c->llm.quiet)
        plmr_llm_bars(out, run, record);
    return plmr_llm_put(run, record);
}

static plmr_status run_planes(const struct llm_command *c, plmr_llm_run *run, float *hidden, size_t n_hidden)
{
    double start_s = plmr_wall_s();
    PLMR_TRY(run_time(c, run));
    double timing_s = plmr_wall_s() - start_s;
    if (!c->llm.timing) {
        PLMR_TRY(plmr_llm_load(run));
        PLMR_TRY(plmr_llm_run_values(run, context(c), c->llm.n_decode, hidden));
    }
    plmr_llm_record record = plmr_llm_record_of(run);
    record.mode = c->llm.timing ? "timing" : "compute";
    record.phase = phase_names[c->llm.phases];
    record.context_tokens = c->llm.phases == PLMR_PREFILL_ALONE ? -1 : context(c);
    record.wall_s = !c->llm.timing ? record.wall_s + timing_s : timing_s;
    if (hidden && !c->llm.timing)
        record.checksum = plmr_llm_checksum(hidden, n_hidden);
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? report(c, run, &record) : PLMR_OK));
    return plmr_llm_write_trace(run, plmr_text_beside(c->llm.json));
}

static plmr_status run_model(struct llm_command *c, plmr_llm_run *run)
{
    set_up(c, run);
    PLMR_TRY(check(c, run->shape));
    PLMR_TRY(plmr_llm_place(run));
    if (c->llm.checkpoint)
        PLMR_TRY(plmr_llm_kept_open(&c->kept, c->llm.checkpoint, plmr_run_settings(&plmr_command_llm, run), run));
    size_t n_hidden = (size_t)run->setup.n_batch * (size_t)run->shape->dim;
    float *hidden = plmr_rank() ? NULL : plmr_take_zeroed(n_hidden, sizeof *hidden);
    plmr_status status = run_planes(c, run, hidden, n_hidden);
    free(hidden);
    return status;
}

static plmr_status run(void *options)
{
    struct llm_command *c = options;
    plmr_llm_run run;
    c->llm.places = true;
    PLMR_TRY(plmr_llm_open(&run, "llm", &c->llm, false));
    plmr_status status = plmr_llm_close(&run, run_model(c, &run));
    return plmr_checkpoint_close(&c->kept.checkpoint, status);
}

const plmr_command plmr_command_llm = {
    .name = "llm",
    .summary = "time a language model of any shape, with its values or without",
    .about = "Runs a language model of any shape through prefill and decode: virtual time, memory and routes, and with "
             "--mode compute all the arithmetic.",
    .more = "For example:\n"
            "  plmr llm --model qwen2-72b --prompt 4096 --decode 128 \\\n"
            "    --prefill-cores 600x600 --decode-cores 420x420",
    .options = options,
    .size = sizeof(struct llm_command),
    .run = run,
};
