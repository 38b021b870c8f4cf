#include "cli/cli.h"

#include <stdlib.h>

#include "cli/settings.h"
#include "serve/conflicts.h"
#include "serve/find_rate.h"
#include "serve/http.h"
#include "serve/kept.h"
#include "serve/prompts.h"
#include "serve/record.h"
#include "serve/timeline.h"
#include "serve/trace_csv.h"

enum mode { TIMING, COMPUTE };

static const char *const modes[] = {[TIMING] = "timing", [COMPUTE] = "compute", NULL};

struct serve_command {
    plmr_llm_options llm;
    const char *trace;
    plmr_arrivals arrivals;
    int64_t n_requests, n_prompt_wafers, n_prompt_replicas, n_batch, chunk;
    bool find_rate;
    plmr_slo slo; /* seconds */
    const void *policy;
    bool every_step, preempts;
    const char *draft;
    int64_t ahead;
    double accept;
    plmr_model *draft_model; /* opened */
    enum mode mode;
    const char *prompts, *http;
    bool allow_remote;
    plmr_serve_texts *texts; /* with values */
    plmr_serve_kept kept;
};

/* ---- the command line ---- */

static plmr_status read_lengths(const plmr_option *option, const char *text, void *member)
{
    struct serve_command *c = member;
    return plmr_lengths_parse(plmr_option_shown(option).s, text, &c->arrivals.prompt, &c->arrivals.output);
}

static plmr_status read_prefixes(const plmr_option *option, const char *text, void *member)
{
    return plmr_prefixes_parse(plmr_option_shown(option).s, text, member);
}

static plmr_status read_slo(const plmr_option *option, const char *text, void *member)
{
    return plmr_slo_parse(plmr_option_shown(option).s, text, member);
}

#define MODEL "Model and requests:"
#define SERVING "Serving:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", MODEL, PLMR_MODEL_HELP, PLMR_TEXT_READ(struct serve_command, llm.model), .letter = 'm',
     .value = "llama3-8b"},
    {"rate", "R", MODEL, "Requests a second, which come at random",
     PLMR_REAL(struct serve_command, arrivals.rate, 1e-9, 1e9)},
    {"lengths", "DIST", MODEL,
     "Tokens of PROMPT/OUTPUT: each N, A..B (all alike), or ~M (exponential with the mean M, to 8 M)",
     PLMR_READ_ALL(read_lengths), .value = "~512/~128"},
    {"requests", "N", MODEL, "How many (default: 1000, or the whole trace)",
     PLMR_COUNT(struct serve_command, n_requests, 100000000)},
    {"burst", "N", MODEL, "So many come at once", PLMR_COUNT(struct serve_command, arrivals.burst, 1 << 20),
     .value = "1"},
    {"prefix", "N/TOKENS/SHARE", MODEL,
     "A share of prompts begin with one of N texts of so many tokens, which are read once",
     PLMR_READ_BY(read_prefixes, struct serve_command, arrivals.prefixes)},
    {"urgent", "SHARE", MODEL, "A share of requests have a higher priority",
     PLMR_REAL(struct serve_command, arrivals.urgent, 0, 1)},
    {"seed", "S", MODEL, "Which random requests", PLMR_WHOLE(struct serve_command, arrivals.seed, 0), .value = "1"},
    {"trace", "FILE", MODEL,
     "Requests of a CSV file: arrival, prompt, output, or as Azure's and BurstGPT's traces have them",
     PLMR_TEXT_READ(struct serve_command, trace)},
    {"mode", "timing|compute", MODEL, "Times alone, or with them each request's text",
     PLMR_WORD(struct serve_command, mode, modes), .value = "timing"},
    {"prompts", "FILE", MODEL, "With values: prompts, one a line, taken in turn (default: made-up tokens)",
     PLMR_TEXT_READ(struct serve_command, prompts)},
    {"http", "ADDRESS:PORT", MODEL,
     "Answer requests that come over HTTP as OpenAI has them, e.g. at 127.0.0.1:8080, until Ctrl-C",
     PLMR_TEXT(struct serve_command, http)},
    {"allow-remote", NULL, MODEL, "With --http: at an address that other machines reach, too",
     PLMR_FLAG(struct serve_command, allow_remote)},
    {"policy", "NAME", SERVING, "Who goes first: %s",
     PLMR_ONE_OF(struct serve_command, policy, &plmr_serve_policy_registry), .value = "decode-first"},
    {"slo", "ttft=S,tpot=S", SERVING, "What is good enough, in seconds, for goodput and slo-aware",
     PLMR_READ_BY(read_slo, struct serve_command, slo)},
    {"find-rate", NULL, SERVING, "Look for the most requests a second of which 99 in 100 meet the SLO",
     PLMR_FLAG(struct serve_command, find_rate)},
    {"batch", "B", SERVING, "Requests that have a token in the same pass, at most",
     PLMR_COUNT(struct serve_command, n_batch, 4096), .value = "8"},
    {"preempt", NULL, SERVING,
     "Admit requests with room for what they have; where the cache is full, the last one reads all of it again",
     PLMR_FLAG(struct serve_command, preempts)},
    {"draft", "FILE|NAME", SERVING, "A small model of the same vocabulary guesses tokens, on a region of its own",
     PLMR_TEXT_READ(struct serve_command, draft)},
    {"ahead", "K", SERVING, "Tokens that it guesses, for the model to check",
     PLMR_COUNT(struct serve_command, ahead, PLMR_MOST_AHEAD), .value = "4"},
    {"accept", "P", SERVING, "With --draft: share of guesses that are right, if all before them are",
     PLMR_REAL(struct serve_command, accept, 0, 1)},
    {"chunk", "N", SERVING, "Tokens of a prompt in a pass, at most (default: four to a row of cores)",
     PLMR_COUNT(struct serve_command, chunk, 1 << 20)},
    {"prompt-wafers", "K", PLMR_TITLE_PLACE, "So many of --wafers read prompts for the others (default: all do both)",
     PLMR_COUNT(struct serve_command, n_prompt_wafers, 1023)},
    {"prompt-replicas", "K", PLMR_TITLE_PLACE, "So many replicas read prompts for the others, on the same wafer, too",
     PLMR_COUNT(struct serve_command, n_prompt_replicas, 1 << 20)},
    {"cores", "HxW", PLMR_TITLE_PLACE, "Cores of a region, H = W (default: what is best for --for)",
     PLMR_PAIR(struct serve_command, llm.setup.phase[PLMR_DECODE].rows, "250x250")},
    PLMR_OPTIONS(struct serve_command, llm, plmr_place_table),
    {"ranks", "RxC", PLMR_TITLE_PLACE, "Grid of ranks, which changes no result (default: what suits the model)",
     PLMR_PAIR(struct serve_command, llm.rank_rows, "2x3")},
    {"every-step", NULL, PLMR_TITLE_PLACE, "Time every pass anew, and all layers and steps of it",
     PLMR_FLAG(struct serve_command, every_step)},
    PLMR_CHECKPOINT(struct serve_command, llm.checkpoint, "requests"),
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object with what was simulated",
     PLMR_TEXT_WRITTEN(struct serve_command, llm.json)},
    {"report", "FILE", PLMR_TITLE_OUTPUT, "An HTML page of requests, regions and the cache over time",
     PLMR_TEXT_WRITTEN(struct serve_command, llm.report)},
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no summary", PLMR_FLAG(struct serve_command, llm.quiet)},
    {0},
};

static bool has_slo(const struct serve_command *c)
{
    return c->slo.ttft > 0 || c->slo.tpot > 0;
}

static plmr_status check_requests(const struct serve_command *c)
{
    PLMR_TRY(plmr_serve_check_line(&c->llm.line));
    PLMR_CHECK(c->trace || c->arrivals.rate > 0 || c->find_rate || c->http, PLMR_ERROR_INPUT,
               "which requests? Give --rate R for random ones, --trace FILE, or --http for those that come");
    PLMR_CHECK(!c->find_rate || has_slo(c), PLMR_ERROR_INPUT,
               "--find-rate looks for the most random requests a second that meet an --slo: give one");
    return PLMR_OK;
}

static plmr_status check(const struct serve_command *c)
{
    const plmr_phase_setup *cores = &c->llm.setup.phase[PLMR_DECODE];
    PLMR_CHECK(cores->rows == cores->cols, PLMR_ERROR_INPUT,
               "--cores: %dx%d is not square, as the rings of a prompt must be", cores->rows, cores->cols);
    PLMR_CHECK(!((const plmr_serve_policy *)c->policy)->needs_slo || (c->slo.ttft > 0 && c->slo.tpot > 0),
               PLMR_ERROR_INPUT, "--policy %s goes by --slo ttft=S,tpot=S: give both",
               ((const plmr_serve_policy *)c->policy)->name);
    PLMR_CHECK(!c->n_prompt_wafers || c->n_prompt_wafers < c->llm.setup.n_wafers, PLMR_ERROR_INPUT,
               "--prompt-wafers %lld leave none of --wafers %lld to make tokens", (long long)c->n_prompt_wafers,
               (long long)c->llm.setup.n_wafers);
    PLMR_CHECK(c->mode == TIMING || !c->find_rate, PLMR_ERROR_INPUT,
               "--find-rate serves many times over: without --mode compute");
    PLMR_CHECK(c->mode == COMPUTE || !c->prompts, PLMR_ERROR_INPUT, "--prompts are for --mode compute");
    PLMR_CHECK(!c->llm.setup.concat, PLMR_ERROR_INPUT, "--kv concat fills one row of cores: serve with --kv shift");
    return check_requests(c);
}

/* ---- requests ---- */

/* On rank 0. */
static plmr_status make_requests(const struct serve_command *c, plmr_llm_run *run, plmr_request **requests, int64_t *n)
{
    PLMR_TRY(plmr_session_note(&run->session, c->prompts));
    if (c->trace) {
        PLMR_TRY(plmr_trace_csv_read(c->trace, c->n_requests, requests, n));
        return plmr_session_note(&run->session, c->trace);
    }
    *n = c->n_requests ? c->n_requests : 1000;
    *requests = malloc((size_t)*n * sizeof **requests);
    PLMR_CHECK(*requests, PLMR_ERROR_SYSTEM, "out of memory for %lld requests", (long long)*n);
    plmr_arrivals arrivals = c->arrivals;
    arrivals.n = *n;
    arrivals.rate = c->find_rate ? 1 : arrivals.rate;
    plmr_arrivals_make(&arrivals, *requests);
    return PLMR_OK;
}

/* The same on all ranks, for the caller to free. */
static plmr_status share_requests(const struct serve_command *c, plmr_llm_run *run, plmr_request **requests, int64_t *n)
{
    *n = 0;
    *requests = NULL;
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? make_requests(c, run, requests, n) : PLMR_OK));
    return plmr_requests_share(requests, n);
}

/* ---- what it does ---- */

/* On rank 0. */
static plmr_status report(const struct serve_command *c, plmr_llm_run *run, const plmr_serve_place *place,
                          const plmr_serve_plan *plan, const plmr_request *requests, const plmr_serve_outcome *outcome)
{
    plmr_serve_about about = {.trace = c->trace,
                              .seed = c->arrivals.seed,
                              .policy = c->policy,
                              .aim = plmr_name_of(c->llm.setup.aim),
                              .finds_rate = c->find_rate,
                              .slo = c->slo,
                              .n_prompt = place->n_prompt,
                              .preempts = c->preempts,
                              .shares = plmr_serve_load_of(requests, outcome->n_requests).shares,
                              .draft = c->draft,
                              .ahead = (int)c->ahead,
                              .link = run->setup.link};
    json_t *record = plmr_serve_record_json(run, &about, place, outcome);
    if (!c->llm.quiet)
        plmr_serve_print(plmr_text_beside(c->llm.json), run, &about, place, outcome);
    if (c->texts && !c->llm.quiet)
        plmr_serve_print_texts(plmr_text_beside(c->llm.json), c->texts);
    plmr_serve_texts_put(record, c->texts);
    plmr_session_sign(&run->session, record);
    plmr_serve_add_page(run, record, plan, place, outcome, requests);
    return plmr_json_put(&run->session.jsonl, PLMR_RECORD_FLAGS, record);
}

/* With what has been asked for; a request's cache goes from wafer to wafer as a whole. */
static plmr_serve_plan plan_of(const struct serve_command *c, const plmr_llm_run *run, const plmr_serve_place *place)
{
    double clock = run->session.device.clock;
    return (plmr_serve_plan){
        .policy = c->policy,
        .slo = {c->slo.ttft * clock, c->slo.tpot * clock},
        .clock = clock,
        .device = &run->session.device,
        .n_prompt = place->n_prompt,
        .token_bytes = plmr_serve_token_bytes(run->shape, plmr_timing_setup(place->costs.timing)),
        .link = run->setup.link,
        .preempts = c->preempts,
        .ahead = (int)c->ahead,
        .accept = c->accept,
        .seed = c->arrivals.seed,
    };
}

static plmr_serve_wish wish_of(const struct serve_command *c, const plmr_llm_run *run, const plmr_serve_load *load)
{
    return (plmr_serve_wish){.n_wafers = c->llm.setup.n_wafers,
                             .n_prompt = (int)c->n_prompt_wafers,
                             .prompt_replicas = (int)c->n_prompt_replicas,
                             .n_batch = c->n_batch,
                             .chunk = c->chunk,
                             .load = load,
                             .aim = c->llm.setup.aim,
                             .draft = c->draft_model ? plmr_model_shape_of(c->draft_model) : NULL,
                             .ahead = (int)c->ahead,
                             .accept = c->accept,
                             .link = run->setup.link};
}

static plmr_status place_model(const struct serve_command *c, plmr_llm_run *run, const plmr_request *requests,
                               int64_t n, plmr_serve_load *load, plmr_serve_wish *wish, plmr_serve_place *place)
{
    *load = plmr_serve_load_of(requests, n);
    PLMR_CHECK(load->longest <= run->shape->n_context, PLMR_ERROR_INPUT,
               "the longest request has %lld tokens, prompt and output, but %s was made for %d at most: shorten it",
               (long long)load->longest, run->shape->name, run->shape->n_context);
    run->setup.every_step = c->every_step;
    *wish = wish_of(c, run, load);
    return plmr_serve_place_find(run->session.ranks, &run->session.device, run->shape, &run->setup, wish, place);
}

/* ---- values ---- */

static plmr_status load_texts(const struct serve_command *c, plmr_llm_run *run, const plmr_serve_place *place,
                              const plmr_request *requests, plmr_serve_plan *plan)
{
    for (int64_t i = 0; i < c->texts->n; i++)
        c->texts->texts[i].ignores_end = true;
    plan->values = plmr_serve_texts_values(c->texts);
    PLMR_TRY(plmr_serve_texts_check(c->texts, requests));
    return plmr_serve_texts_load(run->model, run->session.ranks, &run->session.device, place->costs.timing,
                                 run->tokenizer, c->texts);
}

static plmr_status serve(struct serve_command *c, plmr_llm_run *run, plmr_request *requests, int64_t n)
{
    plmr_serve_place place;
    plmr_serve_outcome outcome;
    plmr_serve_load load;
    plmr_serve_wish wish;
    PLMR_TRY(place_model(c, run, requests, n, &load, &wish, &place));
    plmr_serve_timeline timeline = {0};
    plmr_serve_plan plan = plan_of(c, run, &place);
    plan.timeline = c->llm.report ? &timeline : NULL;
    plan.tried = json_array();
    plmr_status status = c->texts ? load_texts(c, run, &place, requests, &plan) : PLMR_OK;
    if (!status && c->llm.checkpoint) {
        plan.kept = &c->kept;
        c->kept.texts = c->texts;
        status = plmr_serve_kept_open(&c->kept, c->llm.checkpoint, plmr_run_settings(&plmr_command_serve, run));
    }
    if (!status)
        status = c->find_rate ? plmr_serve_find_rate(&(plmr_serve_where){run->session.ranks, &run->session.device,
                                                                         run->shape, &run->setup, &wish},
                                                     &place, &plan, &c->arrivals, requests, n, &outcome)
                              : plmr_serve_run(&place, &plan, requests, n, &outcome);
    if (!status)
        status = plmr_agree(plmr_rank() == 0 ? report(c, run, &place, &plan, requests, &outcome) : PLMR_OK);
    plmr_timeline_free(&timeline);
    json_decref(plan.tried);
    plmr_serve_place_free(&place);
    return status;
}

/* ---- the endpoint ---- */

static plmr_status answer_requests(const struct serve_command *c, plmr_llm_run *run)
{
    plmr_serve_place place;
    plmr_endpoint e = {.run = run, .place = &place};
    PLMR_TRY(plmr_endpoint_place(&e, wish_of(c, run, NULL), &place));
    plmr_serve_plan plan = plan_of(c, run, &place);
    plmr_machine_setup setup = {
        .costs = &place.costs, .policy = c->policy, .slo = plan.slo, .preempts = c->preempts, .seed = plan.seed};
    plmr_endpoint_init(&e);
    plmr_status status = plmr_serve_texts_load(run->model, run->session.ranks, &run->session.device, place.costs.timing,
                                               run->tokenizer, &e.texts);
    if (!status)
        status = plmr_listen(c->http, c->allow_remote, &e, &setup);
    plmr_endpoint_free(&e);
    plmr_serve_place_free(&place);
    return status;
}

static plmr_status run_opened(struct serve_command *c, plmr_llm_run *run)
{
    plmr_request *requests;
    int64_t n;
    bool caches_go = c->n_prompt_wafers || (c->n_prompt_replicas && c->llm.setup.n_wafers > 1);
    PLMR_TRY(plmr_wafer_link_of(&run->session.device, c->llm.link, caches_go, &run->setup.link));
    if (c->http)
        return answer_requests(c, run);
    if (c->draft_model)
        PLMR_TRY(plmr_llm_note(run, c->draft_model));
    PLMR_TRY(plmr_session_open_files(&run->session, c->llm.json, c->llm.report, NULL, NULL));
    plmr_status status = share_requests(c, run, &requests, &n);
    if (!status && c->texts)
        status = plmr_serve_prompts_make(c->texts, run->tokenizer, c->prompts, run->shape->n_vocab, c->arrivals.seed,
                                         requests, n);
    if (!status)
        status = serve(c, run, requests, n);
    free(requests);
    if (c->texts)
        plmr_serve_texts_free(c->texts);
    return status;
}

static plmr_status run(void *options)
{
    struct serve_command *c = options;
    plmr_serve_texts texts = {0};
    plmr_llm_run run;
    c->llm.setup.aim = c->llm.setup.aim ? c->llm.setup.aim : &plmr_aim_throughput;
    c->llm.cores = "--cores";
    c->llm.setup.n_wafers = c->llm.setup.n_wafers ? c->llm.setup.n_wafers : 1;
    PLMR_TRY(check(c));
    c->texts = c->mode == COMPUTE ? &texts : NULL;
    c->llm.timing = c->mode == TIMING && !c->http;
    if (c->draft)
        PLMR_TRY(plmr_agree(plmr_model_open(c->draft, &c->draft_model)));
    plmr_status status = plmr_llm_open(&run, "serve", &c->llm, c->http || c->prompts);
    if (!status)
        status = plmr_llm_close(&run, run_opened(c, &run));
    plmr_model_close(c->draft_model);
    return plmr_checkpoint_close(&c->kept.checkpoint, status);
}

const plmr_command plmr_command_serve = {
    .name = "serve",
    .summary = "serve many requests on a wafer, in virtual time: latencies, throughput, what limits it",
    .about = "Simulates a language model that serves many requests on one wafer or on several: they arrive in virtual "
             "time, wait, are admitted as the key-value cache has room, and share passes through the layers.",
    .more = "For example:\n"
            "  plmr serve --model llama3-8b --device wse2 --rate 2 --requests 1000\n"
            "  plmr serve --http 127.0.0.1:8080 --model demo --device wormhole\n"
            "  plmr serve --model qwen2-72b --wafers 8 --trace requests.csv --slo ttft=2,tpot=0.05",
    .options = options,
    .size = sizeof(struct serve_command),
    .run = run,
};
