#include "infer/expert_place.h"

static const plmr_expert_place *place_of(const plmr_expert_setup *setup)
{
    return setup->place ? setup->place : plmr_expert_place_find("sliced");
}

const char *plmr_expert_place_name(const plmr_expert_setup *setup)
{
    return place_of(setup)->name;
}

static bool is_everywhere(const plmr_expert_setup *setup, const plmr_expert_load *load, int layer, int expert)
{
    return place_of(setup)->is_everywhere(setup->n_hot, plmr_expert_load_rank(load, layer, expert));
}

int plmr_expert_parts(const plmr_expert_setup *setup, const plmr_model_shape *shape)
{
    int n = place_of(setup)->is_shared ? setup->n_regions : 1;
    return n < 1 ? 1 : n > shape->n_experts ? shape->n_experts : n;
}

int plmr_expert_part(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer, int expert,
                     int64_t token)
{
    return (int)((is_everywhere(setup, load, layer, expert) ? token : expert) % n_parts);
}

int64_t plmr_expert_part_tokens(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer,
                                int expert, int part, int64_t n_tokens)
{
    if (is_everywhere(setup, load, layer, expert))
        return n_tokens / n_parts + (part < n_tokens % n_parts);
    return expert % n_parts == part ? n_tokens : 0;
}

int64_t plmr_expert_room(const plmr_expert_setup *setup, const plmr_model_shape *shape)
{
    int n = plmr_expert_parts(setup, shape), n_hot = 0;
    while (n_hot < shape->n_experts && place_of(setup)->is_everywhere(setup->n_hot, n_hot))
        n_hot++;
    return n * (plmr_ceil_div(shape->n_experts - n_hot, n) + n_hot);
}
