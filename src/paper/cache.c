/* Table 5: tokens that the key-value cache of a region holds. */
#include "paper/paper.h"

#include <math.h>
#include <stdio.h>

static const char key[] = "table5_kv_capacity_tokens";

/* A region of decode with so many layers, as the published figures imply. */
struct region {
    const char *model;
    int n_layers;
};

static const struct region regions[] = {{"llama3-8b", 6}, {"llama2-13b", 9}};

static plmr_status ask(plmr_paper *paper, const struct region *r, bool concat, plmr_placement *placement)
{
    plmr_paper_speed speed;
    plmr_paper_query query = {
        .model = r->model,
        .side[PLMR_DECODE] = (int)plmr_paper_published(paper, "table2_end_to_end/core_grids/%s/decode/0", r->model),
        .setup = {.n_layers = r->n_layers, .n_prompt = 1, .concat = concat},
    };
    PLMR_TRY(plmr_paper_time(paper, &query, &speed));
    *placement = speed.placement[1];
    return PLMR_OK;
}

static plmr_status add_capacity(plmr_paper *paper, const plmr_paper_part *part, const struct region *r, bool concat)
{
    plmr_placement p;
    plmr_paper_cell cell = {.role = PLMR_PREDICTED, .mode = "real model", .system = "waferllm"};
    PLMR_TRY(ask(paper, r, concat, &p));
    snprintf(cell.subject, sizeof cell.subject, "%s", r->model);
    snprintf(cell.setting, sizeof cell.setting, "%d layers", r->n_layers);
    snprintf(cell.quantity, sizeof cell.quantity, "%s, tokens", concat ? "concat" : "shift");
    cell.predicted = (double)p.capacity;
    cell.published = plmr_paper_published(paper, "%s/%s/%s", key, r->model, concat ? "concat" : "shift");
    return plmr_paper_add(paper, part, &cell);
}

/* What a core's SRAM goes to, tensor by tensor. */
static plmr_status add_ledger(plmr_paper *paper, const plmr_paper_part *part, const struct region *r)
{
    plmr_placement p;
    plmr_paper_cell cell = {.role = PLMR_ESTIMATE, .mode = "real model", .system = "waferllm", .published = NAN};
    PLMR_TRY(ask(paper, r, true, &p));
    snprintf(cell.subject, sizeof cell.subject, "%s", r->model);
    snprintf(cell.setting, sizeof cell.setting, "%d layers", r->n_layers);
    snprintf(cell.quantity, sizeof cell.quantity, "SRAM of a core, bytes");
    long long weights = (long long)(r->n_layers * p.layer_bytes), rest = (long long)(p.working_bytes - p.score_bytes);
    snprintf(cell.predicted_text, sizeof cell.predicted_text,
             "%.0f = %lld weights + %lld activations + %lld x (%lld keys, values + %lld scores)", paper->device.sram,
             weights, rest, (long long)p.capacity, (long long)(r->n_layers * p.token_bytes), (long long)p.score_bytes);
    return plmr_paper_add(paper, part, &cell);
}

static plmr_status run(plmr_paper *paper, const plmr_paper_part *part)
{
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        PLMR_TRY(add_capacity(paper, part, &regions[i], true));
        PLMR_TRY(add_capacity(paper, part, &regions[i], false));
        PLMR_TRY(add_ledger(paper, part, &regions[i]));
    }
    return PLMR_OK;
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
        "For LLaMA2-13B no whole number of layers gives the published 16: nine would leave 14 with matrices and "
        "cache alone. Of the difference to what is predicted, weights take 1,512 bytes more (its 40 heads lie on nine "
        "columns of cores each, so a core has 15 elements of a head, not 14; and norms), a token 540 bytes instead of "
        "504, activations 352, scores 2 a token.",
    .run = run,
};
