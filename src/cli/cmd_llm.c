#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/wall.h"
#include "baseline/plans.h"
#include "cli/llm_options.h"
#include "cli/trace.h"
#include "cli/tree.h"

enum phase { BOTH, PREFILL, DECODE };
static const char *const phase_names[] = {"both", "prefill", "decode"};

struct llm_command {
    plmr_llm_options llm;                  /* first: see llm_options.h */
    int64_t n_prompt, n_decode, n_context; /* context 0: the prompt */
    enum phase phase;
    bool compute, text;
    enum { BY_DEFAULT, FUSED, UNFUSED } fuse;
};

/* ---- the command line ---- */

enum {
    KEY_MODEL = 0x200,
    KEY_PROMPT,
    KEY_DECODE,
    KEY_CONTEXT,
    KEY_PHASE,
    KEY_MODE,
    KEY_LAYERS,
    KEY_PUBLISHED,
    KEY_PLAN,
    KEY_BATCH,
    KEY_PREFILL_LAYERS,
    KEY_DECODE_LAYERS,
    KEY_TREE_K,
    KEY_PREFILL_TREE_K,
    KEY_GROUPS,
    KEY_FUSE,
    KEY_EVERY_STEP,
    KEY_QUIET,
    KEY_TEXT,
    KEY_TRACE,
    KEY_END = KEY_TRACE + PLMR_TRACE_KEYS
};

static const struct argp_option options[] = {
    PLMR_OPTION_GROUP(1, "Model and tokens:"),
    {"model", 'm', "FILE|NAME", 0, "A GGUF file, or a shape of plmr model list (default tinyllama-1.1b)", 1},
    {"prompt", KEY_PROMPT, "N", 0, "Tokens of the prompt (default 512)", 1},
    {"decode", KEY_DECODE, "N", 0, "Tokens that decode makes (default 32)", 1},
    {"context", KEY_CONTEXT, "N", 0, "Tokens in the cache when decode starts (default: the prompt)", 1},
    {"batch", KEY_BATCH, "B", 0, "Requests that are decoded together (default 1)", 1},
    {"phase", KEY_PHASE, "PHASE", 0, "both, prefill or decode (default both)", 1},
    {"layers", KEY_LAYERS, "A..B", 0,
     "Place and compute these layers alone, counted from 0; virtual time is scaled to all of them", 1},
    {"prefill-layers", KEY_PREFILL_LAYERS, "N", 0, "Layers of a prefill region, at most (default: as many as fit)", 1},
    {"decode-layers", KEY_DECODE_LAYERS, "N", 0, "Layers of a decode region, at most (default: as many as fit)", 1},
    {"mode", KEY_MODE, "compute|timing", 0, "With values, or the costs alone, which are the same (default timing)", 1},
    {"plan", KEY_PLAN, "NAME", 0,
     "How: waferllm, or as systems that it is compared with would, t10 or ladder (time alone; default waferllm)", 1},
    {"as-published", KEY_PUBLISHED, NULL, 0,
     "As the published code has it: one head of full size, no fused allreduces (but see --fuse), a cache of fixed "
     "length",
     1},
    PLMR_OPTION_GROUP(5, "Allreduces:"),
    PLMR_TREE_OPTIONS(KEY_TREE_K, KEY_GROUPS, 5),
    {"prefill-tree-k", KEY_PREFILL_TREE_K, "K", 0, "Levels in prefill (default: as --tree-k)", 5},
    {"fuse", KEY_FUSE, "yes|no", 0,
     "In decode, products of the same vector are one, with one allreduce (default yes, with --as-published no)", 5},
    {"every-step", KEY_EVERY_STEP, NULL, 0, "Run all layers and steps in the time plane, without exact shortcuts", 10},
    {"quiet", KEY_QUIET, NULL, 0, "Print no summary and no progress", 40},
    PLMR_TRACE_OPTIONS(KEY_TRACE, 40),
    {"text", KEY_TEXT, NULL, 0, "Bars of cycles by kind of work, and of tokens per second", 40},
    {0},
};

static plmr_status parse_layers(const char *text, struct llm_command *c)
{
    int first, last, n = -1;
    bool read = sscanf(text, "%d..%d%n", &first, &last, &n) == 2 && n >= 0 && !text[n];
    PLMR_CHECK(read && first >= 0 && last >= first && last < 1 << 20, PLMR_ERROR_INPUT,
               "--layers: '%.60s' is not A..B with layers counted from 0, e.g. 0..7", text);
    c->llm.setup.first_layer = first;
    c->llm.setup.n_layers = last - first + 1;
    return PLMR_OK;
}

static plmr_status parse_plan(const char *text, struct llm_command *c)
{
    const char *names[8];
    int n = plmr_plan_count(), index;
    PLMR_ASSERT(n <= 8);
    for (int i = 0; i < n; i++)
        names[i] = plmr_plan_at(i)->name;
    PLMR_TRY(plmr_parse_word("--plan", text, names, n, &index));
    c->llm.setup.plan = plmr_plan_at(index);
    return PLMR_OK;
}

static plmr_status parse_int(const char *option, const char *text, int64_t most, int *value)
{
    int64_t count;
    PLMR_TRY(plmr_parse_count(option, text, most, &count));
    *value = (int)count;
    return PLMR_OK;
}

static plmr_status set_option(int key, const char *text, struct llm_command *c)
{
    plmr_llm_setup *setup = &c->llm.setup;
    plmr_phase_setup *prefill = &setup->phase[PLMR_PREFILL], *decode = &setup->phase[PLMR_DECODE];
    static const char *const modes[] = {"timing", "compute"}, *const fuses[] = {"yes", "no"};
    int index = 0;
    switch (key) {
    case 'm':
        c->llm.model = text;
        return PLMR_OK;
    case KEY_PROMPT:
        return plmr_parse_count("--prompt", text, 1 << 24, &c->n_prompt);
    case KEY_DECODE:
        return plmr_parse_count("--decode", text, 1 << 24, &c->n_decode);
    case KEY_CONTEXT:
        return plmr_parse_count("--context", text, 1 << 24, &c->n_context);
    case KEY_BATCH:
        return parse_int("--batch", text, 4096, &setup->n_batch);
    case KEY_PHASE:
        PLMR_TRY(plmr_parse_word("--phase", text, phase_names, 3, &index));
        c->phase = (enum phase)index;
        return PLMR_OK;
    case KEY_MODE:
        PLMR_TRY(plmr_parse_word("--mode", text, modes, 2, &index));
        c->compute = index == 1;
        return PLMR_OK;
    case KEY_LAYERS:
        return parse_layers(text, c);
    case KEY_PLAN:
        return parse_plan(text, c);
    case KEY_PUBLISHED:
        setup->as_published = true;
        return PLMR_OK;
    case KEY_PREFILL_LAYERS:
        return parse_int("--prefill-layers", text, 1 << 20, &prefill->layers);
    case KEY_DECODE_LAYERS:
        return parse_int("--decode-layers", text, 1 << 20, &decode->layers);
    case KEY_TREE_K:
        return plmr_parse_tree_k("--tree-k", text, &decode->tree);
    case KEY_PREFILL_TREE_K:
        return plmr_parse_tree_k("--prefill-tree-k", text, &prefill->tree);
    case KEY_GROUPS:
        return plmr_parse_groups(text, &decode->tree);
    case KEY_FUSE:
        PLMR_TRY(plmr_parse_word("--fuse", text, fuses, 2, &index));
        c->fuse = index == 0 ? FUSED : UNFUSED;
        return PLMR_OK;
    case KEY_QUIET:
        c->llm.quiet = true;
        return PLMR_OK;
    case KEY_TEXT:
        c->text = true;
        return PLMR_OK;
    case KEY_EVERY_STEP:
        setup->every_step = true;
        return PLMR_OK;
    default:
        return plmr_trace_option_set(key - KEY_TRACE, text, &c->llm.trace);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->child_inputs[1] = state->input;
    if (key != 'm' && (key < KEY_MODEL || key >= KEY_END))
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp_child children[] = {{&plmr_wafer_argp, 0, NULL, 0}, {&plmr_report_argp, 0, NULL, 0}, {0}};
const struct argp plmr_llm_argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Runs a language model of any shape through prefill and decode: virtual time, memory and routes, and with "
           "--mode compute all the arithmetic.\v"
           "For example:\n"
           "  plmr llm --model qwen2-72b --prompt 4096 --decode 128 \\\n"
           "    --prefill-cores 600x600 --decode-cores 420x420",
    .children = children,
};

static plmr_status check(const struct llm_command *c, const plmr_model_shape *shape)
{
    const plmr_llm_setup *setup = &c->llm.setup;
    PLMR_CHECK(!setup->as_published || !c->compute, PLMR_ERROR_INPUT,
               "--as-published leaves out what true values need: use it with --mode timing");
    PLMR_CHECK(setup->plan == &plmr_plan_waferllm || !c->compute, PLMR_ERROR_INPUT,
               "--plan %s is of time alone: use it with --mode timing", setup->plan->name);
    PLMR_TRY(plmr_trace_options_check(&c->llm.trace, false));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_CHECK(setup->first_layer + setup->n_layers <= shape->n_layers, PLMR_ERROR_INPUT,
               "--layers: %s has layers 0..%d", shape->name, shape->n_layers - 1);
    PLMR_CHECK(!c->n_context || c->phase != PREFILL, PLMR_ERROR_INPUT,
               "--context is for decode: with --phase prefill there is none");
    PLMR_CHECK(!setup->phase[PLMR_DECODE].tree.n_group_levels || c->phase != PREFILL, PLMR_ERROR_INPUT,
               "--groups is for decode: those of a prefill are chosen by the model");
    PLMR_CHECK(!c->compute || !c->n_context || c->phase == DECODE, PLMR_ERROR_INPUT,
               "--context with values is for --phase decode: after a prefill the cache holds the prompt");
    return PLMR_OK;
}

/* ---- what it does ---- */

static int64_t context(const struct llm_command *c)
{
    return c->n_context ? c->n_context : c->n_prompt;
}

static void set_up(const struct llm_command *c, plmr_llm_run *run)
{
    plmr_llm_setup *setup = &run->setup;
    plmr_phase_setup *prefill = &setup->phase[PLMR_PREFILL], *decode = &setup->phase[PLMR_DECODE];
    setup->n_prompt = c->phase == DECODE ? context(c) : c->n_prompt;
    setup->n_tokens = context(c) + (setup->as_published || c->phase == PREFILL ? 0 : c->n_decode);
    prefill->tree.n_levels = prefill->tree.n_levels ? prefill->tree.n_levels : decode->tree.n_levels;
    decode->unfused = c->fuse == BY_DEFAULT ? setup->as_published : c->fuse == UNFUSED;
    plmr_llm_setup_choose(setup, c->phase != DECODE, c->phase != PREFILL, &run->session.device, run->shape);
}

static uint64_t checksum(const float *values, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        sum += plmr_checksum_element(i, bits);
    }
    return sum;
}

static plmr_status run_time(const struct llm_command *c, plmr_llm_run *run)
{
    if (c->phase != DECODE)
        PLMR_TRY(plmr_llm_time_prompt(run));
    return c->phase == PREFILL ? PLMR_OK : plmr_llm_time_tokens(run, context(c), c->n_decode);
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
    if (c->compute) {
        PLMR_TRY(plmr_llm_load(run));
        PLMR_TRY(plmr_llm_run_values(run, context(c), c->n_decode, hidden));
    }
    plmr_llm_record record = plmr_llm_record_of(run);
    record.mode = c->compute ? "compute" : "timing";
    record.phase = phase_names[c->phase];
    record.context_tokens = c->phase == PREFILL ? -1 : context(c);
    record.wall_s = c->compute ? record.wall_s + timing_s : timing_s;
    if (c->compute)
        record.checksum = (plmr_record_hash){true, checksum(hidden, n_hidden)};
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? report(c, run, &record) : PLMR_OK));
    return plmr_llm_write_trace(run, plmr_text_beside(c->llm.json));
}

static plmr_status run_model(const struct llm_command *c, plmr_llm_run *run)
{
    set_up(c, run);
    PLMR_TRY(check(c, run->shape));
    PLMR_TRY(plmr_llm_place(run));
    size_t n_hidden = (size_t)run->setup.n_batch * (size_t)run->shape->dim;
    float *hidden = plmr_take_zeroed(n_hidden, sizeof *hidden);
    plmr_status status = run_planes(c, run, hidden, n_hidden);
    free(hidden);
    return status;
}

plmr_status plmr_command_llm(int argc, char **argv)
{
    struct llm_command c = {.n_prompt = 512, .n_decode = 32};
    plmr_llm_run run;
    bool help;
    plmr_llm_options_init(&c.llm);
    c.llm.model = "tinyllama-1.1b";
    PLMR_TRY(plmr_options_parse(&plmr_llm_argp, "llm", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    PLMR_TRY(plmr_llm_open(&run, "llm", &c.llm, false));
    return plmr_llm_close(&run, run_model(&c, &run));
}
