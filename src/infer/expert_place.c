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
    return place_of(setup)->repeats_hot && plmr_expert_load_rank(load, layer, expert) < setup->n_hot;
}

enum plmr_expert_spread plmr_expert_spread_of(const plmr_expert_setup *setup)
{
    return place_of(setup)->spread;
}

int plmr_expert_parts(const plmr_expert_setup *setup, const plmr_model_shape *shape)
{
    enum plmr_expert_spread spread = place_of(setup)->spread;
    int n = setup->n_parts                      ? setup->n_parts
            : spread == PLMR_EXPERTS_IN_REGIONS ? 4
            : spread == PLMR_EXPERTS_ON_WAFERS  ? 2
                                                : shape->n_experts;
    return spread == PLMR_EXPERTS_WHOLE || n < 1 ? 1 : n > shape->n_experts ? shape->n_experts : n;
}

int plmr_expert_regions(const plmr_expert_setup *setup, const plmr_model_shape *shape)
{
    return place_of(setup)->spread == PLMR_EXPERTS_IN_REGIONS ? plmr_expert_parts(setup, shape) : 1;
}

int plmr_expert_wafers(const plmr_expert_setup *setup, const plmr_model_shape *shape)
{
    bool are_wafers = shape->n_experts && place_of(setup)->spread == PLMR_EXPERTS_ON_WAFERS;
    return are_wafers ? plmr_expert_parts(setup, shape) : 1;
}

enum { LEAST_SIDE = 3 }; /* of a region, and so of a block */

plmr_expert_blocks plmr_expert_blocks_of(const plmr_model_shape *shape, int n_parts, int rows, int cols, bool square)
{
    plmr_expert_blocks best = {1, 1, 1, rows, cols};
    int64_t least = INT64_MAX;
    int most = rows / LEAST_SIDE * (cols / LEAST_SIDE), n = n_parts < most ? n_parts : most;
    for (int down = 1; down <= n && rows / down >= LEAST_SIDE; down++) {
        int across = square ? down : (int)plmr_ceil_div(n, down);
        if (cols / across < LEAST_SIDE || down * across < n)
            continue;
        plmr_expert_blocks b = {n, down, across, rows / down, cols / across};
        int64_t tile = plmr_ceil_div(shape->dim, b.rows) * plmr_ceil_div(shape->n_expert_ffn, b.cols);
        if (tile < least) {
            least = tile;
            best = b;
        }
    }
    return best;
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

int64_t plmr_expert_room(const plmr_expert_setup *setup, const plmr_model_shape *shape, int n_parts)
{
    int most = setup->n_hot < shape->n_experts ? setup->n_hot : shape->n_experts;
    int n_hot = place_of(setup)->repeats_hot && most > 0 ? most : 0;
    int64_t n_each = plmr_ceil_div(shape->n_experts - n_hot, n_parts) + n_hot;
    return place_of(setup)->spread == PLMR_EXPERTS_IN_REGIONS ? n_parts * n_each : n_each;
}
