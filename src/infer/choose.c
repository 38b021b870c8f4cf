#include "infer/choose.h"

#include <limits.h>
#include <stdlib.h>

#include "base/memory.h"
#include "region/defects.h"

/* ---- aims ---- */

static double cycles(const plmr_candidate *c)
{
    return c->cycles;
}

static double tokens(const plmr_candidate *c)
{
    return -c->tokens;
}

/* The power of a wafer is what it is. */
static double energy(const plmr_candidate *c)
{
    return c->cycles * c->n_wafers;
}

const plmr_aim plmr_aim_latency = {"latency", "a request alone takes least", true, cycles};
const plmr_aim plmr_aim_throughput = {"throughput", "all requests together take least", false, cycles};
const plmr_aim plmr_aim_capacity = {"capacity", "most tokens are held", false, tokens};
const plmr_aim plmr_aim_energy = {"energy", "a token takes least energy", false, energy};

double plmr_aim_add(const plmr_aim *aim, double prefill, double decode)
{
    return aim == &plmr_aim_capacity ? decode : prefill + decode;
}

/* ---- the search ---- */

struct search {
    const plmr_choose *task;
    int n_regions;       /* of the size at hand that a wafer has */
    plmr_candidate best; /* all 0: nothing yet */
};

bool plmr_aim_is_better(const plmr_aim *aim, const plmr_candidate *a, const plmr_candidate *b)
{
    double loss_a = aim->loss(a), loss_b = aim->loss(b);
    if (loss_a != loss_b)
        return loss_a < loss_b;
    return a->cycles != b->cycles ? a->cycles < b->cycles : a->replicas > b->replicas;
}

static bool is_better(const struct search *s, const plmr_candidate *c)
{
    if (!s->best.n_wafers)
        return true;
    if (!s->task->n_wafers && c->n_wafers != s->best.n_wafers)
        return c->n_wafers < s->best.n_wafers;
    return plmr_aim_is_better(s->task->aim, c, &s->best);
}

/* The most wafers that are of interest: those that there are, or no more than the best takes. */
static int most_wafers(const struct search *s)
{
    return s->task->n_wafers ? s->task->n_wafers : s->best.n_wafers ? s->best.n_wafers : INT_MAX;
}

/* As often as there are regions for, on so many wafers or fewer. */
static plmr_status try_replicas(struct search *s, plmr_candidate c)
{
    const plmr_choose *task = s->task;
    bool fits = false;
    int n = c.n_stages + task->n_beside;
    for (int wafers = (int)plmr_ceil_div(n, s->n_regions);
         wafers <= most_wafers(s) / c.wide && c.replicas < task->n_requests; wafers++) {
        int replicas = plmr_replicas_on(wafers, s->n_regions, n);
        replicas = replicas < task->n_requests ? replicas : task->n_requests;
        if (replicas == c.replicas)
            continue;
        c.replicas = replicas;
        c.n_wafers = c.wide * plmr_wafers_for(replicas, s->n_regions, n);
        PLMR_TRY(task->weigh(task->context, &c, &fits));
        if (fits && is_better(s, &c))
            s->best = c;
    }
    return PLMR_OK;
}

/* Layers are dealt evenly, so that only some numbers of them make a difference. */
static plmr_status try_wide(struct search *s, int rows, int cols, int wide)
{
    const plmr_choose *task = s->task;
    int n = task->n_layers, most = task->most_layers && task->most_layers < n ? task->most_layers : n;
    PLMR_TRY(task->open(task->context, rows, cols, wide));
    for (int layers = most; layers >= 1; layers--) {
        int stages = (int)plmr_ceil_div(n, layers);
        layers = (int)plmr_ceil_div(n, stages);
        for (int apart = 0; apart < 1 + task->has_output; apart++)
            PLMR_TRY(try_replicas(s, (plmr_candidate){.rows = rows,
                                                      .cols = cols,
                                                      .layers = layers,
                                                      .output_apart = apart,
                                                      .n_stages = stages + apart,
                                                      .wide = wide}));
    }
    return PLMR_OK;
}

static plmr_status try_region(struct search *s, int rows, int cols)
{
    int least = s->task->least_wide ? s->task->least_wide : 1;
    s->n_regions = plmr_defects_regions(s->task->device, rows, cols);
    if (s->n_regions == 0)
        return PLMR_OK;
    for (int wide = least; wide <= s->task->most_wide || wide == least; wide *= 2)
        PLMR_TRY(try_wide(s, rows, cols, wide));
    return PLMR_OK;
}

/* The largest side in the list that is not larger; 0: there is none. */
static int side_within(const plmr_choose *task, int side)
{
    int i = task->n_sides;
    while (i > 0 && task->sides[i - 1] > side)
        i--;
    return i ? task->sides[i - 1] : 0;
}

/* Regions with so many cores along the longer side. */
static plmr_status try_side(struct search *s, int side)
{
    static const int shapes[][2] = {{1, 1}, {3, 4}, {2, 3}};
    for (int i = 0; i < (s->task->oblong ? 3 : 1); i++)
        for (int tall = 0; tall < (i ? 2 : 1); tall++) {
            int shorter = side_within(s->task, side * shapes[i][0] / shapes[i][1]);
            int rows = tall ? side : shorter, cols = tall ? shorter : side;
            if (shorter)
                PLMR_TRY(try_region(s, rows, cols));
        }
    return PLMR_OK;
}

plmr_status plmr_choose_best(const plmr_choose *choose, plmr_candidate *best)
{
    struct search s = {.task = choose};
    for (int i = 0; i < choose->n_sides && choose->sides; i++)
        PLMR_TRY(try_side(&s, choose->sides[i]));
    if (!choose->sides)
        PLMR_TRY(try_region(&s, choose->rows, choose->cols));
    *best = s.best;
    return PLMR_OK;
}

/* ---- sides ---- */

static bool is_smaller_chunk(int64_t n, int side)
{
    return plmr_ceil_div(n, side) < plmr_ceil_div(n, side - 1);
}

int *plmr_choose_sides(const plmr_model_shape *shape, int64_t n_tokens, int most, bool fine, int *n_sides)
{
    int least = most < PLMR_CHOOSE_LEAST ? most : PLMR_CHOOSE_LEAST;
    int *sides = plmr_take((size_t)(most - least + 1) * sizeof *sides);
    int64_t dims[] = {shape->dim, shape->n_ffn, shape->n_expert_ffn, n_tokens};
    *n_sides = 0;
    for (int side = least; side <= most; side++) {
        bool smaller = side == least || side % shape->n_kv_heads == 0;
        for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
            smaller |= is_smaller_chunk(dims[i], side);
        bool always = side == least || (fine && is_smaller_chunk(shape->dim, side));
        if (always || (smaller && side * PLMR_CHOOSE_STEP >= sides[*n_sides - 1] * (PLMR_CHOOSE_STEP + 1)))
            sides[(*n_sides)++] = side;
    }
    return sides;
}
