#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/machine.h"
#include "base/wall.h"
#include "infer/score.h"

struct logits_command {
    plmr_llm_options llm;
    const char *out;
    bool decode_only;
};

/* ---- the command line ---- */

static const char *const phases[] = {"prefill", "decode", NULL};

static const plmr_option options[] = {
    PLMR_OPTIONS(struct logits_command, llm, plmr_prompt_table),
    {"phase", "prefill|decode", PLMR_TITLE_PLACE, "All tokens at once, or one after the other",
     PLMR_WORD(struct logits_command, decode_only, phases), .value = "prefill"},
    PLMR_OPTIONS(struct logits_command, llm, plmr_wafer_table),
    {"out", "FILE", PLMR_TITLE_OUTPUT, "Where the logits go: float32, a row of the vocabulary's size for each token",
     PLMR_TEXT_WRITTEN(struct logits_command, out)},
    {0},
};

/* ---- what it does ---- */

static plmr_status write_logits(plmr_draft *draft, const float *logits, size_t n)
{
    bool written = fwrite(logits, sizeof *logits, n, draft->file) == n;
    return plmr_draft_close(draft, written ? PLMR_OK : plmr_draft_error(draft, PLMR_ERROR_SYSTEM, errno));
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
static plmr_status run_model(const struct logits_command *c, plmr_llm_run *run, plmr_draft *draft)
{
    size_t n_logits = (size_t)run->n_ids * (size_t)run->shape->n_vocab;
    PLMR_TRY(plmr_llm_load(run));
    PLMR_TRY(plmr_agree(plmr_rank() ? PLMR_OK : plmr_machine_room(4.0 * (double)n_logits, "a row of logits a token")));
    float *logits = plmr_rank() == 0 ? malloc(n_logits * sizeof *logits) : NULL;
    plmr_status status =
        plmr_agree(plmr_rank() == 0 && !logits ? plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory") : PLMR_OK);
    double start_s = plmr_wall_s();
    if (!status)
        status = plmr_score_logits(run->engine, run->ids, run->n_ids, logits);
    *(c->decode_only ? &run->totals.decode_s : &run->totals.prefill_s) = plmr_wall_s() - start_s;
    if (!status)
        status = plmr_agree(logits ? write_logits(draft, logits, n_logits) : PLMR_OK);
    if (!status)
        status = plmr_agree(logits && c->llm.json ? write_record(c, run) : PLMR_OK);
    free(logits);
    return status;
}

static plmr_status run_opened(const struct logits_command *c, plmr_llm_run *run)
{
    plmr_draft draft = {0}; /* on rank 0, before the model runs: a wrong name is known at once */
    PLMR_TRY(plmr_llm_read_prompt(run));
    PLMR_TRY(plmr_llm_check_cores(&c->llm));
    PLMR_TRY(plmr_llm_check_context(run, run->n_ids));
    run->setup.n_prompt = run->setup.n_tokens = run->n_ids;
    plmr_llm_setup_choose(&run->setup, c->llm.phases != PLMR_DECODE_ALONE, true, &run->session.device, run->shape);
    plmr_status status = plmr_agree(plmr_rank() == 0 ? plmr_draft_open("--out", c->out, &draft) : PLMR_OK);
    if (!status)
        status = plmr_session_open_files(&run->session, c->llm.json, NULL, NULL, NULL);
    if (!status)
        status = run_model(c, run, &draft);
    return plmr_draft_close(&draft, status);
}

static plmr_status run(void *options)
{
    struct logits_command *c = options;
    plmr_llm_run run;
    c->llm.phases = c->decode_only ? PLMR_DECODE_ALONE : PLMR_BOTH_PHASES; /* decode's region has the output */
    PLMR_CHECK(c->out, PLMR_ERROR_INPUT, "say where the logits go, with --out FILE");
    PLMR_TRY(plmr_llm_open(&run, "logits", &c->llm, false));
    return plmr_llm_close(&run, run_opened(c, &run));
}

const plmr_command plmr_command_logits = {
    .name = "logits",
    .summary = "write a language model's logits after each token of a text",
    .about = "Writes a language model's logits after each token of a text.",
    .more = "For example:\n"
            "  mpirun -n 2 plmr logits -m model.gguf --tokens 1,5,31 --out logits.f32",
    .options = options,
    .size = sizeof(struct logits_command),
    .run = run,
};
