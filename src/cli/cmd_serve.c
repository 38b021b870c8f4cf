#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "serve/arrivals.h"
#include "serve/record.h"
#include "serve/trace_csv.h"

static const char *const aims[] = {[PLMR_FOR_LATENCY] = "latency",
                                   [PLMR_FOR_THROUGHPUT] = "throughput",
                                   [PLMR_FOR_CAPACITY] = "capacity",
                                   [PLMR_FOR_ENERGY] = "energy",
                                   NULL};

struct serve_command {
    plmr_llm_options llm;
    const char *trace;
    plmr_arrivals arrivals;
    bool has_lengths;
    int64_t n_requests, n_wafers, n_batch, chunk;
    plmr_slo slo; /* seconds */
    const void *policy;
    enum plmr_serve_aim aim;
    bool every_step;
};

/* ---- the command line ---- */

static plmr_status read_lengths(const plmr_option *option, const char *text, void *member)
{
    struct serve_command *c = member;
    return plmr_lengths_parse(plmr_option_shown(option).s, text, &c->arrivals.prompt, &c->arrivals.output);
}

/* "ttft=0.5,tpot=0.02": one or both. */
static plmr_status read_slo(const plmr_option *option, const char *text, void *member)
{
    plmr_slo *slo = member;
    const char *at = text;
    for (int more = 1; more;) {
        double *value = strncmp(at, "ttft=", 5) == 0 ? &slo->ttft : strncmp(at, "tpot=", 5) == 0 ? &slo->tpot : NULL;
        char *end = (char *)at;
        if (value)
            *value = strtod(at + 5, &end);
        PLMR_CHECK(value && end > at + 5 && *value > 0 && *value < 1e9 && (!*end || *end == ','), PLMR_ERROR_INPUT,
                   "%s: '%.60s' is not ttft=S,tpot=S or one of them, in seconds: e.g. ttft=0.5,tpot=0.02",
                   plmr_option_shown(option).s, text);
        more = *end == ',';
        at = end + 1;
    }
    return PLMR_OK;
}

#define MODEL "Model and requests:"
#define SERVING "Serving:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", MODEL, "A GGUF file, or a shape of plmr model list",
     PLMR_TEXT(struct serve_command, llm.model), .letter = 'm', .value = "llama3-8b"},
    {"rate", "R", MODEL, "Requests a second, which come at random",
     PLMR_REAL(struct serve_command, arrivals.rate, 1e-9, 1e9)},
    {"lengths", "DIST", MODEL,
     "Tokens of PROMPT/OUTPUT: each N, A..B (all alike), or ~M (exponential with the mean M, to 8 M)",
     PLMR_READ_ALL(read_lengths), .value = "~512/~128"},
    {"requests", "N", MODEL, "How many (default: 1000, or the whole trace)",
     PLMR_COUNT(struct serve_command, n_requests, 100000000)},
    {"burst", "N", MODEL, "So many come at once", PLMR_COUNT(struct serve_command, arrivals.burst, 1 << 20),
     .value = "1"},
    {"seed", "S", MODEL, "Which random requests", PLMR_WHOLE(struct serve_command, arrivals.seed, 0), .value = "1"},
    {"trace", "FILE", MODEL,
     "Requests of a CSV file: arrival, prompt, output, or as Azure's and BurstGPT's traces have them",
     PLMR_TEXT(struct serve_command, trace)},
    {"policy", "NAME", SERVING, "Who goes first: %s",
     PLMR_ONE_OF(struct serve_command, policy, &plmr_serve_policy_registry), .value = "decode-first"},
    {"slo", "ttft=S,tpot=S", SERVING, "What is good enough, in seconds, for goodput and slo-aware",
     PLMR_READ_BY(read_slo, struct serve_command, slo)},
    {"batch", "B", SERVING, "Requests that have a token in the same pass, at most",
     PLMR_COUNT(struct serve_command, n_batch, 4096), .value = "8"},
    {"chunk", "N", SERVING, "Tokens of a prompt in a pass, at most (default: four to a row of cores)",
     PLMR_COUNT(struct serve_command, chunk, 1 << 20)},
    {"wafers", "N", PLMR_TITLE_PLACE, "Devices: the model is placed on as few as hold it, as often as there are such",
     PLMR_COUNT(struct serve_command, n_wafers, 1024), .value = "1"},
    {"cores", "HxW", PLMR_TITLE_PLACE, "Cores of a region, H = W (default: what is best for --for)",
     PLMR_PAIR(struct serve_command, llm.setup.phase[PLMR_DECODE].rows, "250x250")},
    {"for", "AIM", PLMR_TITLE_PLACE, "What regions are chosen for: %s", PLMR_WORD(struct serve_command, aim, aims),
     .value = "throughput"},
    PLMR_OPTIONS(struct serve_command, llm, plmr_place_table),
    {"ranks", "RxC", PLMR_TITLE_PLACE, "Grid of ranks, which changes no result (default: what suits the model)",
     PLMR_PAIR(struct serve_command, llm.rank_rows, "2x3")},
    {"every-step", NULL, PLMR_TITLE_PLACE, "Time every pass anew, and all layers and steps of it",
     PLMR_FLAG(struct serve_command, every_step)},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT, "One JSON object with what was simulated",
     PLMR_TEXT(struct serve_command, llm.json)},
    {"quiet", NULL, PLMR_TITLE_OUTPUT, "Print no summary", PLMR_FLAG(struct serve_command, llm.quiet)},
    {0},
};

static plmr_status check(const struct serve_command *c)
{
    const plmr_phase_setup *cores = &c->llm.setup.phase[PLMR_DECODE];
    PLMR_CHECK(!c->trace || c->arrivals.rate == 0, PLMR_ERROR_INPUT,
               "requests come from --trace or at a --rate, not both");
    PLMR_CHECK(c->trace || c->arrivals.rate > 0, PLMR_ERROR_INPUT,
               "which requests? Give --rate R for random ones, or --trace FILE");
    PLMR_CHECK(cores->rows == cores->cols, PLMR_ERROR_INPUT,
               "--cores: %dx%d is not square, as the rings of a prompt must be", cores->rows, cores->cols);
    PLMR_CHECK(!((const plmr_serve_policy *)c->policy)->needs_slo || (c->slo.ttft > 0 && c->slo.tpot > 0),
               PLMR_ERROR_INPUT, "--policy %s goes by --slo ttft=S,tpot=S: give both",
               ((const plmr_serve_policy *)c->policy)->name);
    PLMR_CHECK(!c->llm.setup.concat, PLMR_ERROR_INPUT, "--kv concat fills one row of cores: serve with --kv shift");
    return PLMR_OK;
}

/* ---- requests ---- */

/* On rank 0. */
static plmr_status make_requests(const struct serve_command *c, plmr_request **requests, int64_t *n)
{
    plmr_arrivals arrivals = c->arrivals;
    if (c->trace)
        return plmr_trace_csv_read(c->trace, c->n_requests, requests, n);
    *n = arrivals.n = c->n_requests ? c->n_requests : 1000;
    *requests = malloc((size_t)*n * sizeof **requests);
    PLMR_CHECK(*requests, PLMR_ERROR_SYSTEM, "out of memory for %lld requests", (long long)*n);
    plmr_arrivals_make(&arrivals, *requests);
    return PLMR_OK;
}

/* The same on all ranks, for the caller to free. */
static plmr_status share_requests(const struct serve_command *c, plmr_request **requests, int64_t *n)
{
    *n = 0;
    *requests = NULL;
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? make_requests(c, requests, n) : PLMR_OK));
    plmr_broadcast(n, sizeof *n);
    if (plmr_rank() > 0)
        *requests = malloc((size_t)*n * sizeof **requests);
    plmr_status status = *requests ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for requests");
    PLMR_TRY(plmr_agree(status));
    plmr_broadcast(*requests, (size_t)*n * sizeof **requests);
    return PLMR_OK;
}

/* ---- what it does ---- */

/* On rank 0. */
static plmr_status report(const struct serve_command *c, plmr_llm_run *run, const plmr_serve_place *place,
                          const plmr_serve_outcome *outcome)
{
    plmr_serve_about about = {c->trace, c->arrivals.seed, c->policy, aims[c->aim], c->slo};
    if (!c->llm.quiet)
        plmr_serve_print(plmr_text_beside(c->llm.json), run, &about, place, outcome);
    return plmr_json_put(&run->session.jsonl, PLMR_RECORD_FLAGS, plmr_serve_record(run, &about, place, outcome));
}

static plmr_status serve(const struct serve_command *c, plmr_llm_run *run, plmr_request *requests, int64_t n)
{
    const plmr_device *device = &run->session.device;
    plmr_serve_load load = plmr_serve_load_of(requests, n);
    plmr_serve_place place;
    plmr_serve_outcome outcome;
    plmr_slo slo = {c->slo.ttft * device->clock, c->slo.tpot * device->clock};
    PLMR_CHECK(load.longest <= run->shape->n_context, PLMR_ERROR_INPUT,
               "the longest request has %lld tokens, prompt and output, but %s was made for %d at most: shorten it",
               (long long)load.longest, run->shape->name, run->shape->n_context);
    run->setup.every_step = c->every_step;
    PLMR_TRY(plmr_serve_place_find(run->session.ranks, device, run->shape, &run->setup, (int)c->n_wafers, c->n_batch,
                                   c->chunk, &load, c->aim, &place));
    plmr_status status = plmr_serve_run(&place, c->policy, &slo, device->clock, requests, n, &outcome);
    if (!status)
        status = plmr_agree(plmr_rank() == 0 ? report(c, run, &place, &outcome) : PLMR_OK);
    plmr_serve_costs_free(&place.costs);
    return status;
}

static plmr_status run_opened(const struct serve_command *c, plmr_llm_run *run)
{
    plmr_request *requests;
    int64_t n;
    PLMR_TRY(plmr_session_open_files(&run->session, c->llm.json, NULL, NULL, NULL));
    plmr_status status = share_requests(c, &requests, &n);
    if (!status)
        status = serve(c, run, requests, n);
    free(requests);
    return status;
}

static plmr_status run(void *options)
{
    const struct serve_command *c = options;
    plmr_llm_run run;
    PLMR_TRY(check(c));
    PLMR_TRY(plmr_llm_open(&run, "serve", &c->llm, false));
    return plmr_llm_close(&run, run_opened(c, &run));
}

const plmr_command plmr_command_serve = {
    .name = "serve",
    .summary = "serve many requests on a wafer, in virtual time: latencies, throughput, what limits it",
    .about = "Simulates a language model that serves many requests on one wafer or on several: they arrive in virtual "
             "time, wait, are admitted as the key-value cache has room, and share passes through the layers.",
    .more = "For example:\n"
            "  plmr serve --model llama3-8b --device wse2 --rate 2 --requests 1000\n"
            "  plmr serve --model qwen2-72b --wafers 8 --trace requests.csv --slo ttft=2,tpot=0.05",
    .options = options,
    .size = sizeof(struct serve_command),
    .run = run,
};
