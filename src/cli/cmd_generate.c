#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/llm_options.h"
#include "cli/trace.h"
#include "infer/generate.h"
#include "report/table.h"

struct generate_command {
    plmr_llm_options llm; /* first: see llm_options.h */
    int64_t n_tokens;
    plmr_sampler_options sampler;
    bool bars, no_echo;
};

/* ---- the command line ---- */

enum {
    KEY_TEMP = 0x200,
    KEY_TOP_K,
    KEY_TOP_P,
    KEY_SEED,
    KEY_TEXT,
    KEY_NO_ECHO,
    KEY_TRACE,
    KEY_END = KEY_TRACE + PLMR_TRACE_KEYS
};
enum { DEFAULT_TOKENS = 128 };
static const char default_prompt[] = "Once upon a time";

static const struct argp_option options[] = {
    {"n-tokens", 'n', "N", 0, "Tokens to generate at most (default 128)", 1},
    {"no-echo", KEY_NO_ECHO, NULL, 0, "Print what is made alone, without the prompt before it", 1},
    PLMR_OPTION_GROUP(5, "Sampling:"),
    {"temp", KEY_TEMP, "T", 0, "Temperature; 0 is greedy (default 0)", 5},
    {"top-k", KEY_TOP_K, "K", 0, "From the K most likely tokens; 0 is all (default 40)", 5},
    {"top-p", KEY_TOP_P, "P", 0, "From the fewest that are P likely together (default 0.95)", 5},
    {"seed", KEY_SEED, "S", 0, "Which random numbers; the same text on any number of ranks (default 1)", 5},
    PLMR_TRACE_OPTIONS(KEY_TRACE, 40),
    {"text", KEY_TEXT, NULL, 0, "Bars of cycles by kind of work, and of tokens per second", 40},
    {0},
};

static plmr_status parse_real(const char *option, const char *text, double least, double most, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    PLMR_CHECK(end != text && !*end && !errno && *value >= least && *value <= most, PLMR_ERROR_INPUT,
               "%s: '%.60s' is not a number from %g to %g", option, text, least, most);
    return PLMR_OK;
}

static plmr_status parse_whole(const char *option, const char *text, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    PLMR_CHECK(end != text && !*end && !errno && *value >= 0 && *value <= most && text[0] != '-', PLMR_ERROR_INPUT,
               "%s: '%.60s' is not a whole number from 0 to %lld", option, text, (long long)most);
    return PLMR_OK;
}

static plmr_status set_option(int key, const char *text, struct generate_command *c)
{
    int64_t whole = 0;
    switch (key) {
    case 'n':
        return plmr_parse_count("--n-tokens", text, 1 << 24, &c->n_tokens);
    case KEY_TEMP:
        return parse_real("--temp", text, 0, 100, &c->sampler.temperature);
    case KEY_TOP_K:
        PLMR_TRY(parse_whole("--top-k", text, 1 << 30, &whole));
        c->sampler.top_k = (int)whole;
        return PLMR_OK;
    case KEY_TOP_P:
        return parse_real("--top-p", text, 1e-6, 1, &c->sampler.top_p);
    case KEY_SEED:
        PLMR_TRY(parse_whole("--seed", text, INT64_MAX, &whole));
        c->sampler.seed = (uint64_t)whole;
        return PLMR_OK;
    case KEY_TEXT:
        c->bars = true;
        return PLMR_OK;
    case KEY_NO_ECHO:
        c->no_echo = true;
        return PLMR_OK;
    default:
        return plmr_trace_option_set(key - KEY_TRACE, text, &c->llm.trace);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->child_inputs[1] = state->child_inputs[2] = state->input;
    if (key != 'n' && (key < KEY_TEMP || key >= KEY_END))
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp_child children[] = {
    {&plmr_prompt_argp, 0, NULL, 0}, {&plmr_wafer_argp, 0, NULL, 0}, {&plmr_report_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Continues a text with a language model that runs on an emulated wafer. The text, the prompt first, goes to "
           "standard output, everything else to standard error.\v"
           "For example:\n"
           "  mpirun -n 2 plmr generate\n"
           "  mpirun -n 4 plmr generate -m model.gguf -p \"Once upon a time\" -n 64",
    .children = children,
};

/* ---- interruption ---- */

/* Ctrl-C, or mpirun's word for it, ends the text after the token at hand. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

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

static plmr_status begin(const struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    plmr_progress_begin(&run->session.progress, "prefill", 1000, run->session.shows);
    plmr_status status = plmr_generation_begin(g, &c->sampler, run->ids, run->n_ids);
    plmr_progress_end(&run->session.progress);
    return status;
}

/* The text goes on where the prompt ends. */
static plmr_status make_text(const struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    FILE *out = plmr_rank() ? NULL : plmr_text_beside(c->llm.json);
    watch_signals();
    plmr_status status = begin(c, run, g);
    if (status)
        return status;
    if (out && c->llm.text && !c->no_echo) {
        fputs(c->llm.text, out);
        fflush(out);
    }
    while (!status && !g->end) {
        status = plmr_generation_next(g);
        if (!status && out)
            print_token(out, g);
    }
    if (out)
        end_text(out, g);
    return status;
}

/* ---- around it ---- */

static const char *why_it_ended(const struct generate_command *c, const plmr_generation *g)
{
    if (g->end == PLMR_ENDED_ITSELF)
        return "the model ended the text";
    if (g->end == PLMR_ENDED_STOPPED)
        return "interrupted";
    if (plmr_timing_is_full(g->timing, g->engine->n_cached + 1))
        return "a row of cores is full";
    return g->n_made < c->n_tokens ? "the model's context is full" : "as many as asked for";
}

static plmr_status report(const struct generate_command *c, plmr_llm_run *run, const plmr_generation *g)
{
    plmr_llm_record record = plmr_llm_record_of(run);
    record.mode = "compute";
    record.phase = "both";
    record.output_tokens = g->n_made;
    if (plmr_rank() > 0)
        return PLMR_OK;
    let_through();
    fputc('\n', stderr);
    plmr_llm_print(stderr, run, &record);
    plmr_table_fact(stderr, "tokens", "%d of prompt, %lld made: %s", run->n_ids, (long long)g->n_made,
                    why_it_ended(c, g));
    if (c->bars)
        plmr_llm_bars(stderr, run, &record);
    return plmr_llm_put(run, &record);
}

/* What was made before an error is told of, too. */
static plmr_status generate(const struct generate_command *c, plmr_llm_run *run, plmr_generation *g)
{
    plmr_session_measure(&run->session);
    plmr_status status = make_text(c, run, g);
    plmr_session_measured(&run->session);
    if (!status)
        status = plmr_llm_keep_map(run, true);
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
    int64_t n = run->n_ids + c->n_tokens, n_context = run->shape->n_context;
    run->setup.n_prompt = run->n_ids;
    run->setup.n_tokens = n < n_context ? n : n_context;
    plmr_llm_setup_choose(&run->setup, true, true, &run->session.device, run->shape);
}

static plmr_status run_opened(const struct generate_command *c, plmr_llm_run *run)
{
    PLMR_TRY(plmr_llm_read_prompt(run));
    set_up(c, run);
    PLMR_TRY(plmr_trace_options_check(&c->llm.trace, false));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_TRY(plmr_llm_check_context(run, run->n_ids));
    PLMR_TRY(plmr_llm_place(run));
    PLMR_TRY(plmr_llm_check_wafer(run));
    PLMR_TRY(plmr_llm_time_prompt(run));
    PLMR_TRY(plmr_llm_load(run));
    int64_t room = run->shape->n_context - run->n_ids + 1;
    plmr_generation g = {
        .engine = run->engine,
        .timing = run->timing,
        .tokenizer = run->tokenizer,
        .n_most = c->n_tokens < room ? c->n_tokens : room,
        .stop = &interrupted,
        .totals = &run->totals,
    };
    plmr_status status = generate(c, run, &g);
    plmr_generation_close(&g);
    return status;
}

plmr_status plmr_command_generate(int argc, char **argv)
{
    struct generate_command c = {.n_tokens = DEFAULT_TOKENS, .sampler = {.top_k = 40, .top_p = 0.95, .seed = 1}};
    plmr_llm_run run;
    bool help;
    plmr_llm_options_init(&c.llm);
    PLMR_TRY(plmr_options_parse(&argp, "generate", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    if (!c.llm.text && !c.llm.ids)
        c.llm.text = default_prompt;
    PLMR_TRY(plmr_llm_open(&run, "generate", &c.llm, false));
    return plmr_llm_close(&run, run_opened(&c, &run));
}
