/* Experts: which of them a token is routed to, what they make of it, and the share of the one that all tokens have. */
#include "infer/experts.h"
#include "infer/prompt.h"
#include "infer/step.h"
#include "infer/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/wall.h"
#include "model/experts.h"

/* ---- choice ---- */

/* The n_used greatest, of equal ones the first; others' weights are -1. What is no number is the greatest: it must not get lost. */
static void choose_row(const plmr_model_shape *shape, const float *logits, float *routed)
{
    int n = shape->n_experts;
    float weights[PLMR_MOST_EXPERTS], sum = 0, most = plmr_vectors()->max(n, logits);
    for (int e = 0; e < n; e++)
        routed[e] = -1;
    for (int i = 0; i < shape->n_used; i++) {
        int best = -1;
        for (int e = 0; e < n; e++)
            if (routed[e] < 0 && (best < 0 || logits[e] > logits[best] || isnan(logits[e])))
                best = e;
        routed[best] = 0;
    }
    plmr_vectors()->exp(n, 1, most, logits, weights);
    for (int e = 0; e < n; e++)
        sum += routed[e] >= 0 || shape->arch->weighs_all_experts ? weights[e] : 0;
    for (int e = 0; e < n; e++)
        routed[e] = routed[e] >= 0 ? weights[e] / sum : -1;
}

static plmr_status choose(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    for (int64_t row = 0; row < p->n_here; row++)
        choose_row(p->engine->shape, p->activation[step->in] + (size_t)row * p->ld[step->in],
                   p->activation[part->out] + (size_t)row * p->ld[part->out]);
    return plmr_pass_dump(p, part->out, part->name);
}

/* An exponential of each logit that counts, a comparison of each logit for each expert that is used. */
static double choose_cycles(const plmr_cost_pass *pass, int64_t n_tokens)
{
    const plmr_model_shape *shape = pass->shape;
    int n = shape->arch->weighs_all_experts ? shape->n_experts : shape->n_used;
    return (double)n_tokens * (n * pass->device->scalar_function +
                               (double)shape->n_experts * shape->n_used * pass->device->reduce_element);
}

static plmr_status choose_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    plmr_cost_busy(pass, choose_cycles(pass, plmr_cost_chunk_tokens(pass)));
    return PLMR_OK;
}

static plmr_status choose_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    plmr_cost_busy(pass, choose_cycles(pass, pass->n_batch));
    return PLMR_OK;
}

const plmr_step_kind plmr_step_choose = {.values = {choose, choose}, .time = {choose_prompt_time, choose_token_time}};

/* ---- the shared expert's share ---- */

static plmr_status share(const plmr_step *step, plmr_pass *p)
{
    enum plmr_activation out = step->part[0].out;
    for (int64_t row = 0; row < p->n_here; row++) {
        float *x = p->activation[out] + (size_t)row * p->ld[out], e,
              zero = p->activation[step->in][(size_t)row * p->ld[step->in]];
        plmr_vectors()->exp(1, -1, 0, &zero, &e);
        for (size_t i = 0; i < p->ld[out]; i++)
            x[i] *= 1 / (1 + e);
    }
    return PLMR_OK;
}

static plmr_status share_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t ms = plmr_cost_chunk_tokens(pass);
    (void)step;
    plmr_cost_busy(
        pass, (double)ms * (2 * pass->device->scalar_function + plmr_cost_vector_cycles(pass, pass->grid->dim_x.size)));
    return PLMR_OK;
}

static plmr_status share_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    plmr_cost_busy(pass, pass->n_batch *
                             (2 * pass->device->scalar_function + plmr_cost_vector_cycles(pass, pass->grid->dim.size)));
    return PLMR_OK;
}

const plmr_step_kind plmr_step_share = {.values = {share, share}, .time = {share_prompt_time, share_token_time}};

/* ---- what experts make of their tokens ---- */

typedef void (*gate_function)(int64_t n, const float *gate, const float *up, float *out);

static gate_function gate_of(const plmr_step *step)
{
    return step->id == PLMR_STEP_EXPERTS ? plmr_vectors()->silu_multiply : plmr_vectors()->clipped_multiply;
}

static void run_expert(const plmr_step *step, plmr_pass *sub)
{
    enum plmr_activation gated = step->part[0].out, hidden = step->part[1].out;
    plmr_step in = {.id = PLMR_STEP_PRODUCTS, .in = step->in, .n_parts = 2, .part = {step->part[0], step->part[1]}};
    plmr_step out = {.id = PLMR_STEP_PRODUCTS, .in = hidden, .n_parts = 1, .part = {step->part[2]}};
    plmr_prompt_multiply(sub, &in);
    plmr_pass_add_bias(sub, &in.part[0]);
    plmr_pass_add_bias(sub, &in.part[1]);
    gate_of(step)((int64_t)sub->ld[hidden] * sub->n_here, sub->activation[gated], sub->activation[hidden],
                  sub->activation[hidden]);
    plmr_prompt_multiply(sub, &out);
    plmr_pass_add_bias(sub, &out.part[0]);
}

/* Into the trace of experts, if this rank keeps it. */
static void note(const plmr_pass *p, int64_t token, int expert)
{
    const plmr_llm_setup *setup = &p->engine->setup;
    if (setup->expert_trace)
        plmr_expert_trace_row(setup->expert_trace, setup->first_layer + p->layer, token, expert);
}

/* Expert by expert, in their order. */
static plmr_status prompt(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[2];
    plmr_routes routes = plmr_routes_create(p);
    for (int64_t i = 0; i < p->n * routes.n_used; i++)
        note(p, i / routes.n_used, routes.expert[i]);
    memset(p->activation[part->out], 0, (size_t)p->n_rows * p->ld[part->out] * sizeof(float));
    for (int e = 0; e < p->engine->shape->n_experts; e++) {
        plmr_pass sub;
        plmr_routes_enter(&routes, e, step->in, &sub);
        if (sub.n == 0)
            continue;
        run_expert(step, &sub);
        plmr_routes_leave(&routes, e, part->out, &sub);
    }
    plmr_routes_destroy(&routes);
    return plmr_pass_dump(p, part->out, part->name);
}

/* ---- of a request's token ---- */

/* The vectors that its experts have, one after the other. */
struct used {
    int n, expert[PLMR_MOST_EXPERTS];
    float weight[PLMR_MOST_EXPERTS];
    float *gated, *hidden;
    size_t ld;
};

static void list_used(const plmr_pass *p, int row, struct used *used)
{
    const float *routed = p->activation[PLMR_ROUTED] + (size_t)row * p->ld[PLMR_ROUTED];
    used->n = 0;
    for (int e = 0; e < p->engine->shape->n_experts; e++)
        if (plmr_is_routed(routed[e])) {
            used->expert[used->n] = e;
            used->weight[used->n++] = routed[e];
        }
}

static void add_bias(const plmr_pass *p, const plmr_step_part *part, int expert, float factor, float *to)
{
    plmr_pass of = *p;
    of.expert = expert;
    const float *bias = plmr_pass_bias(&of, part->bias);
    const plmr_deal *deal = plmr_pass_deal(p, part->out);
    plmr_part columns = plmr_pass_part(p, part->out);
    for (int64_t i = 0; i < plmr_part_places(&columns, deal) && bias; i++) {
        int64_t element = plmr_deal_element(deal, plmr_part_place(&columns, deal, i));
        to[i] += element < 0 ? 0 : factor * bias[element];
    }
}

/* All experts' gates and ups, in one reduction; p: of experts. */
static void make_hidden(const plmr_step *step, const plmr_pass *p, int row, const struct used *u)
{
    plmr_token_product *products = plmr_take(2 * (size_t)u->n * sizeof *products);
    for (int i = 0; i < u->n; i++)
        for (int j = 0; j < 2; j++)
            products[2 * i + j] =
                (plmr_token_product){&plmr_pass_weights(p)->matrix[step->part[j].weight][u->expert[i]],
                                     (j ? u->hidden : u->gated) + (size_t)i * u->ld, u->ld};
    plmr_token_multiply(p->grid, products, 2 * u->n, 1, p->activation[step->in] + (size_t)row * p->ld[step->in],
                        p->ld[step->in]);
    free(products);
    for (int i = 0; i < u->n; i++) {
        float *gated = u->gated + (size_t)i * u->ld, *hidden = u->hidden + (size_t)i * u->ld;
        add_bias(p, &step->part[0], u->expert[i], 1, gated);
        add_bias(p, &step->part[1], u->expert[i], 1, hidden);
        gate_of(step)((int64_t)u->ld, gated, hidden, hidden);
        for (size_t k = 0; k < u->ld; k++)
            hidden[k] *= u->weight[i];
    }
}

/* Of the experts used, those that are added up together. */
struct summed {
    int n, *part;
    plmr_matrix **matrices;
    float *hidden;
};

static void add_matrix(const plmr_step *step, const plmr_pass *p, const struct used *u, int i, int part,
                       struct summed *s)
{
    s->part[s->n] = part;
    s->matrices[s->n] = &plmr_pass_weights(p)->matrix[step->part[2].weight][u->expert[i]];
    memcpy(s->hidden + (size_t)s->n++ * u->ld, u->hidden + (size_t)i * u->ld, u->ld * sizeof *s->hidden);
}

/* Those of a part. */
static void add_part(const plmr_step *step, const plmr_pass *p, int n_parts, int64_t token, int of,
                     const struct used *u, struct summed *s)
{
    const plmr_llm_setup *setup = &p->engine->setup;
    for (int i = 0; i < u->n; i++)
        if (plmr_expert_part(&setup->experts, &setup->load, n_parts, setup->first_layer + p->layer, u->expert[i],
                             token) == of)
            add_matrix(step, p, u, i, of, s);
}

static void add_up(const plmr_pass *p, const struct summed *s, size_t ldx, float *out)
{
    const plmr_blocks *blocks = &p->engine->blocks[PLMR_DECODE];
    const plmr_grid *grid = plmr_engine_expert_grid(p->engine, PLMR_DECODE);
    const plmr_region *region = blocks->grid ? blocks->region : grid->region;
    int n_cores = region->count[PLMR_X], *chunk = plmr_take((size_t)(n_cores * s->n) * sizeof *chunk + 1);
    for (int i = 0; i < n_cores * s->n; i++) {
        int col = region->first[PLMR_X] + i / s->n;
        chunk[i] = blocks->grid ? plmr_blocks_chunk(blocks, col, s->part[i % s->n]) : plmr_ring_position(grid->x, col);
    }
    plmr_token_sum sum = {
        blocks->grid ? blocks->tree : grid->tree_x, n_cores, s->n, s->matrices, chunk, s->part, s->hidden, ldx};
    plmr_token_multiply_sum(&sum, out);
    free(chunk);
}

/* What the experts of one region give, one after the other, is added up before other regions'; of blocks all is at once. */
static void run_row(const plmr_step *step, const plmr_pass *p, int row, const struct used *u)
{
    const plmr_step_part *part = &step->part[2];
    const plmr_engine *e = p->engine;
    bool in_blocks = e->blocks[PLMR_DECODE].grid;
    int n_parts = in_blocks ? e->blocks[PLMR_DECODE].cut.n : plmr_expert_regions(&e->setup.experts, e->shape);
    size_t n = p->ld[part->out];
    float *out = p->activation[part->out] + (size_t)row * n, *sum = plmr_take(n * sizeof *sum + 1);
    struct summed s = {0, plmr_take((size_t)u->n * sizeof(int)), plmr_take((size_t)u->n * sizeof(plmr_matrix *)),
                       plmr_take((size_t)u->n * u->ld * sizeof(float) + 1)};
    bool is_first = true;
    for (int of = 0; of < n_parts; of++) {
        add_part(step, p, n_parts, row, of, u, &s);
        if (!s.n || (in_blocks && of < n_parts - 1))
            continue;
        add_up(p, &s, u->ld, is_first ? out : sum);
        for (size_t i = 0; i < n && !is_first; i++)
            out[i] += sum[i];
        is_first = false;
        s.n = 0;
    }
    for (int i = 0; i < u->n; i++)
        add_bias(p, part, u->expert[i], u->weight[i], out);
    free(s.hidden);
    free(s.matrices);
    free(s.part);
    free(sum);
}

/* Experts that are used for the first time. */
static void turn_used(const plmr_step *step, const plmr_pass *p, const struct used *u)
{
    double start_s = plmr_wall_s();
    for (int i = 0; i < u->n; i++)
        for (int j = 0; j < step->n_parts; j++)
            plmr_matrix_keep(&plmr_pass_weights(p)->matrix[step->part[j].weight][u->expert[i]]);
    p->engine->turned_s += plmr_wall_s() - start_s;
}

static plmr_status token(const plmr_step *step, plmr_pass *p)
{
    plmr_pass of_experts = plmr_pass_of_experts(p);
    struct used used = {.ld = of_experts.ld[PLMR_EXPERT_HIDDEN]};
    bool in_blocks = p->engine->blocks[PLMR_DECODE].grid;
    float *vectors = in_blocks ? plmr_experts_vectors(p, &of_experts, step->in) : NULL;
    if (vectors)
        of_experts.activation[step->in] = vectors;
    size_t n = (size_t)p->engine->shape->n_used * used.ld;
    used.gated = plmr_take_zeroed(2 * n + 1, sizeof *used.gated);
    used.hidden = used.gated + n;
    for (int row = 0; row < (int)p->n; row++) {
        list_used(p, row, &used);
        turn_used(step, p, &used);
        for (int i = 0; i < used.n; i++)
            note(p, p->n_before, used.expert[i]);
        make_hidden(step, &of_experts, row, &used);
        run_row(step, p, row, &used);
    }
    free(vectors);
    free(used.gated);
    return plmr_pass_dump(p, step->part[2].out, step->part[2].name);
}

const plmr_step_kind plmr_step_experts = {.values = {prompt, token},
                                          .time = {plmr_experts_prompt_time, plmr_experts_token_time}};
const plmr_step_kind plmr_step_experts_clipped = {.values = {prompt, token},
                                                  .time = {plmr_experts_prompt_time, plmr_experts_token_time}};
