#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tune_cache.h"
#include "cli/tune_print.h"
#include "report/jsonl.h"
#include "tune/paper.h"

struct tune_command {
    plmr_llm_options llm;
    int64_t n_decode, n_best;
    const char *cache; /* a folder, "none", or NULL: by default */
    bool again;
};

/* ---- the command line ---- */

#define FAST "What is to be fast:"
#define RESULTS "Results:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", FAST, "A GGUF file, or a shape of plmr model list",
     PLMR_TEXT(struct tune_command, llm.model), .letter = 'm', .value = "tinyllama-1.1b"},
    {"prompt", "N", FAST, "Tokens of the prompt", PLMR_COUNT(struct tune_command, llm.setup.n_prompt, 1 << 24),
     .value = "512"},
    {"decode", "N", FAST, "Tokens that decode makes", PLMR_COUNT(struct tune_command, n_decode, 1 << 24),
     .value = "32"},
    PLMR_OPTIONS(struct tune_command, llm, plmr_place_table),
    {"best", "N", RESULTS, "Show the N best regions of each phase, at most 10",
     PLMR_COUNT(struct tune_command, n_best, PLMR_TUNE_MOST_ROWS), .value = "3"},
    {"again", NULL, RESULTS, "Search anew, though the result is in the cache", PLMR_FLAG(struct tune_command, again)},
    {"cache", "DIR|none", RESULTS,
     "Where results are kept (default $XDG_CACHE_HOME/plmr/tune, else ~/.cache/plmr/tune)",
     PLMR_TEXT(struct tune_command, cache)},
    {"json", "FILE|-", RESULTS, "One JSON object with all of it; with - the text goes to standard error",
     PLMR_TEXT(struct tune_command, llm.json)},
    {0},
};

/* ---- what a result depends on ---- */

static json_t *json_of_shape(const plmr_model_shape *s)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:I}", "layers", s->n_layers, "dim", s->dim,
                     "heads", s->n_heads, "kv_heads", s->n_kv_heads, "head_dim", s->head_dim, "ffn", s->n_ffn, "vocab",
                     s->n_vocab, "dtype", (int)s->dtype, "biases", s->has_qkv_biases, "rope_pairs", (int)s->rope_pairs,
                     "bytes", (json_int_t)s->n_bytes);
}

static json_t *json_of_device(const plmr_device *device)
{
    json_t *json = json_pack("{s:i}", "topology", (int)device->topology);
    int failed = !json;
#define X(key, unit, least, most, meaning) failed |= json_object_set_new(json, #key, json_real(device->key));
    PLMR_DEVICE_NUMBERS(X)
#undef X
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

static plmr_status make_inputs(const struct tune_command *c, const plmr_llm_run *run, const json_t *paper,
                               json_t **inputs)
{
    *inputs = json_pack("{s:s, s:o, s:o, s:I, s:I, s:b, s:i, s:I, s:O?}", "version", PLMR_VERSION, "model",
                        json_of_shape(run->shape), "device", json_of_device(&run->session.device), "prompt",
                        (json_int_t)run->setup.n_prompt, "decode", (json_int_t)c->n_decode, "concat", run->setup.concat,
                        "kv_dtype", (int)run->setup.cache_dtype, "best", (json_int_t)c->n_best, "paper", paper);
    PLMR_CHECK(*inputs, PLMR_ERROR_SYSTEM, "out of memory");
    return PLMR_OK;
}

/* ---- searching ---- */

static plmr_status fill_report(const struct tune_command *c, const plmr_llm_run *run, const json_t *paper,
                               const plmr_tune_search *search, plmr_tune_report *report)
{
    int best[PLMR_TUNE_MOST_ROWS], decode = search->task->decode;
    plmr_phase_setup point;
    plmr_tune_result result;
    report->n_looked[decode] = search->n_results;
    report->n_rows[decode] = plmr_tune_best(search, (int)c->n_best, best);
    for (int i = 0; i < report->n_rows[decode]; i++)
        PLMR_TRY(plmr_tune_row_of(search, &search->results[best[i]], &report->rows[decode][i]));
    report->has_paper[decode] = paper && plmr_tune_paper_point(paper, &run->session.device, decode, &point);
    if (!report->has_paper[decode])
        return PLMR_OK;
    PLMR_TRY(plmr_tune_evaluate(search->task, &point, &result));
    return plmr_tune_row_of(search, &result, &report->paper[decode]);
}

static plmr_status search_phase(const struct tune_command *c, plmr_llm_run *run, const json_t *paper, bool decode,
                                plmr_tune_report *report)
{
    plmr_tune_search search;
    plmr_tune_task task = {
        .ranks = run->session.ranks,
        .device = &run->session.device,
        .shape = run->shape,
        .setup = run->setup,
        .decode = decode,
    };
    plmr_progress_begin(&run->session.progress, decode ? "searching decode" : "searching prefill", 1000,
                        run->session.shows);
    plmr_status status = plmr_tune_search_run(&task, &search);
    if (!status) {
        status = fill_report(c, run, paper, &search, report);
        plmr_tune_search_free(&search);
    }
    plmr_progress_end(&run->session.progress);
    return status;
}

/* ---- the cache, on rank 0 ---- */

struct cache {
    char *file; /* NULL: none */
    bool hit;
    char said[1200];
};

static void look_up(const struct tune_command *c, const json_t *inputs, struct cache *cache, plmr_tune_report *report)
{
    if (c->cache && strcmp(c->cache, "none") == 0)
        return;
    cache->file = plmr_tune_cache_file(c->cache, inputs);
    cache->hit = cache->file && !c->again && plmr_tune_cache_load(cache->file, inputs, report);
    if (cache->hit)
        snprintf(cache->said, sizeof cache->said, "from %s; --again searches anew", cache->file);
}

static void keep(const json_t *inputs, struct cache *cache, const plmr_tune_report *report)
{
    if (!cache->file || cache->hit)
        return;
    plmr_status failed = plmr_tune_cache_save(cache->file, inputs, report);
    snprintf(cache->said, sizeof cache->said, failed ? "not kept: %s" : "kept in %s",
             failed ? plmr_error_text(failed) : cache->file);
    plmr_error_free(failed);
}

/* ---- the result ---- */

static plmr_status write_json(const struct tune_command *c, const plmr_llm_run *run, const plmr_tune_report *report,
                              plmr_jsonl *jsonl)
{
    plmr_tune_times t = plmr_tune_times_of(&run->session.device, &report->rows[0][0], &report->rows[1][0], c->n_decode);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:f, s:f, s:f}", "command", "tune", "model",
                  run->shape->name, "device", run->session.device.name, "prompt_tokens",
                  (json_int_t)run->setup.n_prompt, "output_tokens", (json_int_t)c->n_decode, "kv",
                  run->setup.concat ? "concat" : "shift", "kv_dtype", plmr_dtype_name(run->setup.cache_dtype),
                  "version", PLMR_VERSION, "ttft_s", t.ttft_s, "tpot_s", t.tpot_s, "tpr_e2e", t.tpr_e2e);
    json_t *more = plmr_tune_report_json(report);
    char *line = json && more && json_object_update(json, more) == 0 ? json_dumps(json, JSON_REAL_PRECISION(15)) : NULL;
    json_decref(more);
    json_decref(json);
    PLMR_CHECK(line, PLMR_ERROR_SYSTEM, "out of memory for a record");
    plmr_status status = plmr_jsonl_put(jsonl, line);
    free(line);
    return status ? status : plmr_jsonl_commit(jsonl);
}

static plmr_status report_all(const struct tune_command *c, const plmr_llm_run *run, const plmr_tune_report *report,
                              const struct cache *cache, plmr_jsonl *jsonl)
{
    plmr_tune_print(plmr_text_beside(c->llm.json), run, report, run->setup.n_prompt, c->n_decode,
                    cache->said[0] ? cache->said : NULL);
    return c->llm.json ? write_json(c, run, report, jsonl) : PLMR_OK;
}

/* A report is too large for the stack of some threads. */
static plmr_status tune_with(const struct tune_command *c, plmr_llm_run *run, const json_t *paper, const json_t *inputs,
                             struct cache *cache, plmr_jsonl *jsonl)
{
    plmr_tune_report *report = calloc(1, sizeof *report);
    plmr_status status = plmr_agree(report ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory"));
    if (!status && plmr_rank() == 0)
        look_up(c, inputs, cache, report);
    plmr_broadcast(&cache->hit, sizeof cache->hit);
    for (int decode = 0; decode < 2 && !status && !cache->hit; decode++)
        status = search_phase(c, run, paper, decode, report);
    if (!status && plmr_rank() == 0) {
        keep(inputs, cache, report);
        status = report_all(c, run, report, cache, jsonl);
    }
    free(report);
    return plmr_agree(status);
}

static plmr_status tune(const struct tune_command *c, plmr_llm_run *run)
{
    json_t *paper = NULL, *inputs = NULL;
    struct cache cache = {0};
    plmr_jsonl jsonl = {0};
    plmr_status status = plmr_agree(plmr_rank() == 0 ? plmr_jsonl_open(c->llm.json, &jsonl) : PLMR_OK);
    if (!status)
        status = plmr_agree(plmr_tune_paper_load(run->shape, &paper));
    if (!status)
        status = plmr_agree(make_inputs(c, run, paper, &inputs));
    if (!status)
        status = tune_with(c, run, paper, inputs, &cache, &jsonl);
    if (plmr_rank() == 0)
        plmr_jsonl_discard(&jsonl);
    free(cache.file);
    json_decref(inputs);
    json_decref(paper);
    return status;
}

static plmr_status check(const plmr_llm_run *run)
{
    int side = (int)(run->session.device.rows < run->session.device.cols ? run->session.device.rows
                                                                         : run->session.device.cols);
    int most = side < PLMR_TUNE_LEAST_SIDE ? side : PLMR_TUNE_LEAST_SIDE;
    PLMR_CHECK(side >= 3, PLMR_ERROR_INPUT, "%s has %.0fx%.0f cores: a region needs at least 3x3",
               run->session.device.name, run->session.device.rows, run->session.device.cols);
    PLMR_CHECK(plmr_rank_count() <= most, PLMR_ERROR_INPUT,
               "%d ranks are more than the columns of the smallest region that is searched: use at most %d",
               plmr_rank_count(), most);
    return plmr_llm_check_context(run, run->setup.n_prompt);
}

static plmr_status run_command(void *options)
{
    const struct tune_command *c = options;
    plmr_llm_run run;
    PLMR_TRY(plmr_llm_open(&run, "tune", &c->llm, false));
    run.setup.n_tokens = run.setup.n_prompt + c->n_decode;
    plmr_llm_setup_complete(&run.setup, run.shape);
    plmr_status status = check(&run);
    if (!status)
        status = tune(c, &run);
    return plmr_llm_close(&run, status);
}

const plmr_command plmr_command_tune = {
    .name = "tune",
    .summary = "search for the regions, trees and placement that run a model fastest",
    .about = "Searches for the regions of cores, reduction trees, fusing and layers of a region with which a language "
             "model is fastest on a device, and says what holds it back there: P (arithmetic), L (latency), M (memory) "
             "or R (routes).",
    .more = "For example:\n"
            "  plmr tune --model llama3-8b --prompt 4096 --decode 128",
    .options = options,
    .size = sizeof(struct tune_command),
    .run = run_command,
};
