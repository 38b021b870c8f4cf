#include "infer/setup.h"

#include <math.h>
#include <stdlib.h>

#include "base/larger.h"
#include "region/defects.h"

void plmr_llm_setup_complete(plmr_llm_setup *setup, const plmr_model_shape *shape)
{
    if (!setup->n_layers)
        setup->n_layers = shape->n_layers - setup->first_layer;
    if (!setup->n_batch)
        setup->n_batch = 1;
    if (!setup->plan)
        setup->plan = &plmr_llm_plan_waferllm;
    if (!setup->has_cache_dtype)
        setup->cache_dtype = shape->dtype == PLMR_F32 ? PLMR_F32 : PLMR_F16;
    setup->has_cache_dtype = true;
}

plmr_expert_setup plmr_llm_experts(const plmr_llm_setup *setup, enum plmr_llm_phase phase)
{
    plmr_expert_setup experts = setup->experts;
    experts.place = setup->phase[phase].experts ? setup->phase[phase].experts : experts.place;
    if (setup->phase[phase].wide > 1) {
        experts.place = &plmr_expert_place_wafers;
        experts.n_parts = setup->phase[phase].wide;
    }
    return experts;
}

const char *plmr_llm_cache_name(const plmr_llm_setup *setup)
{
    return setup->cache_packed ? plmr_packed_name(setup->cache_packed) : plmr_dtype_name(setup->cache_dtype);
}

/* Does every layer find a place on the wafer in regions of this side? By the weights alone, leaving a quarter of the
 * SRAM to the rest. */
static bool holds(const plmr_device *device, const int *working, const plmr_model_shape *shape, int side)
{
    plmr_tiling tiling = plmr_defects_tiling(device, working, side, side);
    double regions = (double)tiling.down * tiling.across;
    double layer = (double)shape->n_bytes / shape->n_layers / ((double)side * side);
    return floor(0.75 * device->sram / layer) * regions >= shape->n_layers;
}

static void choose_side(plmr_phase_setup *phase, bool is_wanted, int side)
{
    if (!is_wanted)
        phase->rows = phase->cols = 0;
    else if (!phase->rows)
        phase->rows = phase->cols = side;
}

void plmr_llm_setup_choose(plmr_llm_setup *setup, bool prefill, bool decode, const plmr_device *device,
                           const plmr_model_shape *shape)
{
    plmr_phase_setup *phase = setup->phase;
    int *working = plmr_defects_working(device), most = plmr_defects_square(device, working),
        side = plmr_smaller(most, plmr_larger(shape->dim, 3));
    int decode_side = plmr_smaller(side, plmr_larger(most / 2, 3));
    while (decode_side < most && !holds(device, working, shape, decode_side))
        decode_side++;
    free(working);
    plmr_llm_setup_complete(setup, shape);
    choose_side(&phase[PLMR_PREFILL], prefill, side);
    choose_side(&phase[PLMR_DECODE], decode,
                prefill && setup->plan->keeps_grid ? phase[PLMR_PREFILL].rows : decode_side);
}
