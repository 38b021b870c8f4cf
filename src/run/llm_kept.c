#include "run/llm_kept.h"

#include "infer/state.h"

enum {
    LOOK_TOKENS = 256
}; /* that are timed between two looks for signals: virtual time takes microseconds for a token */

/* What mechanisms the virtual times rest on. */
static unsigned *parts_of(const plmr_llm_run *run, bool decode)
{
    plmr_region *region = plmr_timing_region(run->timing, decode);
    return region ? &region->ledger.parts : NULL;
}

/* ---- taking ---- */

/* What belongs to this run alone stays. */
static plmr_status take_times(plmr_llm_kept *kept)
{
    plmr_llm_totals was, *totals = &kept->run->totals;
    unsigned parts[2];
    PLMR_TRY(plmr_checkpoint_read(&kept->checkpoint, &was, sizeof was));
    PLMR_TRY(plmr_checkpoint_read(&kept->checkpoint, parts, sizeof parts));
    if (was.n_made < 0 || was.n_made > kept->run->options->n_decode)
        return plmr_checkpoint_damaged(&kept->checkpoint);
    if (kept->run->options->report || kept->run->options->trace.path)
        return PLMR_OK;
    was.load_s = totals->load_s;
    was.start_s = totals->start_s;
    was.spans = totals->spans;
    *totals = was;
    kept->has_times = true;
    for (int decode = 0; decode < 2; decode++)
        if (parts_of(kept->run, decode))
            *parts_of(kept->run, decode) |= parts[decode];
    return PLMR_OK;
}

static plmr_status take(plmr_llm_kept *kept, const json_t *state)
{
    const plmr_llm_run *run = kept->run;
    int64_t most = run->decode && run->options->n_decode ? run->options->n_decode - 1 : 0;
    PLMR_TRY(plmr_checkpoint_number(&kept->checkpoint, state, "decoded", 0, most, &kept->n_decoded));
    return take_times(kept);
}

plmr_status plmr_llm_kept_open(plmr_llm_kept *kept, const char *option, json_t *settings, plmr_llm_run *run)
{
    json_t *state;
    kept->run = run;
    PLMR_TRY(plmr_checkpoint_open(&kept->checkpoint, option, "llm", settings, &state));
    run->kept = kept;
    kept->n_looked = kept->checkpoint.n_steps;
    plmr_status status = state ? take(kept, state) : PLMR_OK;
    json_decref(state);
    return status;
}

plmr_status plmr_llm_kept_resume(plmr_llm_kept *kept, int64_t n_before)
{
    return plmr_state_get_cache(kept->run->engine, n_before, n_before + kept->n_decoded, plmr_checkpoint_get,
                                &kept->checkpoint);
}

/* ---- keeping ---- */

static json_t *state_of(const void *context)
{
    const plmr_llm_kept *kept = context;
    return json_pack("{sI}", "decoded", (json_int_t)kept->n_decoded);
}

static plmr_status put(plmr_checkpoint *checkpoint, void *context)
{
    plmr_llm_kept *kept = context;
    unsigned parts[2] = {0};
    for (int decode = 0; decode < 2; decode++)
        parts[decode] = parts_of(kept->run, decode) ? *parts_of(kept->run, decode) : 0;
    if (plmr_rank() == 0) {
        plmr_checkpoint_put(checkpoint, &kept->run->totals, sizeof kept->run->totals);
        plmr_checkpoint_put(checkpoint, parts, sizeof parts);
    }
    return kept->n_decoded ? plmr_checkpoint_put_cache(checkpoint, kept->run->engine) : PLMR_OK;
}

plmr_status plmr_llm_keep(plmr_llm_kept *kept, int64_t n_decoded)
{
    if (!kept || n_decoded < kept->n_decoded) /* times are found again */
        return PLMR_OK;
    int64_t n = kept->run->totals.n_made + n_decoded;
    int64_t look = n_decoded ? 1 : kept->checkpoint.every ? kept->checkpoint.every : LOOK_TOKENS;
    if (n > 0 && n - kept->n_looked < look)
        return PLMR_OK;
    kept->n_looked = n;
    kept->n_decoded = n_decoded;
    return plmr_checkpoint_keep(&kept->checkpoint, n, state_of, put, kept);
}
