/* What placements of a phase come to, by the time plane. Passes through a region are the same in all of them: they are run
 * once. */
#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "infer/choose.h"
#include "infer/timing_internal.h"

struct pass {
    int n_batch, n_busy, n_beside;
    int64_t row_tokens;
    plmr_phase_cost cost;
};

struct phase {
    plmr_ranks *ranks;
    const plmr_device *device;
    const plmr_model_shape *shape;
    plmr_llm_setup setup;
    bool decode, alone;
    plmr_timing *timing; /* of the region at hand */
    int n_passes;
    struct pass *passes;
};

static plmr_status open(void *context, int rows, int cols, int wide)
{
    struct phase *p = context;
    plmr_phase_setup *phase = &p->setup.phase[p->decode];
    plmr_timing_destroy(p->timing);
    p->timing = NULL;
    p->n_passes = 0;
    phase->rows = rows;
    phase->cols = cols;
    phase->wide = wide;
    return plmr_timing_create(p->ranks, p->device, p->shape, &p->setup, &p->timing);
}

static plmr_status find_pass(struct phase *p, int n_batch, int64_t row_tokens, plmr_phase_cost *cost)
{
    plmr_timing *t = p->timing;
    int n_busy = p->decode ? t->placement[PLMR_DECODE].n_stages : 0;
    n_busy = t->setup.experts.place ? n_busy : 0;
    t->n_beside = p->alone ? 1 : 0;
    int n_beside = plmr_timing_beside(t, p->decode);
    for (int i = 0; i < p->n_passes; i++)
        if (p->passes[i].n_batch == n_batch && p->passes[i].row_tokens == row_tokens && p->passes[i].n_busy == n_busy &&
            p->passes[i].n_beside == n_beside) {
            *cost = p->passes[i].cost;
            return PLMR_OK;
        }
    PLMR_TRY(plmr_timing_alike(t, p->decode, n_batch, row_tokens, cost));
    p->passes = plmr_take_more(p->passes, (size_t)(p->n_passes + 1) * sizeof *p->passes);
    p->passes[p->n_passes++] = (struct pass){n_batch, n_busy, n_beside, row_tokens, *cost};
    return PLMR_OK;
}

static bool is_within(const struct phase *p, int routes)
{
    return routes <= p->device->routes;
}

/* The prompts, and what decode wants elsewhere. */
static plmr_status weigh_prompts(struct phase *p, double *cycles, bool *fits)
{
    plmr_phase_cost cost, relayout;
    PLMR_TRY(find_pass(p, 1, 0, &cost));
    plmr_timing_add_stages(p->timing, PLMR_PREFILL, 1, &cost);
    if (!p->alone)
        plmr_timing_follow(p->timing, &cost);
    PLMR_TRY(plmr_timing_relayout(p->timing, &relayout));
    *cycles = cost.t_cycles + relayout.t_cycles;
    *fits = is_within(p, cost.routes_max);
    return PLMR_OK;
}

/* All tokens. */
static plmr_status weigh_tokens(struct phase *p, double *cycles, bool *fits)
{
    plmr_timing *t = p->timing;
    int n_batch = p->alone ? 1 : plmr_timing_stage_batch(t);
    int64_t row_tokens = 0;
    plmr_phase_cost cost = {0};
    *cycles = 0;
    for (int64_t i = t->setup.n_prompt; i < t->setup.n_tokens; i++) {
        if (plmr_timing_row_tokens(t, i + 1) != row_tokens) {
            row_tokens = plmr_timing_row_tokens(t, i + 1);
            PLMR_TRY(find_pass(p, n_batch, row_tokens, &cost));
            plmr_timing_add_stages(t, PLMR_DECODE, n_batch, &cost);
            if (!p->alone)
                plmr_timing_keep_pace(t, &cost);
        }
        *cycles += cost.t_cycles;
    }
    *fits = is_within(p, cost.routes_max);
    return PLMR_OK;
}

static plmr_status place(struct phase *p, const plmr_candidate *c)
{
    plmr_phase_setup *phase = &p->timing->setup.phase[p->decode];
    phase->layers = c->layers;
    phase->output_apart = c->output_apart;
    phase->replicas = c->replicas;
    return p->decode ? plmr_timing_place_decode(p->timing) : plmr_timing_place_prefill(p->timing);
}

static plmr_status weigh(void *context, plmr_candidate *c, bool *fits)
{
    struct phase *p = context;
    const plmr_placement *placed = plmr_timing_placement(p->timing, p->decode);
    PLMR_TRY(place(p, c));
    int64_t n = plmr_timing_requests(p->timing, p->decode);
    *fits = placed->n_stages == c->n_stages && (double)placed->sram_bytes <= p->device->sram &&
            (!p->decode || placed->capacity >= p->setup.n_tokens);
    c->tokens = (double)placed->capacity * (double)n * c->replicas * c->wide;
    if (!*fits)
        return PLMR_OK;
    PLMR_TRY(p->decode ? weigh_tokens(p, &c->cycles, fits) : weigh_prompts(p, &c->cycles, fits));
    c->cycles /= p->alone ? 1 : p->setup.n_batch;
    return PLMR_OK;
}

/* Wafers that may share experts: as the other phase, if that has been chosen, for they are the same; or as is asked for. */
static void set_wide(const struct phase *p, const plmr_llm_setup *setup, plmr_choose *task)
{
    plmr_expert_setup experts = plmr_llm_experts(setup, (enum plmr_llm_phase)p->decode);
    enum plmr_expert_spread spread = plmr_expert_spread_of(&experts);
    int n = plmr_smaller(p->shape->n_experts, setup->n_wafers);
    task->least_wide = plmr_expert_wafers(&experts, p->shape);
    task->most_wide = spread == PLMR_EXPERTS_WHOLE && setup->link.bytes_s > 0 ? n : task->least_wide;
    if (setup->phase[!p->decode].wide)
        task->least_wide = task->most_wide = setup->phase[!p->decode].wide;
}

static plmr_status choose(struct phase *p, const plmr_llm_setup *setup, const plmr_aim *aim, bool is_given,
                          plmr_candidate *best)
{
    const plmr_phase_setup *given = &setup->phase[p->decode];
    int shorter = (int)plmr_smaller(p->device->rows, p->device->cols), n_sides;
    int most = p->decode ? (int)(p->device->rows + p->device->cols) - shorter : shorter;
    int64_t n_tokens = p->decode ? setup->n_tokens : setup->n_prompt;
    int *sides = plmr_choose_sides(p->shape, n_tokens, most, false, &n_sides);
    plmr_choose task = {
        .device = p->device,
        .aim = aim,
        .sides = is_given ? NULL : sides,
        .n_sides = n_sides,
        .rows = given->rows,
        .cols = given->cols,
        .oblong = p->decode,
        .n_layers = setup->n_layers,
        .most_layers = given->layers,
        .n_wafers = setup->streams && !setup->n_wafers ? 1 : setup->n_wafers,
        .n_requests = setup->n_batch,
        .has_output = p->decode,
        .open = open,
        .weigh = weigh,
        .context = p,
    };
    set_wide(p, setup, &task);
    plmr_status status = plmr_choose_best(&task, best);
    free(sides);
    return status;
}

/* Many small regions, one after the other: ranks that shared them would mostly wait for each other. */
static plmr_status choose_alone(struct phase *p, plmr_llm_setup *setup, const plmr_aim *aim, bool is_given,
                                plmr_candidate *choice)
{
    PLMR_TRY(plmr_ranks_create_alone(&p->ranks));
    plmr_status status = choose(p, setup, aim, is_given, choice);
    plmr_timing_destroy(p->timing);
    plmr_ranks_destroy(p->ranks);
    free(p->passes);
    return status;
}

plmr_status plmr_choose_phase(const plmr_device *device, const plmr_model_shape *shape, const plmr_aim *aim,
                              bool is_given, bool decode, plmr_llm_setup *setup, plmr_candidate *choice)
{
    plmr_llm_setup_complete(setup, shape);
    struct phase p = {NULL, device, shape, *setup, decode, aim->alone, NULL, 0, NULL};
    p.setup.allow_memory = p.setup.allow_routes = true;
    p.setup.profile = p.setup.streams = false;
    p.setup.phase[!decode].rows = 0;
    if (!decode)
        p.setup.n_tokens = p.setup.n_prompt;
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? choose_alone(&p, setup, aim, is_given, choice) : PLMR_OK));
    plmr_broadcast(choice, sizeof *choice);
    if (!choice->n_wafers)
        return PLMR_OK;
    plmr_phase_setup *phase = &setup->phase[decode];
    phase->rows = choice->rows;
    phase->cols = choice->cols;
    phase->layers = choice->layers;
    phase->output_apart = choice->output_apart;
    phase->replicas = choice->replicas;
    phase->wide = choice->wide;
    return PLMR_OK;
}
