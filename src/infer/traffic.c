#include "infer/traffic.h"

/* Of a token, elements; of a layer. */
struct elements {
    int64_t gathered, sums_x, sums_y, weights;
};

static void add_step(const plmr_model_shape *shape, const plmr_step *step, struct elements *e)
{
    enum plmr_dimension gathered = PLMR_ONE;
    for (int i = 0; i < step->n_parts; i++) {
        enum plmr_weight which = step->part[i].weight;
        const plmr_weight_info *info = &plmr_weight_infos[which];
        if (which == (enum plmr_weight)PLMR_NO_WEIGHT || !plmr_weight_is_matrix(which) ||
            !plmr_weight_exists(shape, which))
            continue;
        int64_t in = plmr_shape_extent(shape, info->cols), out = plmr_shape_extent(shape, info->rows);
        int64_t n_used = info->kind == PLMR_EXPERT_MATRIX ? shape->n_used : 1;
        e->weights += in * out * plmr_weight_count(shape, which);
        e->gathered += info->cols == gathered ? 0 : in * n_used;
        *(info->cols == PLMR_MODEL_DIM ? &e->sums_y : &e->sums_x) += out * n_used;
        gathered = info->cols;
    }
}

plmr_rank_traffic plmr_model_traffic(const plmr_model_shape *shape, int n_layers, int64_t n_prompt, int64_t n_decode)
{
    struct elements e = {0};
    double value = sizeof(float), weight = (double)plmr_dtype_bytes(shape->dtype), n = n_layers;
    for (const plmr_step *step = plmr_shape_layer(shape); step->id != PLMR_STEP_END; step++)
        add_step(shape, step, &e);
    double prompt = (double)n_prompt, decode = (double)n_decode;
    return (plmr_rank_traffic){
        .along_x = value * n * (prompt * (double)e.gathered + decode * (double)e.sums_x),
        .along_y = (n_prompt ? weight * n * (double)e.weights : 0) +
                   value * decode * (n * (double)e.sums_y + (double)shape->n_vocab),
    };
}
