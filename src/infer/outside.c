/* Passes whose weights come in from outside. What is next comes while there is work on what is here: so layers take as long
 * as the slower of both, from pass to pass, and so does the output. */
#include <math.h>

#include "infer/timing_internal.h"

/* Along rows, from the nearer end: how many cores further on, in the mean. */
static double mean_hops(const plmr_placement *p)
{
    return (p->cols - 2) / 4.;
}

static void wait(const plmr_timing *t, const plmr_placement *p, double n_bytes, double busy, plmr_cost_pass *pass)
{
    double comes = plmr_device_quantise(n_bytes * t->outside[p == &t->placement[PLMR_DECODE]].byte_cycles);
    double waits = fmax(0, comes - busy);
    pass->grid->region->ledger.parts |= PLMR_PART_OUTSIDE | PLMR_PART_LINKS;
    pass->outside_bytes += n_bytes;
    pass->outside_cycles += comes;
    pass->work[PLMR_WORK_OUTSIDE] += waits;
    pass->t_cycles += waits;
    pass->wavelet_hops -= round(n_bytes / t->device->wavelet * mean_hops(p));
}

/* Cycles of all that layers have done. */
/* Of so many equal slices of the first pass, the first is worked on when it is there, and the last when that has come. */
void plmr_timing_wait_layers(const plmr_timing *t, const plmr_placement *p, bool first, plmr_cost_pass *pass)
{
    enum plmr_llm_phase phase = p == &t->placement[PLMR_DECODE];
    int64_t row_tokens = pass->phase == PLMR_DECODE ? pass->row_tokens
                                                    : plmr_ceil_div(pass->n_before + pass->n_tokens, pass->grid->rows);
    double n = t->shape.n_layers, busy = plmr_works_sum(pass->in_layers), slices = n * p->n_slices;
    if (!p->n_slices)
        return;
    if (pass->phase == PLMR_DECODE) /* the placement's cache is a batch's; serving has batches of its own */
        row_tokens = plmr_ceil_div(row_tokens * pass->n_batch, t->setup.n_batch);
    double n_bytes = n * plmr_timing_layer_outside(t, phase, row_tokens);
    if (!t->is_warm)
        n_bytes += n * plmr_timing_layer_kept(t, phase);
    wait(t, p, n_bytes, busy, pass);
    pass->in_layers[PLMR_WORK_OUTSIDE] = pass->work[PLMR_WORK_OUTSIDE];
    if (first) {
        double start = plmr_device_quantise(fmin(busy, n_bytes * t->outside[phase].byte_cycles) / slices);
        pass->work[PLMR_WORK_OUTSIDE] += start;
        pass->t_cycles += start;
    }
}

void plmr_timing_wait_output(const plmr_timing *t, double t_cycles, plmr_cost_pass *pass)
{
    if (t->placement[PLMR_DECODE].n_slices && t->placement[PLMR_DECODE].output_bytes)
        wait(t, &t->placement[PLMR_DECODE], plmr_timing_output_outside(t), t_cycles, pass);
}
