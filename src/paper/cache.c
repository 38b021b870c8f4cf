/* Table 5: tokens that the key-value cache of a region holds. */
#include "paper/paper.h"

#include <math.h>

/* What a core's SRAM goes to, tensor by tensor. */
static void add_ledger(plmr_paper *paper, plmr_paper_cell cell, const plmr_placement *p, int n_layers)
{
    long long weights = (long long)(n_layers * p->layer_bytes), rest = (long long)(p->working_bytes - p->score_bytes);
    cell.role = PLMR_ESTIMATE;
    cell.quantity = "SRAM of a core, bytes";
    cell.published = NAN;
    cell.predicted_text = plmr_paper_text(
        paper, "%.0f = %lld weights + %lld activations + %lld x (%lld keys, values + %lld scores)", paper->device.sram,
        weights, rest, (long long)p->capacity, (long long)(n_layers * p->token_bytes), (long long)p->score_bytes);
    plmr_paper_add(paper, &cell);
}

/* Bytes of a core with nothing in it but the tiles of a layer's matrices, and of a token's keys and values, each as long as
 * the longest of a dimension's parts. */
static void add_tiles(plmr_paper *paper, plmr_paper_cell cell, const plmr_model_shape *s, int side, int n_layers)
{
    int64_t dim = plmr_ceil_div(s->dim, side), ffn = plmr_ceil_div(s->n_ffn, side),
            queries = plmr_ceil_div(s->n_heads * s->head_dim, side),
            keys = plmr_ceil_div(s->n_kv_heads * s->head_dim, side);
    int64_t layer = 2 * dim * (2 * queries + 2 * keys + 3 * ffn), token = 2 * 2 * keys;
    int64_t row = ((int64_t)paper->device.sram - n_layers * layer) / (n_layers * token);
    cell.mode = "tiles alone";
    cell.role = PLMR_CONSISTENT;
    for (int shift = 0; shift < 2; shift++) {
        cell.quantity = shift ? "shift, tokens" : "concat, tokens";
        cell.predicted = (double)(shift ? row * side : row);
        cell.published =
            plmr_paper_published(paper, "table5_kv_capacity_tokens/%s/%s", s->name, shift ? "shift" : "concat");
        plmr_paper_add(paper, &cell);
    }
}

/* A region of decode with so many layers, as the published figures imply. */
static plmr_status add_region(plmr_paper *paper, const char *model, int n_layers)
{
    static const char *const kinds[] = {"shift", "concat"};
    plmr_paper_cell cell = {
        .role = PLMR_PREDICTED, .timeless = true, .mode = "real model", .system = "waferllm", .subject = model};
    plmr_paper_speed speed[2];
    plmr_model_shape shape;
    plmr_paper_query query = {
        .model = model,
        .side[PLMR_DECODE] = (int)plmr_paper_published(paper, "table2_end_to_end/core_grids/%s/decode/0", model),
        .setup = {.n_layers = n_layers, .n_prompt = 1},
    };
    cell.setting = plmr_paper_text(paper, "%d layers", n_layers);
    for (int concat = 1; concat >= 0; concat--) {
        query.setup.concat = concat;
        plmr_paper_time(paper, &query, &speed[concat]);
        cell.quantity = plmr_paper_text(paper, "%s, tokens", kinds[concat]);
        cell.predicted = (double)speed[concat].placement[PLMR_DECODE].capacity;
        cell.published = plmr_paper_published(paper, "table5_kv_capacity_tokens/%s/%s", model, kinds[concat]);
        plmr_paper_add(paper, &cell);
    }
    add_ledger(paper, cell, &speed[true].placement[PLMR_DECODE], n_layers);
    PLMR_TRY(plmr_paper_shape(model, &shape));
    add_tiles(paper, cell, &shape, query.side[PLMR_DECODE], n_layers);
    return PLMR_OK;
}

static plmr_status run(plmr_paper *paper)
{
    PLMR_TRY(add_region(paper, "llama3-8b", 6));
    return add_region(paper, "llama2-13b", 9);
}

const plmr_paper_part plmr_paper_table5 = {
    .name = "table 5",
    .title = "tokens that the key-value cache holds",
    .notes =
        "Concat is what one row of cores holds, shift what all rows do: the published pairs differ by the number of "
        "rows. The paper does not say how many layers lie in a region. Its figure for LLaMA3-8B implies six: 49,152 = "
        "6 "
        "x 3,600 of weights + 382.7 x 72 of keys and values, and nothing else. Here the ledger also reserves the "
        "scores "
        "of a row's tokens and the activations, and the norms' weights, which takes 12 %.\n\n"
        "For LLaMA2-13B no whole number of layers gives the published 16. *Tiles alone* is the ledger that LLaMA3-8B's "
        "figure implies: nothing in a core but its tiles of matrices and of keys and values. By it nine layers leave "
        "14, "
        "so that both models' figures are met within 15 %; cores that pack elements evenly meet them as well, with all "
        "that lies beside counted (every placement tried: results/validation/kv_capacity.md). The real model by "
        "dimensions needs more: weights 1,512 bytes (40 heads lie on nine columns of cores each, so a core has 15 "
        "elements of a head, not 14; and norms), a token 540 bytes instead of 504, activations 352, scores 2 a token; "
        "that leaves nine tokens a row.",
    .run = run,
};
