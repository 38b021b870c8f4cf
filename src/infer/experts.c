#include "infer/experts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* Bytes under way at a time. */
enum { MOST_BYTES = 16 << 20 };

/* ---- who goes where ---- */

/* Every rank of a column knows its own tokens; the others' are 0. */
static void list_own(const plmr_routes *r, double *expert)
{
    const plmr_pass *p = r->pass;
    for (int64_t row = 0; row < p->n_here; row++) {
        const float *routed = p->activation[PLMR_ROUTED] + (size_t)row * p->ld[PLMR_ROUTED];
        double *to = expert + plmr_pass_token(p, row) * r->n_used;
        for (int e = 0; e < p->engine->shape->n_experts; e++)
            if (plmr_is_routed(routed[e]))
                *to++ = e;
    }
}

plmr_routes plmr_routes_create(const plmr_pass *p)
{
    plmr_routes r = {p, p->engine->shape->n_used, NULL};
    int64_t n = p->n * r.n_used;
    double *expert = plmr_take_zeroed((size_t)n + 1, sizeof *expert);
    r.expert = plmr_take((size_t)n * sizeof *r.expert + 1);
    list_own(&r, expert);
    plmr_ranks_line_max(p->engine->ranks, PLMR_Y, expert, (int)n);
    for (int64_t i = 0; i < n; i++)
        r.expert[i] = (int32_t)expert[i];
    free(expert);
    return r;
}

void plmr_routes_destroy(plmr_routes *r)
{
    free(r->expert);
}

static bool uses(const plmr_routes *r, int64_t token, int expert)
{
    for (int i = 0; i < r->n_used; i++)
        if (r->expert[token * r->n_used + i] == expert)
            return true;
    return false;
}

/* ---- between rows of cores ---- */

/* The tokens of a pass that an expert has, by the ranks of a column. */
struct rows {
    const plmr_routes *routes;
    int expert;
    const int32_t *number; /* by token of the prompt: its number among the expert's, -1: it is not */
};

static int64_t list_prompt(const void *context, int place, int32_t *elements)
{
    const struct rows *r = context;
    const plmr_pass *p = r->routes->pass;
    plmr_part part = plmr_pass_tokens(p, place);
    int64_t n = 0;
    for (int64_t i = 0; i < plmr_part_places(&part, &p->tokens); i++) {
        int64_t token = plmr_part_place(&part, &p->tokens, i);
        if (token >= p->n || r->number[token] < 0)
            continue;
        if (elements)
            elements[n] = r->number[token];
        n++;
    }
    return n;
}

static int64_t list_expert(const void *context, int place, int32_t *elements)
{
    const plmr_pass *sub = context;
    plmr_part part = plmr_pass_tokens(sub, place);
    if (elements)
        plmr_part_elements(&part, &sub->tokens, elements);
    return plmr_part_places(&part, &sub->tokens);
}

struct memory {
    float *values;
    size_t ld;
};

static void *at(const void *context, int64_t row, int64_t col)
{
    const struct memory *m = context;
    return m->values + (size_t)row * m->ld + (size_t)col;
}

static int32_t *number_tokens(const plmr_routes *r, int expert, int64_t *n)
{
    int32_t *number = plmr_take((size_t)r->pass->n * sizeof *number);
    *n = 0;
    for (int64_t token = 0; token < r->pass->n; token++)
        number[token] = uses(r, token, expert) ? (int32_t)(*n)++ : -1;
    return number;
}

/* Rows of `prompt`, this rank's tokens that the expert has, to or from the sub-pass. */
static void move(const struct rows *rows, plmr_pass *sub, enum plmr_activation which, float *prompt, bool back)
{
    const plmr_pass *p = rows->routes->pass;
    plmr_laid of_region = {plmr_pass_deal(p, which), p->grid->x}, of_block = {plmr_pass_deal(sub, which), sub->grid->x};
    struct memory of_prompt = {prompt, p->ld[which]}, of_expert = {sub->activation[which], sub->ld[which]};
    plmr_spread_matrix there = {
        {PLMR_Y, sub->n, list_prompt, rows}, plmr_laid_dealt(&of_region), at, INT64_MAX, &of_prompt};
    plmr_spread_matrix here = {
        {PLMR_Y, sub->n, list_expert, sub}, plmr_laid_dealt(&of_block), at, INT64_MAX, &of_expert};
    plmr_redistribute(p->engine->ranks, back ? &here : &there, back ? &there : &here, sizeof(float), MOST_BYTES);
}

/* Rows of an activation for this rank's tokens that the expert has. */
static float *take_rows(const plmr_pass *p, enum plmr_activation which)
{
    return plmr_take_zeroed((size_t)p->n_here * p->ld[which] + 1, sizeof(float));
}

static void copy_rows(const plmr_pass *p, const int32_t *number, enum plmr_activation which, float *to)
{
    size_t ld = p->ld[which];
    for (int64_t row = 0; row < p->n_here; row++)
        if (number[plmr_pass_token(p, row)] >= 0) {
            memcpy(to, p->activation[which] + (size_t)row * ld, ld * sizeof *to);
            to += ld;
        }
}

static void make_room(plmr_pass *sub)
{
    static const enum plmr_activation used[] = {PLMR_NORMED, PLMR_EXPERT_GATED, PLMR_EXPERT_HIDDEN, PLMR_ADDED};
    memset(sub->activation, 0, sizeof sub->activation);
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        sub->activation[used[i]] =
            plmr_take_zeroed((size_t)sub->n_rows * sub->ld[used[i]] + 1, sizeof **sub->activation);
}

void plmr_routes_enter(const plmr_routes *r, int expert, enum plmr_activation which, plmr_pass *sub)
{
    *sub = plmr_pass_of_experts(r->pass);
    sub->expert = expert;
    int32_t *number = number_tokens(r, expert, &sub->n);
    if (sub->n) {
        plmr_pass_deal_tokens(sub);
        make_room(sub);
        float *rows = take_rows(r->pass, which);
        copy_rows(r->pass, number, which, rows);
        move(&(struct rows){r, expert, number}, sub, which, rows, false);
        free(rows);
    }
    free(number);
}

void plmr_routes_leave(const plmr_routes *r, int expert, enum plmr_activation which, plmr_pass *sub)
{
    const plmr_pass *p = r->pass;
    int32_t *number = number_tokens(r, expert, &sub->n);
    float *rows = take_rows(p, which), *from = rows;
    move(&(struct rows){r, expert, number}, sub, which, rows, true);
    for (int64_t row = 0; row < p->n_here; row++) {
        if (number[plmr_pass_token(p, row)] < 0)
            continue;
        float weight = p->activation[PLMR_ROUTED][(size_t)row * p->ld[PLMR_ROUTED] + (size_t)expert];
        float *to = p->activation[which] + (size_t)row * p->ld[which];
        for (size_t i = 0; i < p->ld[which]; i++)
            to[i] += weight * from[i];
        from += p->ld[which];
    }
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        free(sub->activation[i]);
    free(rows);
    free(number);
}

/* ---- to the rows of a block ---- */

float *plmr_experts_vectors(const plmr_pass *p, const plmr_pass *sub, enum plmr_activation which)
{
    float *vectors = plmr_take_zeroed((size_t)p->n * sub->ld[which] + 1, sizeof *vectors);
    plmr_laid of_region = {plmr_pass_deal(p, which), p->grid->y}, of_block = {plmr_pass_deal(sub, which), sub->grid->y};
    struct memory from = {p->activation[which], p->ld[which]}, to = {vectors, sub->ld[which]};
    plmr_dealt rows = {.axis = PLMR_WHOLE, .n = p->n};
    plmr_spread_matrix before = {rows, plmr_laid_dealt(&of_region), at, INT64_MAX, &from};
    plmr_spread_matrix after = {rows, plmr_laid_dealt(&of_block), at, INT64_MAX, &to};
    plmr_redistribute(p->engine->ranks, &before, &after, sizeof *vectors, MOST_BYTES);
    return vectors;
}
