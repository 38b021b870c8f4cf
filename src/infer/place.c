#include "infer/place.h"

/* Layers lie in regions of a size by their weights, which are the same in both phases; so it is asked for decode alone,
 * whose placement needs no run of a layer. */
static plmr_status place_in(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            const plmr_phase_setup *phase, const plmr_expert_setup *experts, plmr_placement *placement)
{
    plmr_timing *timing;
    plmr_llm_setup setup = {.phase[PLMR_DECODE] = *phase, .n_prompt = 1, .n_tokens = 1, .experts = *experts};
    PLMR_TRY(plmr_timing_create(ranks, device, shape, &setup, &timing));
    *placement = *plmr_timing_placement(timing, PLMR_DECODE);
    plmr_timing_destroy(timing);
    return PLMR_OK;
}

/* As many as are hot by default, where they are replicated. */
enum { N_HOT = 4 };

static void place_experts(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                          const plmr_phase_setup *phase, plmr_place *place)
{
    place->n_experts = shape->n_experts ? plmr_expert_place_count() : 0;
    for (int i = 0; i < place->n_experts; i++) {
        plmr_place_experts *e = &place->experts[i];
        e->place = plmr_expert_place_at(i);
        plmr_status status =
            place_in(ranks, device, shape, phase, &(plmr_expert_setup){.place = e->place, .n_hot = N_HOT}, &e->decode);
        e->fits = !status;
        plmr_error_free(status);
    }
}

static int64_t wafers(const plmr_placement *p)
{
    return plmr_ceil_div(p->n_stages, p->n_regions) * p->wide;
}

plmr_status plmr_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            plmr_place *place)
{
    plmr_llm_setup sizes = {0};
    plmr_placement *prefill = &place->prefill, *decode = &place->decode;
    plmr_llm_setup_choose(&sizes, true, true, device, shape);
    PLMR_TRY(place_in(ranks, device, shape, &sizes.phase[PLMR_DECODE], &sizes.experts, decode));
    PLMR_TRY(place_in(ranks, device, shape, &sizes.phase[PLMR_PREFILL], &sizes.experts, prefill));
    prefill->n_stages -= prefill->output_apart; /* only decode has an output */
    prefill->output_apart = false;
    place_experts(ranks, device, shape, &sizes.phase[PLMR_DECODE], place);
    place->heads = plmr_heads_of(shape, decode->cols);
    place->n_wafers = plmr_wafers_for_both(wafers(prefill), wafers(decode));
    return PLMR_OK;
}
