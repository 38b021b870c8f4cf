#include "cli/options.h"

#include <float.h>
#include <string.h>

#include "base/memory.h"
#include "infer/choose.h"
#include "plmr/device.h"

/* ---- tables ---- */

const char *const plmr_dtypes[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", [PLMR_BF16] = "bf16", NULL};
const char *const plmr_sum_dtypes[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", NULL};

/* "M", "R" or both: sets what is named, the first of two bools or the second. */
static plmr_status read_allow(const plmr_option *option, const char *text, void *member)
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
    double *pace = member;
    PLMR_CHECK(plmr_is_decimal(text, pace) && *pace > 0 && *pace <= DBL_MAX, PLMR_ERROR_INPUT,
               "%s: '%.60s' is not a positive number of seconds", plmr_option_shown(option).s, text);
    return PLMR_OK;
}

const plmr_option plmr_frame_table[] = {
    {"cores", "HxW", PLMR_TITLE_PLACE,
     "Region of H rows and W columns of cores (default 64x64, or what the device has)",
     PLMR_PAIR(plmr_run_options, rows, "360x360")},
    {"device", "NAME|FILE", PLMR_TITLE_PLACE, PLMR_DEVICE_HELP, PLMR_TEXT_READ(plmr_run_options, device),
     .value = PLMR_DEVICE_DEFAULT},
    {"mode", "compute|timing", PLMR_TITLE_VALUES, "With values, or the costs alone, which are the same",
     PLMR_WORD(plmr_run_options, timing, plmr_modes), .value = "compute"},
    {"verify", NULL, PLMR_TITLE_VALUES, "Compare the result with one in double precision",
     PLMR_FLAG(plmr_run_options, verify)},
    {"allow", "M,R", PLMR_TITLE_RUNNING, PLMR_ALLOW_HELP, PLMR_READ_BY(read_allow, plmr_run_options, allow_memory)},
    {"pace", "S", PLMR_TITLE_RUNNING, "Let communication take S wall seconds per virtual second",
     PLMR_READ_BY(read_pace, plmr_run_options, pace)},
    {"ranks", "RxC", PLMR_TITLE_RUNNING, "Grid of ranks (default: the shortest edges between blocks)",
     PLMR_PAIR(plmr_run_options, rank_rows, "2x3")},
    {"every-step", NULL, PLMR_TITLE_RUNNING, "Advance all clocks at every step, without exact shortcuts",
     PLMR_FLAG(plmr_run_options, every_step)},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object per algorithm; with - the table goes to standard error",
     PLMR_TEXT_WRITTEN(plmr_run_options, json)},
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no table and no progress", PLMR_FLAG(plmr_run_options, quiet)},
    PLMR_OPTIONS(plmr_run_options, trace, plmr_trace_table),
    {"text", NULL, PLMR_TITLE_OUTPUT, "Bars of cycles, routes and memory below the table",
     PLMR_FLAG(plmr_run_options, text)},
    {"report", "FILE", PLMR_TITLE_OUTPUT, PLMR_REPORT_HELP, PLMR_TEXT_WRITTEN(plmr_run_options, report)},
    {"-", NULL, NULL, NULL, PLMR_LINE(plmr_run_options, line)},
    {0},
};

const plmr_option plmr_run_table[] = {
    {.table = plmr_frame_table},
    {"dtype", "TYPE", PLMR_TITLE_VALUES, "How elements are stored: %s", PLMR_WORD(plmr_run_options, dtype, plmr_dtypes),
     .value = "f16"},
    {"seed", "S", PLMR_TITLE_VALUES, "Which synthetic values", PLMR_WHOLE(plmr_run_options, seed, 0), .value = "1"},
    {"plan", NULL, PLMR_TITLE_OUTPUT, "Print steps, tiles and memory, and run nothing",
     PLMR_FLAG(plmr_run_options, plan)},
    {0},
};

const char *const plmr_modes[] = {"compute", "timing", NULL};

/* ---- traces, trees ---- */

const plmr_option plmr_trace_table[] = {
    {"trace", "FILE", PLMR_TITLE_OUTPUT,
     "Events of chosen cores in virtual time, for Perfetto; OTF2 if it ends in .otf2",
     PLMR_TEXT_WRITTEN(plmr_trace_options, path)},
    {"trace-cores", "LIST", PLMR_TITLE_OUTPUT,
     "Which: R,C;R,C;... or sample:N: corners, middle, diagonal (default sample:16)",
     PLMR_TEXT(plmr_trace_options, cores)},
    {"trace-events", "N", PLMR_TITLE_OUTPUT, "Events to keep at most (default 200000)",
     PLMR_COUNT(plmr_trace_options, n_events, 20000000)},
    {0},
};

/* "auto", or the groups of the first level, the second, ...: "24", "40,5". */
static plmr_status read_groups(const plmr_option *option, const char *text, void *member)
{
    plmr_reduce_options *reduce = member;
    reduce->n_group_levels = 0;
    if (strcmp(text, "auto") == 0)
        return PLMR_OK;
    return plmr_parse_counts(plmr_option_shown(option).s, text, 1 << 20, PLMR_TREE_LEVELS - 1, reduce->n_groups,
                             &reduce->n_group_levels);
}

const plmr_option plmr_tree_table[] = {
    {"tree-k", "K", PLMR_TITLE_ALLREDUCES, "Levels of a K-tree",
     PLMR_COUNT(plmr_reduce_options, n_levels, PLMR_TREE_LEVELS), .value = "2"},
    {"groups", "auto|G,...", PLMR_TITLE_ALLREDUCES, "Groups of cores at each level but the last",
     PLMR_READ_ALL(read_groups), .value = "auto"},
    {0},
};

/* ---- language models ---- */

static plmr_status read_cache_dtype(const plmr_option *option, const char *text, void *member)
{
    plmr_llm_setup *setup = member;
    int type;
    PLMR_TRY(plmr_read_word(option, text, &type));
    setup->has_cache_dtype = true;
    setup->cache_dtype = type <= PLMR_BF16 ? (enum plmr_dtype)type : PLMR_F16;
    setup->cache_packed = type <= PLMR_BF16 ? PLMR_UNPACKED : (enum plmr_packed)(type - PLMR_BF16);
    return PLMR_OK;
}

static const char *const caches[] = {"shift", "concat", NULL};
static const char *const cache_types[] = {
    [PLMR_F32] = "f32",           [PLMR_F16] = "f16",           [PLMR_BF16] = "bf16",
    [PLMR_BF16 + PLMR_F8] = "f8", [PLMR_BF16 + PLMR_I8] = "i8", NULL};
static const char *const weights[] = {[PLMR_WEIGHTS_FILE] = "file",
                                      [PLMR_WEIGHTS_F16] = "f16",
                                      [PLMR_WEIGHTS_BF16] = "bf16",
                                      [PLMR_WEIGHTS_F8] = "f8",
                                      [PLMR_WEIGHTS_I8] = "i8",
                                      [PLMR_WEIGHTS_I4] = "i4",
                                      NULL};

const plmr_option plmr_place_table[] = {
    {"-", NULL, NULL, NULL, PLMR_LINE(plmr_llm_options, line)},
    {"device", "NAME|FILE", PLMR_TITLE_PLACE, PLMR_DEVICE_HELP, PLMR_TEXT_READ(plmr_llm_options, device),
     .value = PLMR_DEVICE_DEFAULT},
    {"wafers", "N", PLMR_TITLE_PLACE, "Devices that there are (default: as few as hold the model; serve: 1)",
     PLMR_COUNT(plmr_llm_options, setup.n_wafers, 1024)},
    {"link", "B|device", PLMR_TITLE_PLACE, "Bytes a second from wafer to wafer, or what the device's file says",
     PLMR_TEXT(plmr_llm_options, link)},
    {"for", "AIM", PLMR_TITLE_PLACE,
     "What regions, layers and replicas are chosen for: %s (default: regions by the model's size; serve: throughput)",
     PLMR_ONE_OF(plmr_llm_options, setup.aim, &plmr_aim_registry)},
    {"kv", "shift|concat", PLMR_TITLE_PLACE,
     "Keys and values of new tokens: rows of cores are kept balanced, or the last row takes them all",
     PLMR_WORD(plmr_llm_options, setup.concat, caches), .value = "shift"},
    {"kv-dtype", "TYPE", PLMR_TITLE_PLACE, "How they are stored: %s (default: f32 for f32 models, else f16)",
     .read = read_cache_dtype, .member = offsetof(plmr_llm_options, setup), .size = sizeof(enum plmr_dtype),
     .words = cache_types},
    {"weights", "TYPE", PLMR_TITLE_PLACE,
     "What cores store matrices in, and widen to f16: %s; file: as the model has them, quantised ones in f16",
     PLMR_WORD(plmr_llm_options, weights, weights), .value = "file"},
    {"stream-weights", NULL, PLMR_TITLE_PLACE,
     "Where they do not fit, weights come in from DRAM or a host while others are worked with, as the device has it",
     PLMR_FLAG(plmr_llm_options, setup.streams)},
    {0},
};

const plmr_option plmr_wafer_table[] = {
    {.table = plmr_place_table},
    {"prefill-cores", "HxW", PLMR_TITLE_PLACE, "Cores of the prefill region, H = W (default: what suits the model)",
     PLMR_PAIR(plmr_llm_options, setup.phase[PLMR_PREFILL].rows, "360x360")},
    {"decode-cores", "HxW", PLMR_TITLE_PLACE, "Cores of a decode region (default: what suits the model)",
     PLMR_PAIR(plmr_llm_options, setup.phase[PLMR_DECODE].rows, "360x360")},
    {"experts", "NAME", PLMR_TITLE_PLACE, "Where cores have experts: %s",
     PLMR_ONE_OF(plmr_llm_options, setup.experts.place, &plmr_expert_place_registry), .value = "sliced"},
    {"prefill-experts", "NAME", PLMR_TITLE_PLACE, "The same in prefill (default: as --experts)",
     PLMR_ONE_OF(plmr_llm_options, setup.phase[PLMR_PREFILL].experts, &plmr_expert_place_registry)},
    {"expert-parts", "N", PLMR_TITLE_PLACE,
     "Regions, wafers or blocks that share a layer's experts (default: 4, 2, or a block for each expert)",
     PLMR_COUNT(plmr_llm_options, setup.experts.n_parts, 1024)},
    {"hot-experts", "N", PLMR_TITLE_PLACE, "Experts of a layer that each of them has, where they are replicated",
     PLMR_WHOLE(plmr_llm_options, setup.experts.n_hot, 1024), .value = "4"},
    {"allow", "M,R", PLMR_TITLE_PLACE, PLMR_ALLOW_HELP, PLMR_READ_BY(read_allow, plmr_llm_options, setup.allow_memory)},
    {"ranks", "RxC", PLMR_TITLE_PLACE, "Grid of ranks, which changes no result (default: what suits the model)",
     PLMR_PAIR(plmr_llm_options, rank_rows, "2x3")},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object with what was measured",
     PLMR_TEXT_WRITTEN(plmr_llm_options, json)},
    {"expert-trace", "FILE", PLMR_TITLE_OUTPUT,
     "Which experts tokens are routed to, as CSV, for plmr llm --expert-load",
     PLMR_TEXT_WRITTEN(plmr_llm_options, expert_trace)},
    {"dump", "DIR", PLMR_TITLE_OUTPUT, "Write every step's tensors into a folder, as NumPy files",
     PLMR_TEXT_FOLDER(plmr_llm_options, setup.dump)},
    {0},
};

const plmr_option plmr_prompt_table[] = {
    {"model", "FILE|NAME", PLMR_TITLE_PROMPT, "A GGUF file, or a folder with safetensors",
     PLMR_TEXT_READ(plmr_llm_options, model), .letter = 'm', .value = PLMR_MODEL_DEMO},
    {"prompt", "TEXT", PLMR_TITLE_PROMPT, "The prompt (generate: default Once upon a time)",
     PLMR_TEXT(plmr_llm_options, text), .letter = 'p'},
    {"tokens", "I,J,...", PLMR_TITLE_PROMPT, "The prompt as token ids", PLMR_TEXT(plmr_llm_options, ids)},
    {0},
};

const plmr_option plmr_time_table[] = {
    {"report", "FILE", PLMR_TITLE_OUTPUT, PLMR_REPORT_HELP, PLMR_TEXT_WRITTEN(plmr_llm_options, report)},
    PLMR_OPTIONS(plmr_llm_options, trace, plmr_trace_table),
    {0},
};
