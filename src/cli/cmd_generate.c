#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/wall.h"
#include "cli/llm_bars.h"
#include "cli/llm_report.h"
#include "cli/llm_trace.h"
#include "report/jsonl.h"
#include "report/table.h"
#include "text/sampler.h"
#include "text/utf8.h"

struct generate_command {
    plmr_llm_options llm; /* first: see llm_options.h */
    int64_t n_tokens;
    plmr_sampler_options sampler;
    plmr_trace_options trace;
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
        return plmr_trace_option_set(key - KEY_TRACE, text, &c->trace);
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

/* ---- generating ---- */

struct generation {
    const struct generate_command *c;
    plmr_llm_run *run;
    plmr_llm_summary *summary;
    plmr_llm_report page;
    plmr_timing *timing;
    plmr_sampler *sampler;
    float *hidden, *logits; /* logits: rank 0 */
    FILE *text;             /* rank 0 */
    plmr_utf8_stream stream;
    int32_t before;                    /* the last token */
    int64_t position, n_made, n_asked; /* of the next token; tokens made; what --n-tokens says */
    bool ended, at_end;                /* at_end: the model's own end of the text */
};

/* Prints what a token adds to the text, or its id where there is no vocabulary. */
static void print_token(struct generation *g, int32_t id)
{
    const char *bytes;
    size_t n;
    if (!g->run->tokenizer) {
        fprintf(g->text, "%s%d", g->n_made ? "," : "", id);
    } else if (plmr_tokenizer_decode(g->run->tokenizer, g->before, id, &bytes, &n) == PLMR_OK) {
        char *out = malloc(PLMR_UTF8_ROOM(n) + 1);
        if (out)
            fwrite(out, 1, plmr_utf8_push(&g->stream, bytes, n, out), g->text);
        free(out);
    }
    fflush(g->text);
}

static void end_text(struct generation *g)
{
    char rest[PLMR_UTF8_ROOM(0)];
    fwrite(rest, 1, plmr_utf8_flush(&g->stream, rest), g->text);
    fputc('\n', g->text);
    fflush(g->text);
}

/* Rank 0 picks the next token and tells the others. Collective. */
static plmr_status pick(struct generation *g, int32_t *id)
{
    plmr_status status = PLMR_OK;
    if (g->logits)
        status = plmr_sampler_pick(g->sampler, g->logits, g->position, id);
    PLMR_TRY(plmr_agree(status));
    struct {
        int32_t id, stop;
    } said = {*id, interrupted};
    plmr_broadcast(&said, sizeof said);
    *id = said.id;
    bool is_end = g->run->tokenizer && plmr_tokenizer_is_end(g->run->tokenizer, said.id);
    g->ended = said.stop || is_end;
    g->at_end = is_end;
    if (!is_end && g->text)
        print_token(g, said.id);
    g->before = said.id;
    g->n_made += !is_end;
    g->position++;
    return PLMR_OK;
}

/* One more token: what decode makes of the last one. Collective. */
static plmr_status step(struct generation *g, int32_t *id)
{
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_llm_add_tokens(g->run, g->summary, g->timing, g->run->engine->n_cached, 1));
    PLMR_TRY(plmr_engine_decode(g->run->engine, id, g->hidden));
    PLMR_TRY(plmr_engine_logits(g->run->engine, 1, g->hidden, g->logits));
    PLMR_TRY(pick(g, id));
    g->summary->decode_s += plmr_wall_s() - start_s;
    return PLMR_OK;
}

static plmr_status run_prompt(struct generation *g, const int32_t *ids)
{
    plmr_llm_summary *s = g->summary;
    double start_s = plmr_wall_s();
    plmr_progress_begin(&g->run->progress, "prefill", 1000, g->run->interactive);
    plmr_status status = plmr_engine_prefill(g->run->engine, 0, ids, g->run->setup.n_prompt, 1, g->hidden);
    plmr_progress_end(&g->run->progress);
    PLMR_TRY(status);
    s->prefill_s = plmr_wall_s() - start_s;
    start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_relayout(g->run->engine));
    s->relayout_s = plmr_wall_s() - start_s;
    return plmr_engine_logits(g->run->engine, 1, g->hidden, g->logits);
}

/* mpirun carries standard output and standard error apart: what was written to one must be through before the other is
 * written to, or they come in any order. */
static void let_through(void)
{
    const struct timespec a_tenth = {.tv_nsec = 100000000};
    nanosleep(&a_tenth, NULL);
}

/* The text goes on where the prompt ends. */
static void print_prompt(const struct generation *g)
{
    if (!g->text || !g->c->llm.text || g->c->no_echo)
        return;
    fputs(g->c->llm.text, g->text);
    fflush(g->text);
}

static plmr_status make_text(struct generation *g, const int32_t *ids)
{
    int32_t id = 0;
    watch_signals();
    PLMR_TRY(run_prompt(g, ids));
    print_prompt(g);
    g->position = g->run->setup.n_prompt;
    g->before = ids[g->position - 1];
    plmr_status status = pick(g, &id);
    while (!status && !g->ended && g->n_made < g->c->n_tokens)
        status = step(g, &id);
    if (g->text)
        end_text(g);
    return status;
}

/* ---- around it ---- */

static plmr_status open_generation(struct generation *g)
{
    const plmr_model_shape *shape = g->run->shape;
    g->hidden = plmr_take((size_t)shape->dim * sizeof *g->hidden);
    if (plmr_rank() > 0)
        return PLMR_OK;
    g->text = plmr_text_beside(g->c->llm.json);
    g->logits = plmr_take((size_t)shape->n_vocab * sizeof *g->logits);
    return plmr_sampler_create(&g->c->sampler, shape->n_vocab, &g->sampler);
}

static const char *why_it_ended(const struct generation *g)
{
    if (g->at_end)
        return "the model ended the text";
    if (g->ended)
        return "interrupted";
    if (plmr_timing_is_full(g->timing, g->run->engine->n_cached + 1))
        return "a row of cores is full";
    return g->n_made < g->n_asked ? "the model's context is full" : "as many as asked for";
}

static plmr_status report(struct generation *g, plmr_jsonl *jsonl)
{
    plmr_llm_texts texts;
    plmr_llm_record record = plmr_llm_record_of(g->run, g->summary, &texts);
    char *line;
    record.command = "generate";
    record.mode = "compute";
    record.phase = "both";
    record.output_tokens = g->n_made;
    if (plmr_rank() > 0)
        return PLMR_OK;
    let_through();
    fputc('\n', stderr);
    plmr_llm_print(stderr, g->run, g->summary, &record);
    plmr_table_fact(stderr, "tokens", "%lld of prompt, %lld made: %s", (long long)g->run->setup.n_prompt,
                    (long long)g->n_made, why_it_ended(g));
    if (g->c->bars)
        plmr_llm_bars(stderr, g->summary, &record);
    plmr_status status = plmr_llm_record_json(&record, &line);
    plmr_llm_texts_free(&texts);
    PLMR_TRY(status);
    status = plmr_llm_report_write(&g->page, g->run, g->summary, line);
    if (!status && g->c->llm.json)
        status = plmr_jsonl_put(jsonl, line);
    free(line);
    return status ? status : plmr_jsonl_commit(jsonl);
}

static plmr_status load(struct generation *g)
{
    plmr_llm_summary *s = g->summary;
    s->prefill = plmr_timing_placement(g->timing, false);
    s->decode = plmr_timing_placement(g->timing, true);
    PLMR_TRY(plmr_llm_check_wafer(g->run, s));
    PLMR_TRY(plmr_timing_prefill(g->timing, &s->prefill_cost));
    PLMR_TRY(plmr_llm_report_phase(&g->page, g->run, g->timing, s, false));
    PLMR_TRY(plmr_timing_handover(g->timing, &s->handover));
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_llm_load(g->run));
    s->load_s = plmr_wall_s() - start_s;
    return PLMR_OK;
}

static plmr_status generate(struct generation *g, const int32_t *ids)
{
    plmr_jsonl jsonl = {0};
    PLMR_TRY(plmr_agree(open_generation(g)));
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_jsonl_open(g->c->llm.json, &jsonl) : PLMR_OK));
    plmr_status status = plmr_llm_report_open(g->c->llm.report, g->summary, &g->page);
    if (!status)
        status = load(g);
    if (!status) {
        plmr_llm_measure_begin(g->run, g->summary);
        status = make_text(g, ids);
        plmr_llm_measure_end(g->run, g->summary);
        if (!status)
            status = plmr_llm_report_phase(&g->page, g->run, g->timing, g->summary, true);
        plmr_status reported = plmr_agree(g->n_made || !status ? report(g, &jsonl) : PLMR_OK);
        if (!status)
            status = reported;
        else
            plmr_error_free(reported);
    }
    if (plmr_rank() == 0)
        plmr_jsonl_discard(&jsonl);
    return status;
}

static void close_generation(struct generation *g)
{
    plmr_llm_report_close(&g->page);
    plmr_sampler_destroy(g->sampler);
    plmr_timing_destroy(g->timing);
    free(g->logits);
    free(g->hidden);
}

/* Room for the tokens asked for, as far as the model's context goes. */
static void set_up(const struct generate_command *c, plmr_llm_run *run, int n_prompt)
{
    int64_t n = n_prompt + c->n_tokens;
    run->setup.n_prompt = n_prompt;
    run->setup.n_tokens = n < run->shape->n_context ? n : run->shape->n_context;
    run->setup.profile = c->llm.report != NULL;
    plmr_llm_setup_choose(&run->setup, true, true, &run->device, run->shape);
}

static plmr_status run_command(void *command, plmr_llm_run *run, const int32_t *ids, int n_ids)
{
    struct generate_command *c = command;
    plmr_llm_summary summary = {0};
    struct generation g = {.c = c, .run = run, .summary = &summary, .n_asked = c->n_tokens};
    plmr_llm_trace trace = {0};
    set_up(c, run, n_ids);
    PLMR_TRY(plmr_trace_options_check(&c->trace, false));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_TRY(plmr_llm_check_context(run, n_ids));
    int64_t room = run->shape->n_context - n_ids + 1; /* the last token made need not be read */
    c->n_tokens = c->n_tokens < room ? c->n_tokens : room;
    PLMR_TRY(plmr_timing_create(run->ranks, &run->device, run->shape, &run->setup, &g.timing));
    plmr_status status = plmr_llm_trace_open(&c->trace, run, "generate", g.timing, &trace);
    if (!status)
        status = generate(&g, ids);
    status = plmr_llm_trace_close(&trace, g.timing, status, stderr);
    close_generation(&g);
    return status;
}

plmr_status plmr_command_generate(int argc, char **argv)
{
    struct generate_command c = {.n_tokens = DEFAULT_TOKENS, .sampler = {.top_k = 40, .top_p = 0.95, .seed = 1}};
    bool help;
    plmr_llm_options_init(&c.llm);
    PLMR_TRY(plmr_options_parse(&argp, "generate", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    if (!c.llm.text && !c.llm.ids)
        c.llm.text = default_prompt;
    return plmr_llm_with_prompt(&c.llm, run_command, &c);
}
