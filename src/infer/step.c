#include "infer/step.h"

#define KIND(name, kind) [PLMR_STEP_##name] = &plmr_step_##kind,
static const plmr_step_kind *const kinds[PLMR_N_STEP_KINDS] = {PLMR_STEPS(KIND)};

plmr_status plmr_layer_values(plmr_pass *pass)
{
    for (const plmr_step *step = plmr_shape_layer(pass->engine->shape); step->id != PLMR_STEP_END; step++)
        if (kinds[step->id]->values[pass->phase])
            PLMR_TRY(kinds[step->id]->values[pass->phase](step, pass));
    return PLMR_OK;
}

plmr_status plmr_layer_time(plmr_cost_pass *pass)
{
    for (const plmr_step *step = plmr_shape_layer(pass->shape); step->id != PLMR_STEP_END; step++) {
        const plmr_step_kind *kind = kinds[step->id];
        if (kind->time[pass->phase] && !(pass->as_published && kind->unpublished[pass->phase]))
            PLMR_TRY(kind->time[pass->phase](step, pass));
    }
    return PLMR_OK;
}

/* ---- needs ---- */

/* Of the model, or of a core of a grid: elements along each dimension; of what is packed, groups along a row. */
struct part {
    const plmr_grid *grid; /* NULL: all */
    int64_t extent[PLMR_N_DIMENSIONS];
};

static void add_packed(const plmr_model_shape *shape, const struct part *part, enum plmr_weight which,
                       plmr_needs *needs)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    int64_t n = part->extent[info->rows] * part->extent[info->cols], count = plmr_weight_count(shape, which);
    int64_t n_groups = part->grid ? plmr_grid_groups(part->grid, info->cols)
                                  : plmr_ceil_div(part->extent[info->cols], PLMR_PACKED_GROUP);
    needs->packed += n * count;
    needs->packed_bytes += count * plmr_packed_bytes(shape->packed, n, part->extent[info->rows] * n_groups);
    needs->widened = n > needs->widened ? n : needs->widened;
}

static void add_weight(const plmr_model_shape *shape, const struct part *part, enum plmr_weight which,
                       plmr_needs *needs)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    if (which == (enum plmr_weight)PLMR_NO_WEIGHT || !plmr_weight_exists(shape, which))
        return;
    int64_t n = part->extent[info->rows] * part->extent[info->cols];
    needs->weights += n * plmr_weight_count(shape, which);
    if (plmr_weight_is_packed(shape, which))
        add_packed(shape, part, which, needs);
    needs->macs += info->kind >= PLMR_NORM ? 0 : info->kind == PLMR_EXPERT_MATRIX ? n * shape->n_used : n;
}

static plmr_needs needs_of(const plmr_model_shape *shape, const struct part *of_layer)
{
    const int64_t *extent = of_layer->extent;
    plmr_needs needs = {0};
    for (const plmr_step *step = plmr_shape_layer(shape); step->id != PLMR_STEP_END; step++) {
        for (int i = 0; i < step->n_parts; i++) {
            const plmr_step_part *part = &step->part[i];
            enum plmr_dimension of = plmr_activation_dimension(part->out);
            needs.activations[part->out] = extent[of] * (of == PLMR_EXPERT_FFN ? shape->n_used : 1);
            add_weight(shape, of_layer, part->weight, &needs);
            add_weight(shape, of_layer, part->bias, &needs);
        }
        if (kinds[step->id]->needs)
            kinds[step->id]->needs(extent, &needs);
    }
    return needs;
}

plmr_needs plmr_model_layer_needs(const plmr_model_shape *shape)
{
    struct part all = {0};
    for (int d = 0; d < PLMR_N_DIMENSIONS; d++)
        all.extent[d] = plmr_shape_extent(shape, (enum plmr_dimension)d);
    return needs_of(shape, &all);
}

plmr_needs plmr_core_needs(const plmr_model_shape *shape, const plmr_grid *grid)
{
    struct part core = {.grid = grid};
    for (int d = 0; d < PLMR_N_DIMENSIONS; d++)
        core.extent[d] = plmr_grid_chunk(grid, (enum plmr_dimension)d);
    return needs_of(shape, &core);
}
