#include "infer/place.h"

/* Layers lie in regions of a size by their weights, which are the same in both phases; so it is asked for decode alone,
 * whose placement needs no run of a layer. */
static plmr_status place_in(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            const plmr_phase_setup *phase, plmr_placement *placement)
{
    plmr_timing *timing;
    plmr_llm_setup setup = {.phase[PLMR_DECODE] = *phase, .n_prompt = 1, .n_tokens = 1};
    PLMR_TRY(plmr_timing_create(ranks, device, shape, &setup, &timing));
    *placement = *plmr_timing_placement(timing, true);
    plmr_timing_destroy(timing);
    return PLMR_OK;
}

static int64_t wafers(const plmr_placement *p)
{
    return plmr_ceil_div(p->n_stages, p->n_regions);
}

plmr_status plmr_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            plmr_place *place)
{
    plmr_llm_setup sizes = {0};
    plmr_placement *prefill = &place->prefill, *decode = &place->decode;
    plmr_llm_setup_choose(&sizes, true, true, device, shape);
    PLMR_TRY(place_in(ranks, device, shape, &sizes.phase[PLMR_DECODE], decode));
    PLMR_TRY(place_in(ranks, device, shape, &sizes.phase[PLMR_PREFILL], prefill));
    prefill->n_stages -= prefill->output_apart; /* only decode has an output */
    prefill->output_apart = false;
    place->heads = plmr_heads_of(shape, decode->cols);
    place->n_wafers = wafers(prefill) > wafers(decode) ? wafers(prefill) : wafers(decode);
    return PLMR_OK;
}
