/* A batch in virtual time: its prompts follow each other through prefill's regions, its tokens are spread over decode's. */
#include "infer/timing_internal.h"

#include <math.h>

static double sum(const double work[PLMR_N_WORKS])
{
    double all = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        all += work[i];
    return all;
}

/* A prompt enters a region when the one before has left it; regions with most layers set the pace. */
void plmr_timing_follow(const plmr_timing *t, plmr_phase_cost *phase)
{
    const plmr_placement *p = &t->placement[0];
    int n = t->setup.n_batch;
    double layers = (double)p->layers_per_stage / t->setup.n_layers;
    double hop = p->n_stages > 1 ? 1.0 / (p->n_stages - 1) : 0;
    if (n == 1)
        return;
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        phase->work[i] += (n - 1) * (phase->in_layers[i] * layers + (phase->work[i] - phase->in_layers[i]) * hop);
        phase->in_layers[i] *= 1 + (n - 1) * layers;
    }
    phase->t_cycles = sum(phase->work);
    phase->compute_cycles *= 1 + (n - 1) * layers;
    phase->multiply_adds *= n;
    phase->wavelet_hops *= n;
    phase->border_hops *= n;
    phase->outside_bytes *= n;
    phase->outside_cycles *= n;
}

/* Of a pass, what the region that is slowest takes: one that has most layers, or the last, with the output. */
static double slowest(const plmr_timing *t, const plmr_phase_cost *pass)
{
    const plmr_placement *p = &t->placement[1];
    int n_layers = t->setup.n_layers, stages = p->n_stages - p->output_apart;
    double layers = sum(pass->in_layers), hops = pass->work[PLMR_WORK_STAGES] - pass->in_layers[PLMR_WORK_STAGES];
    double end = pass->t_cycles - layers - hops, hop = p->n_stages > 1 ? hops / (p->n_stages - 1) : 0;
    double last = end, full = layers * p->layers_per_stage / n_layers + hop;
    if (!p->output_apart)
        last += layers * (n_layers - (stages - 1) * p->layers_per_stage) / n_layers;
    return p->n_stages > 1 ? fmax(full, last) : last;
}

/* Passes that follow each other come round as fast as the slowest region lets them. */
void plmr_timing_keep_pace(const plmr_timing *t, plmr_phase_cost *pass)
{
    int n = (int)plmr_ceil_div(t->setup.n_batch, plmr_timing_stage_batch(t));
    double wait = n * slowest(t, pass) - pass->t_cycles;
    if (n == 1 || t->setup.as_published)
        return;
    if (wait > 0) {
        pass->work[PLMR_WORK_STAGES] += wait;
        pass->t_cycles += wait;
    }
    pass->multiply_adds *= n;
    pass->wavelet_hops *= n;
    pass->border_hops *= n;
}

/* ---- layers of a region ---- */

/* Places decode with so many layers to a region, and times its last token; not on more regions than there are. */
static plmr_status try_layers(plmr_timing *t, int layers, bool apart, int64_t n_regions, double *cycles)
{
    plmr_phase_setup *phase = &t->setup.phase[PLMR_DECODE];
    const plmr_phase_cost *token;
    phase->layers = layers;
    phase->output_apart = apart;
    t->row_tokens = 0;
    *cycles = INFINITY;
    PLMR_TRY(plmr_timing_place_decode(t));
    if (t->placement[1].n_stages > n_regions)
        return PLMR_OK;
    PLMR_TRY(plmr_timing_token(t, t->setup.n_tokens - 1, &token));
    *cycles = token->t_cycles;
    return PLMR_OK;
}

static plmr_status find_layers(plmr_timing *t, int64_t n_regions, plmr_phase_setup *best)
{
    double least = INFINITY, cycles;
    for (int layers = t->placement[1].layers_per_stage; layers >= 1; layers = t->placement[1].layers_per_stage - 1)
        for (int apart = 0; apart < 2; apart++) {
            PLMR_TRY(try_layers(t, layers, apart, n_regions, &cycles));
            if (cycles < least) {
                least = cycles;
                *best = t->setup.phase[PLMR_DECODE];
            }
        }
    return PLMR_OK;
}

/* What was tried leaves nothing behind in the region's account. */
plmr_status plmr_timing_spread(plmr_timing *t)
{
    const plmr_placement *p = &t->placement[1];
    plmr_ledger before = t->decode->region->ledger;
    plmr_phase_setup *phase = &t->setup.phase[PLMR_DECODE], best = *phase;
    if (t->setup.n_batch == 1 || phase->layers || t->setup.as_published || (double)p->sram_bytes > t->device->sram)
        return PLMR_OK;
    bool streams = t->setup.streams;
    t->setup.streams = false;
    PLMR_TRY(find_layers(t, plmr_ceil_div(p->n_stages, p->n_regions) * p->n_regions, &best));
    t->setup.streams = streams;
    *phase = best;
    t->row_tokens = 0;
    t->now = 0;
    t->decode->region->ledger = before;
    return plmr_timing_place_decode(t);
}
