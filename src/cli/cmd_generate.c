#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/settings.h"
#include "infer/generate.h"
#include "report/table.h"
#include "run/logprobs.h"
#include "run/text_kept.h"

struct generate_command {
    plmr_llm_options llm;
    plmr_sampler_options sampler;
    const char *biases; /* NULL: not given */
    bool bars, no_echo, ignores_end;
    plmr_text_kept kept;
    int64_t n_stopped; /* tokens after which the run was interrupted; 0: it was not */
    plmr_texts stops;
    int n_likely;
};

/* ---- the command line ---- */

static const char default_prompt[] = "Once upon a time";

#define SAMPLING "Sampling:"

static const plmr_option options[] = {
    PLMR_OPTIONS(struct generate_command, llm, plmr_prompt_table),
    {"n-tokens", "N", PLMR_TITLE_PROMPT, "Tokens to generate at most",
     PLMR_COUNT(struct generate_command, llm.n_decode, 1 << 24), .letter = 'n', .value = "128"},
    {"chat", NULL, PLMR_TITLE_PROMPT, "Put the prompt as a question, as the model's chat template has it",
     PLMR_FLAG(struct generate_command, llm.chat)},
    {"system", "TEXT", PLMR_TITLE_PROMPT, "With --chat: what the model is to be",
     PLMR_TEXT(struct generate_command, llm.system)},
    {"no-echo", NULL, PLMR_TITLE_PROMPT, "Print what is made alone, without the prompt before it",
     PLMR_FLAG(struct generate_command, no_echo)},
    {"temp", "T", SAMPLING, "Temperature; 0 is greedy", PLMR_REAL(struct generate_command, sampler.temperature, 0, 100),
     .value = "0"},
    {"top-k", "K", SAMPLING, "From the K most likely tokens; 0 is all",
     PLMR_WHOLE(struct generate_command, sampler.top_k, 1 << 30), .value = "40"},
    {"top-p", "P", SAMPLING, "From the fewest that are P likely together",
     PLMR_REAL(struct generate_command, sampler.top_p, 1e-6, 1), .value = "0.95"},
    {"min-p", "P", SAMPLING, "From those at least P times as likely as the likeliest; 0 is all",
     PLMR_REAL(struct generate_command, sampler.min_p, 0, 1), .value = "0"},
    {"typical", "P", SAMPLING, "From the fewest that are P likely together, the most typical of them first; 1 is all",
     PLMR_REAL(struct generate_command, sampler.typical, 1e-6, 1), .value = "1"},
    {"repeat-penalty", "F", SAMPLING, "Logits of the last tokens are divided by F, negative ones multiplied; 1 is none",
     PLMR_REAL(struct generate_command, sampler.repetition, 0.01, 100), .value = "1"},
    {"frequency-penalty", "F", SAMPLING, "Taken off their logits, for each time",
     PLMR_REAL(struct generate_command, sampler.frequency, -100, 100), .value = "0"},
    {"presence-penalty", "F", SAMPLING, "Taken off their logits, once",
     PLMR_REAL(struct generate_command, sampler.presence, -100, 100), .value = "0"},
    {"repeat-last", "N", SAMPLING, "How many tokens are the last, those of the prompt included",
     PLMR_WHOLE(struct generate_command, sampler.n_last, 1 << 20), .value = "64"},
    {"logit-bias", "ID:B,...", SAMPLING, "What is added to the logits of these tokens",
     PLMR_TEXT(struct generate_command, biases)},
    {"ignore-eos", NULL, SAMPLING, "Go on behind the model's own end", PLMR_FLAG(struct generate_command, ignores_end)},
    {"stop", "TEXT", SAMPLING, "End the text before TEXT; may be given again",
     PLMR_ONE_MORE(struct generate_command, stops)},
    {"seed", "S", SAMPLING, "Which random numbers; the same text on any number of ranks",
     PLMR_WHOLE(struct generate_command, sampler.seed, 0), .value = "1"},
    PLMR_OPTIONS(struct generate_command, llm, plmr_wafer_table),
    PLMR_OPTIONS(struct generate_command, llm, plmr_time_table),
    {"json-logprobs", "N", PLMR_TITLE_OUTPUT,
     "With --json: for each token its log-probability, and the N likeliest ones",
     PLMR_COUNT(struct generate_command, n_likely, PLMR_MOST_LOGPROBS), .recorded = true},
    PLMR_CHECKPOINT(struct generate_command, llm.checkpoint, "tokens"),
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no summary and no progress",
     PLMR_FLAG(struct generate_command, llm.quiet)},
    {"text", NULL, PLMR_TITLE_OUTPUT, "Bars of cycles by kind of work, and of tokens per second",
     PLMR_FLAG(struct generate_command, bars)},
    {0},
};

/* ---- the text ---- */

/* mpirun carries standard output and standard error apart: what was written to one must be through before the other is
 * written to, or they come in any order. */
static void let_through(void)
{
    const struct timespec a_tenth = {.tv_nsec = 100000000};
    nanosleep(&a_tenth, NULL);
}

/* What the last token adds to the text, or its id where there is no vocabulary. */
static void print_token(FILE *out, const plmr_generation *g)
{
    if (g->tokenizer)
        fwrite(g->text, 1, g->n_bytes, out);
    else if (g->end != PLMR_ENDED_ITSELF)
        fprintf(out, "%s%d", g->n_made > 1 ? "," : "", g->id);
    fflush(out);
}

static void end_text(FILE *out, plmr_generation *g)
{
    plmr_generation_flush(g);
    fwrite(g->text, 1, g->n_bytes, out);
    fputc('\n', out);
    fflush(out);
}

/* How likely the last token was. */
static void keep_logprobs(const struct generate_command *c, plmr_llm_run *run, const plmr_generation *g)
{
    run->logprobs = run->logprobs ? run->logprobs : json_array();
    if (g->end != PLMR_ENDED_ITSELF)
        plmr_logprobs_add(run->logprobs, g->logits, run->shape->n_vocab, g->id, c->n_likely, g->tokenizer);
}

/* ---- from one run to the next ---- */

static plmr_status begin(struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    int64_t n = c->kept.n_ids;
    plmr_progress_begin(&run->session.progress, "prefill", 1000, run->session.shows);
    plmr_status status = n ? plmr_generation_resume(g, &c->sampler, run->ids, run->n_ids, run->n_ids + n - 1,
                                                    plmr_checkpoint_get, &c->kept.checkpoint)
                           : plmr_generation_begin(g, &c->sampler, run->ids, run->n_ids);
    plmr_progress_end(&run->session.progress);
    return status;
}

/* What an earlier run has made. */
static plmr_status tell_again(const struct generate_command *c, plmr_generation *g, FILE *out)
{
    for (int64_t i = 0; i < c->kept.n_ids; i++) {
        PLMR_TRY(plmr_generation_again(g, c->kept.ids[i]));
        if (out)
            print_token(out, g);
    }
    return PLMR_OK;
}

/* ---- all of it ---- */

static plmr_status go_on(struct generate_command *c, plmr_llm_run *run, plmr_generation *g, FILE *out)
{
    PLMR_TRY(plmr_generation_next(g));
    if (out)
        print_token(out, g);
    if (out && c->n_likely)
        keep_logprobs(c, run, g);
    return plmr_text_keep(&c->kept, g);
}

/* The text goes on where the prompt ends. */
static plmr_status make_text(struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    FILE *out = plmr_rank() ? NULL : plmr_text_beside(c->llm.json);
    PLMR_TRY(begin(c, run, g));
    if (out && c->llm.text && !c->no_echo && !c->llm.chat) {
        fputs(c->llm.text, out);
        fflush(out);
    }
    plmr_status status = tell_again(c, g, out);
    while (!status && !g->end)
        status = go_on(c, run, g, out);
    if (out)
        end_text(out, g);
    c->n_stopped = !status && g->end == PLMR_ENDED_STOPPED ? g->n_made : 0;
    return status;
}

/* ---- around it ---- */

static const char *why_it_ended(const struct generate_command *c, const plmr_generation *g)
{
    if (g->end == PLMR_ENDED_ITSELF)
        return "the model ended the text";
    if (g->end == PLMR_ENDED_STOPPED)
        return "interrupted";
    if (g->end == PLMR_ENDED_BY_STRING)
        return "a stop string";
    if (plmr_timing_is_full(g->timing, g->engine->n_cached + 1))
        return "a row of cores is full";
    return g->n_made < c->llm.n_decode ? "the model's context is full" : "as many as asked for";
}

static void print_summary(const struct generate_command *c, plmr_llm_run *run, const plmr_generation *g,
                          const plmr_llm_record *record)
{
    let_through();
    fputc('\n', stderr);
    plmr_llm_print(stderr, run, record);
    plmr_table_fact(stderr, "tokens", "%d of prompt, %lld made: %s", run->n_ids, (long long)g->n_made, record->ended);
    if (c->bars)
        plmr_llm_bars(stderr, run, record);
}

static plmr_status report(const struct generate_command *c, plmr_llm_run *run, const plmr_generation *g)
{
    run->n_text = g->n_made;
    plmr_llm_record record = plmr_llm_record_of(run);
    record.mode = "compute";
    record.phase = "both";
    record.output_tokens = g->n_made;
    record.ended = why_it_ended(c, g);
    if (plmr_rank() > 0)
        return PLMR_OK;
    if (!c->llm.quiet)
        print_summary(c, run, g, &record);
    return plmr_llm_put(run, &record);
}

/* What was made before an error is told of, too. */
static plmr_status generate(struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    plmr_session_measure(&run->session);
    plmr_status status = make_text(c, run, g);
    plmr_session_measured(&run->session);
    if (!status)
        status = plmr_llm_keep_map(run, PLMR_DECODE);
    plmr_status reported = plmr_agree(g->n_made || !status ? report(c, run, g) : PLMR_OK);
    if (status) {
        plmr_error_free(reported);
        return status;
    }
    PLMR_TRY(reported);
    return plmr_llm_write_trace(run, stderr);
}

/* Room for the tokens asked for, as far as the model's context goes; the last token made need not be read. */
static void set_up(const struct generate_command *c, plmr_llm_run *run)
{
    int64_t n = run->n_ids + c->llm.n_decode, n_context = run->shape->n_context;
    run->setup.n_prompt = run->n_ids;
    run->setup.n_tokens = n < n_context ? n : n_context;
    plmr_llm_setup_choose(&run->setup, true, true, &run->session.device, run->shape);
}

static plmr_status check(const struct generate_command *c, const plmr_llm_run *run)
{
    PLMR_CHECK(run->tokenizer || !c->stops.n, PLMR_ERROR_INPUT,
               "--stop: %s has no vocabulary of use, so its tokens have no text", run->shape->name);
    PLMR_TRY(plmr_llm_check_kept(&c->llm));
    PLMR_TRY(plmr_trace_options_check(&c->llm.trace, false));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    return plmr_llm_check_context(run, run->n_ids);
}

static plmr_status load(struct generate_command *c, plmr_llm_run *run)
{
    PLMR_TRY(plmr_llm_place(run));
    PLMR_TRY(plmr_llm_check_wafer(run));
    PLMR_TRY(plmr_text_kept_open(&c->kept, c->llm.checkpoint, plmr_run_settings(&plmr_command_generate, run), run));
    PLMR_TRY(plmr_llm_time_prompt(run));
    return plmr_llm_load(run);
}

static plmr_status run_loaded(struct generate_command *c, plmr_llm_run *run)
{
    int64_t room = run->shape->n_context - run->n_ids + 1;
    plmr_generation g = {
        .engine = run->engine,
        .timing = run->timing,
        .tokenizer = run->tokenizer,
        .n_most = c->llm.n_decode < room ? c->llm.n_decode : room,
        .ignores_end = c->ignores_end,
        .stop = &plmr_interrupted,
        .stops = {.strings = c->stops.at, .n_strings = c->stops.n},
        .wants_logits = c->n_likely > 0,
        .totals = &run->totals,
    };
    plmr_status status = generate(c, run, &g);
    plmr_generation_close(&g);
    return status;
}

static plmr_status run_opened(struct generate_command *c, plmr_llm_run *run)
{
    PLMR_TRY(plmr_llm_read_prompt(run));
    set_up(c, run);
    PLMR_TRY(check(c, run));
    PLMR_TRY(load(c, run));
    return run_loaded(c, run);
}

static plmr_status run_command(struct generate_command *c)
{
    plmr_llm_run run;
    if (c->biases)
        PLMR_TRY(plmr_logit_biases_parse("--logit-bias", c->biases, &c->sampler));
    PLMR_CHECK(!c->n_likely || c->llm.json, PLMR_ERROR_INPUT, "--json-logprobs go into the record: add --json FILE|-");
    if (!c->llm.text && !c->llm.ids)
        c->llm.text = default_prompt;
    c->llm.places = true;
    PLMR_TRY(plmr_llm_open(&run, "generate", &c->llm, false));
    plmr_status status = plmr_llm_close(&run, run_opened(c, &run));
    bool kept = c->kept.checkpoint.folder;
    PLMR_TRY(plmr_text_kept_close(&c->kept, status));
    PLMR_CHECK(kept || !c->n_stopped, PLMR_ERROR_SYSTEM, "interrupted: the text ends after %lld tokens",
               (long long)c->n_stopped);
    return PLMR_OK;
}

static plmr_status run(void *options)
{
    struct generate_command *c = options;
    plmr_status status = run_command(c);
    free(c->sampler.biases);
    return status;
}

const plmr_command plmr_command_generate = {
    .name = "generate",
    .summary = "continue a text with a language model on the wafer",
    .about =
        "Continues a text with a language model that runs on an emulated wafer. The text, the prompt first, goes to "
        "standard output, everything else to standard error.",
    .more = "For example:\n"
            "  mpirun -n 2 plmr generate\n"
            "  mpirun -n 4 plmr generate -m model.gguf -p \"Once upon a time\" -n 64",
    .options = options,
    .size = sizeof(struct generate_command),
    .run = run,
};
