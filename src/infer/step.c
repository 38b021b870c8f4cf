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

static void add_weight(const plmr_model_shape *shape, const int64_t *extent, enum plmr_weight which, plmr_needs *needs)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    if (which == (enum plmr_weight)PLMR_NO_WEIGHT || !plmr_weight_exists(shape, which))
        return;
    int64_t n = extent[info->rows] * extent[info->cols];
    needs->weights += n * plmr_weight_count(shape, which);
    needs->macs += info->kind >= PLMR_NORM ? 0 : info->kind == PLMR_EXPERT_MATRIX ? n * shape->n_used : n;
}

plmr_needs plmr_layer_needs(const plmr_model_shape *shape, const int64_t extent[PLMR_N_DIMENSIONS])
{
    plmr_needs needs = {0};
    for (const plmr_step *step = plmr_shape_layer(shape); step->id != PLMR_STEP_END; step++) {
        for (int i = 0; i < step->n_parts; i++) {
            const plmr_step_part *part = &step->part[i];
            enum plmr_dimension of = plmr_activation_dimension(part->out);
            needs.activations[part->out] = extent[of] * (of == PLMR_EXPERT_FFN ? shape->n_used : 1);
            add_weight(shape, extent, part->weight, &needs);
            add_weight(shape, extent, part->bias, &needs);
        }
        if (kinds[step->id]->needs)
            kinds[step->id]->needs(extent, &needs);
    }
    return needs;
}

plmr_needs plmr_model_layer_needs(const plmr_model_shape *shape)
{
    int64_t extent[PLMR_N_DIMENSIONS];
    for (int d = 0; d < PLMR_N_DIMENSIONS; d++)
        extent[d] = plmr_shape_extent(shape, (enum plmr_dimension)d);
    return plmr_layer_needs(shape, extent);
}

plmr_needs plmr_core_needs(const plmr_model_shape *shape, const plmr_grid *grid)
{
    int64_t extent[PLMR_N_DIMENSIONS];
    for (int d = 0; d < PLMR_N_DIMENSIONS; d++)
        extent[d] = plmr_grid_chunk(grid, (enum plmr_dimension)d);
    return plmr_layer_needs(shape, extent);
}
