#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/wall.h"
#include "cli/llm_options.h"
#include "infer/score.h"

struct logits_command {
    plmr_llm_options llm; /* first: see llm_options.h */
    const char *out;
    bool decode_only;
};

/* ---- the command line ---- */

enum { KEY_OUT = 0x200, KEY_PHASE };

static const struct argp_option options[] = {
    {"out", KEY_OUT, "FILE", 0, "Where the logits go: float32, a row of the vocabulary's size for each token", 40},
    {"phase", KEY_PHASE, "prefill|decode", 0, "All tokens at once, or one after the other (default prefill)", 10},
    {0},
};

static plmr_status set_option(int key, const char *text, struct logits_command *c)
{
    static const char *const phases[] = {"prefill", "decode"};
    int phase;
    if (key == KEY_OUT) {
        c->out = text;
        return PLMR_OK;
    }
    PLMR_TRY(plmr_parse_word("--phase", text, phases, 2, &phase));
    c->decode_only = phase == 1;
    return PLMR_OK;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->child_inputs[1] = state->input;
    if (key != KEY_OUT && key != KEY_PHASE)
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp_child children[] = {{&plmr_prompt_argp, 0, NULL, 0}, {&plmr_wafer_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Writes a language model's logits after each token of a text.\v"
           "For example:\n"
           "  mpirun -n 2 plmr logits -m model.gguf --tokens 1,5,31 --out logits.f32",
    .children = children,
};

/* ---- what it does ---- */

/* Where the logits go, on rank 0. The file is opened before the model runs, so that a wrong name is known at once. */
struct results {
    FILE *logits;
    char *part; /* the name of the file until it is complete; NULL: --out is no regular file */
};

static plmr_status open_results(const struct logits_command *c, struct results *r)
{
    struct stat status;
    bool exists = stat(c->out, &status) == 0;
    bool is_new = !exists || S_ISREG(status.st_mode);
    PLMR_CHECK(!is_new || asprintf(&r->part, "%s.part", c->out) >= 0, PLMR_ERROR_SYSTEM, "out of memory");
    r->logits = fopen(r->part ? r->part : c->out, "wbe");
    PLMR_CHECK(r->logits, PLMR_ERROR_INPUT, "--out: cannot write %.300s: %s", c->out, strerror(errno));
    return PLMR_OK;
}

static plmr_status write_logits(const struct logits_command *c, struct results *r, const float *logits, size_t n)
{
    bool written = fwrite(logits, sizeof *logits, n, r->logits) == n;
    written = fclose(r->logits) == 0 && written;
    r->logits = NULL;
    if (written && r->part)
        written = rename(r->part, c->out) == 0;
    PLMR_CHECK(written, PLMR_ERROR_SYSTEM, "--out: cannot write all of %.300s: is the disk full?", c->out);
    return PLMR_OK;
}

/* And what is left of a run that failed. */
static void discard_results(struct results *r)
{
    if (r->logits)
        fclose(r->logits);
    if (r->part)
        remove(r->part);
    free(r->part);
}

/* Nothing is timed: the record has no cycles. */
static plmr_status write_record(const struct logits_command *c, plmr_llm_run *run)
{
    plmr_llm_record r = plmr_llm_record_of(run);
    const plmr_phase_setup *phase = &run->setup.phase[c->decode_only ? PLMR_DECODE : PLMR_PREFILL];
    r.mode = "compute";
    r.phase = c->decode_only ? "decode" : "prefill";
    r.prompt_tokens = run->n_ids;
    *(c->decode_only ? &r.decode_rows : &r.prefill_rows) = phase->rows;
    *(c->decode_only ? &r.decode_cols : &r.prefill_cols) = phase->cols;
    r.sram_peak_bytes = r.routes_max = -1;
    r.energy_j = NAN;
    if (c->decode_only)
        r.wall_decode_tok_s = run->n_ids / run->totals.decode_s;
    else
        r.wall_prefill_tok_s = run->n_ids / run->totals.prefill_s;
    return plmr_llm_put(run, &r);
}

/* Loads the model, runs it, writes. Collective. */
static plmr_status run_model(const struct logits_command *c, plmr_llm_run *run, struct results *results)
{
    size_t n_logits = (size_t)run->n_ids * (size_t)run->shape->n_vocab;
    PLMR_TRY(plmr_llm_load(run));
    float *logits = plmr_rank() == 0 ? malloc(n_logits * sizeof *logits) : NULL;
    plmr_status status =
        plmr_agree(plmr_rank() == 0 && !logits ? plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory") : PLMR_OK);
    double start_s = plmr_wall_s();
    if (!status)
        status = plmr_score_logits(run->engine, run->ids, run->n_ids, logits);
    *(c->decode_only ? &run->totals.decode_s : &run->totals.prefill_s) = plmr_wall_s() - start_s;
    if (!status)
        status = plmr_agree(logits ? write_logits(c, results, logits, n_logits) : PLMR_OK);
    if (!status)
        status = plmr_agree(logits && c->llm.json ? write_record(c, run) : PLMR_OK);
    free(logits);
    return status;
}

static plmr_status run_opened(const struct logits_command *c, plmr_llm_run *run)
{
    struct results results = {0};
    PLMR_TRY(plmr_llm_read_prompt(run));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_TRY(plmr_llm_check_context(run, run->n_ids));
    run->setup.n_prompt = run->setup.n_tokens = run->n_ids;
    plmr_llm_setup_choose(&run->setup, !c->decode_only, true, &run->session.device, run->shape);
    plmr_status status = plmr_agree(plmr_rank() == 0 ? open_results(c, &results) : PLMR_OK);
    if (!status)
        status = plmr_session_open_files(&run->session, c->llm.json, NULL, NULL, NULL);
    if (!status)
        status = run_model(c, run, &results);
    if (plmr_rank() == 0)
        discard_results(&results);
    return status;
}

plmr_status plmr_command_logits(int argc, char **argv)
{
    struct logits_command c = {0};
    plmr_llm_run run;
    bool help;
    plmr_llm_options_init(&c.llm);
    PLMR_TRY(plmr_options_parse(&argp, "logits", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    PLMR_CHECK(c.out, PLMR_ERROR_INPUT, "say where the logits go, with --out FILE");
    PLMR_TRY(plmr_llm_open(&run, "logits", &c.llm, false));
    return plmr_llm_close(&run, run_opened(&c, &run));
}
