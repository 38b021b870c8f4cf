/* A batch in virtual time: its prompts follow each other through prefill's regions, its tokens are spread over decode's. */
#include "infer/timing_internal.h"

#include <math.h>

static void repeat(plmr_phase_cost *phase, int n)
{
    phase->multiply_adds *= n;
    phase->wavelet_hops *= n;
    phase->border_hops *= n;
    phase->link_bytes *= n;
}

/* Cycles of the link of a wafer that shares experts with others: all its regions send over the one that it has, so passes in
 * different regions do not follow each other faster. */
static double taken_link(const plmr_timing *t, enum plmr_llm_phase phase, const plmr_phase_cost *pass)
{
    return plmr_timing_wide(t, phase) > 1 ? t->device->clock * pass->link_bytes / t->setup.link.bytes_s : 0;
}

/* A prompt enters a region when the one before has left it; regions with most layers set the pace, which may be those from
 * which it goes to another wafer. */
void plmr_timing_follow(const plmr_timing *t, plmr_phase_cost *phase)
{
    const plmr_placement *p = &t->placement[PLMR_PREFILL];
    int n = plmr_timing_requests(t, PLMR_PREFILL);
    double layers = (double)p->layers_per_stage / t->setup.n_layers;
    double hop = p->n_stages > 1 ? 1.0 / (p->n_stages - 1) : 0;
    double far = plmr_timing_crossing(t, PLMR_PREFILL, t->setup.n_prompt).busy,
           through = plmr_works_sum(phase->in_layers);
    double pace = through * layers + (plmr_works_sum(phase->work) - through) * hop + far - phase->link_cycles * hop;
    double wait = fmax(0, taken_link(t, PLMR_PREFILL, phase) - pace);
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        phase->work[i] += (n - 1) * (phase->in_layers[i] * layers + (phase->work[i] - phase->in_layers[i]) * hop);
        phase->in_layers[i] *= 1 + (n - 1) * layers;
    }
    phase->work[PLMR_WORK_STAGES] += (n - 1) * (far - phase->link_cycles * hop + wait);
    phase->link_cycles += (n - 1) * far;
    phase->t_cycles = n > 1 ? plmr_works_sum(phase->work) : phase->t_cycles;
    phase->compute_cycles *= 1 + (n - 1) * layers;
    repeat(phase, t->setup.n_batch);
    phase->outside_bytes *= n;
    phase->outside_cycles *= n;
}

/* Of a pass, what the region that is slowest takes: one that has most layers, or the last, with the output; or the link. */
static double slowest(const plmr_timing *t, const plmr_phase_cost *pass)
{
    const plmr_placement *p = &t->placement[PLMR_DECODE];
    int n_layers = t->setup.n_layers, stages = p->n_stages - p->output_apart;
    double layers = plmr_works_sum(pass->in_layers),
           hops = pass->work[PLMR_WORK_STAGES] - pass->in_layers[PLMR_WORK_STAGES];
    double end = pass->t_cycles - layers - hops,
           far = plmr_timing_crossing(t, PLMR_DECODE, plmr_timing_stage_batch(t)).busy;
    double hop = p->n_stages > 1 ? (hops - pass->link_cycles) / (p->n_stages - 1) : 0;
    double last = end, full = layers * p->layers_per_stage / n_layers + hop + far;
    if (!p->output_apart)
        last += layers * (n_layers - (stages - 1) * p->layers_per_stage) / n_layers;
    return fmax(taken_link(t, PLMR_DECODE, pass), p->n_stages > 1 ? fmax(full, last) : last);
}

/* Passes that follow each other come round as fast as the slowest region lets them. */
void plmr_timing_keep_pace(const plmr_timing *t, plmr_phase_cost *pass)
{
    int n = (int)plmr_ceil_div(plmr_timing_requests(t, PLMR_DECODE), plmr_timing_stage_batch(t));
    double wait = n * slowest(t, pass) - pass->t_cycles;
    if (t->setup.as_published)
        return;
    if (n > 1 && wait > 0) {
        pass->work[PLMR_WORK_STAGES] += wait;
        pass->t_cycles += wait;
    }
    n *= plmr_timing_beside(t, PLMR_DECODE);
    repeat(pass, n * (t->setup.phase[PLMR_DECODE].replicas > 1 ? t->setup.phase[PLMR_DECODE].replicas : 1));
}
