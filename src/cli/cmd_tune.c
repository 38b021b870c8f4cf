#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "cli/line.h"
#include "cli/options.h"
#include "tune/cache.h"
#include "tune/paper.h"
#include "tune/print.h"

struct tune_command {
    plmr_llm_options llm;
    int64_t n_decode, n_best;
    const char *cache; /* a folder, "none", or NULL: by default */
    bool again;
};

/* ---- the command line ---- */

#define FAST "What is to be fast:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", FAST, PLMR_MODEL_HELP, PLMR_TEXT_READ(struct tune_command, llm.model), .letter = 'm',
     .value = "tinyllama-1.1b"},
    {"prompt", "N", FAST, "Tokens of the prompt", PLMR_COUNT(struct tune_command, llm.setup.n_prompt, 1 << 24),
     .value = "512"},
    {"decode", "N", FAST, "Tokens that decode makes", PLMR_COUNT(struct tune_command, n_decode, 1 << 24),
     .value = "32"},
    {"batch", "B", FAST, "Requests, with a prompt each, that are run together",
     PLMR_COUNT(struct tune_command, llm.setup.n_batch, 4096), .value = "1"},
    PLMR_OPTIONS(struct tune_command, llm, plmr_place_table),
    {"best", "N", PLMR_TITLE_OUTPUT, "Show the N best regions of each phase, at most 10",
     PLMR_COUNT(struct tune_command, n_best, PLMR_TUNE_MOST_ROWS), .value = "3", .recorded = true},
    {"again", NULL, PLMR_TITLE_OUTPUT, "Search anew, though the result is in the cache",
     PLMR_FLAG(struct tune_command, again)},
    {"cache", "DIR|none", PLMR_TITLE_OUTPUT,
     "Where results are kept (default $XDG_CACHE_HOME/plmr/tune, else ~/.cache/plmr/tune)",
     PLMR_TEXT_FOLDER(struct tune_command, cache)},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object with all of it; with - the text goes to standard error",
     PLMR_TEXT_WRITTEN(struct tune_command, llm.json)},
    {0},
};

/* ---- what it does ---- */

/* What is searched, and what comes of it. */
struct tuning {
    const struct tune_command *c;
    plmr_llm_run *run;
    plmr_tune_task task;
    json_t *paper;            /* the paper's choices for the model; NULL: there are none */
    plmr_tune_cache cache;    /* rank 0's, but for whether it was a hit */
    plmr_tune_report *report; /* too large for the stack of some threads */
};

static plmr_status search(struct tuning *t)
{
    plmr_session *session = &t->run->session;
    plmr_tune_wish wish = {(int)t->c->n_best, t->paper, &session->progress, session->shows};
    return plmr_tune_report_fill(&t->task, &wish, t->report);
}

/* The options of plmr llm that ask for the same. */
static json_t *asked(const struct tune_command *c)
{
    const plmr_llm_options *o = &c->llm;
    json_t *all = plmr_take_made(json_pack("{ss ss so so}", "--model", o->model, "--device", o->device, "--prompt",
                                           json_sprintf("%lld", (long long)o->setup.n_prompt), "--decode",
                                           json_sprintf("%lld", (long long)c->n_decode)));
    json_object_update_new(all, plmr_line_settings(&plmr_command_tune, &o->line));
    json_object_del(all, "--best"); /* which it lacks */
    return all;
}

/* On rank 0. */
static plmr_status report(struct tuning *t)
{
    const plmr_llm_options *o = &t->c->llm;
    json_t *same = asked(t->c);
    plmr_tune_cache_keep(&t->cache, t->report);
    plmr_tune_print(plmr_text_beside(o->json), &t->task, same, t->report, t->cache.said[0] ? t->cache.said : NULL);
    json_decref(same);
    if (!o->json)
        return PLMR_OK;
    json_t *record = plmr_tune_record(&t->task, t->report);
    plmr_session_sign(&t->run->session, record);
    return plmr_json_put(&t->run->session.jsonl, PLMR_RECORD_FLAGS, record);
}

static plmr_status tune(struct tuning *t)
{
    const struct tune_command *c = t->c;
    bool is_root = plmr_rank() == 0;
    PLMR_TRY(plmr_session_open_files(&t->run->session, c->llm.json, NULL, NULL, NULL));
    PLMR_TRY(plmr_agree(plmr_tune_paper_load(t->run->shape, &t->paper)));
    if (is_root)
        plmr_tune_cache_open(c->cache, c->again, &t->task, (int)c->n_best, t->paper, &t->cache, t->report);
    plmr_broadcast(&t->cache.hit, sizeof t->cache.hit);
    if (!t->cache.hit)
        PLMR_TRY(search(t));
    return plmr_agree(is_root ? report(t) : PLMR_OK);
}

static plmr_status check(const plmr_llm_run *run)
{
    int side = (int)plmr_smaller(run->session.device.rows, run->session.device.cols);
    PLMR_CHECK(side >= 3, PLMR_ERROR_INPUT, "%s has %.0fx%.0f cores: a region needs at least 3x3",
               run->session.device.name, run->session.device.rows, run->session.device.cols);
    return plmr_llm_check_context(run, run->setup.n_prompt);
}

static plmr_status run_opened(const struct tune_command *c, plmr_llm_run *run)
{
    run->setup.n_tokens = run->setup.n_prompt + c->n_decode;
    plmr_llm_setup_complete(&run->setup, run->shape);
    PLMR_TRY(check(run));
    struct tuning t = {
        .c = c,
        .run = run,
        .task = {run->session.ranks, &run->session.device, &run->session.evidence, run->shape, run->setup, false, 0},
        .report = plmr_take_zeroed(1, sizeof *t.report),
    };
    plmr_status status = tune(&t);
    plmr_tune_cache_close(&t.cache);
    json_decref(t.paper);
    free(t.report);
    return status;
}

static plmr_status run_command(void *options)
{
    struct tune_command *c = options;
    plmr_llm_run run;
    c->llm.timing = true;
    PLMR_TRY(plmr_llm_open(&run, "tune", &c->llm, false));
    return plmr_llm_close(&run, run_opened(c, &run));
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
