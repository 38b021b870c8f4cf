/* Sums along an axis by a plan. */
#include "verbs/reduce.h"

#include <stdlib.h>

#include "base/memory.h"
#include "time/busy.h"
#include "time/clock.h"

/* ---- by the legs of a plan ---- */

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    for (int p = flow->first; p < flow->end; p++) {
        const plmr_phase *phase = &flow->plan->phases[p];
        for (int i = 0; i < phase->n_legs; i++)
            visit(context,
                  &(plmr_flow_leg){
                      .phase = p, .src = phase->legs[i].src, .dst = phase->legs[i].dst, .shares = !phase->adds});
    }
}

int plmr_flow_plan_routes(const plmr_flow *flow, int *cores)
{
    for (int core = 0; core < flow->plan->n; core++)
        cores[core] = __builtin_popcountll(flow->plan->routes[core]);
    return flow->plan->routes_program;
}

static const plmr_flow_kind by_legs = {
    .legs = legs, .clock = plmr_flow_stream, .routes = plmr_flow_plan_routes, .streams = true};

void plmr_reduce_plan_count(plmr_reduce_plan *plan)
{
    for (int p = 0; p < plan->n_phases; p++) {
        plmr_flow phase = {.kind = &by_legs, .plan = plan, .first = p, .end = p + 1};
        plan->phases[p].n_links = plmr_flow_count(&phase, 0, 0, NULL);
    }
}

/* ---- making them ---- */

static plmr_flow make(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int first, int end)
{
    plmr_flow flow = {.kind = plan->kind ? plan->kind : &by_legs,
                      .region = region,
                      .axis = axis,
                      .verb = plan->options.to_root ? "reduce" : "allreduce",
                      .of = axis == PLMR_X ? "along x" : "along y",
                      .turns = plan->kind ? plan->turns : 1,
                      .hops = plan->hops,
                      .stages = plan->stages,
                      .plan = plan,
                      .first = first,
                      .end = end,
                      .launch = region->device->collective_launch,
                      .forward = plmr_way_forward(region->device)};
    for (int p = first; p < end; p++)
        flow.n_links += plan->phases[p].n_links;
    if (plan->kind)
        flow.n_links = plmr_flow_count(&flow, 0, 0, NULL);
    return flow;
}

plmr_flow plmr_flow_allreduce(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan)
{
    return make(region, axis, plan, 0, plan->n_phases);
}

/* The half that adds includes the way from the last sum to the core that keeps it. */
plmr_flow plmr_flow_half(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, bool spreads,
                         const char *of)
{
    int half = plan->n_phases / 2;
    plmr_flow flow = make(region, axis, plan, spreads ? half : 0, spreads ? 2 * half : half + 1);
    flow.verb = spreads ? "spread" : "add up";
    flow.of = of;
    flow.hops = plan->hops / 2;
    flow.stages = spreads ? 0 : plan->stages;
    return flow;
}

plmr_flow plmr_flow_chain(plmr_region *region, enum plmr_axis axis, double software, plmr_reduce_plan **out)
{
    int n = region->extent[axis], last = n - 1;
    plmr_reduce_plan *plan = plmr_take_zeroed(1, sizeof *plan);
    *plan = (plmr_reduce_plan){.axis = axis, .n = n, .hops = 2 * last, .stages = 2 * last, .routes_program = 4};
    plan->routes = plmr_take_zeroed((size_t)n, sizeof *plan->routes);
    for (int back = 0; back < 2; back++) {
        plmr_reduce_plan_phase(plan, true);
        for (int i = 0; i < last; i++)
            plmr_reduce_plan_leg(plan, back ? last - i : i, back ? last - i - 1 : i + 1, 2 * back + i % 2);
    }
    plmr_reduce_plan_count(plan);
    *out = plan;
    plmr_flow flow = plmr_flow_allreduce(region, axis, plan);
    flow.launch = 0;
    flow.forward = plmr_device_quantise(software);
    return flow;
}

plmr_status plmr_reduce_route(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, const char *what)
{
    plmr_flow flow = plmr_flow_allreduce(region, axis, plan);
    return plmr_flow_route(&flow, what);
}

void plmr_allreduce_time(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int64_t n_elements,
                         size_t element_bytes)
{
    plmr_flow flow = plmr_flow_allreduce(region, axis, plan);
    int64_t part = plan->ring ? plmr_ceil_div(n_elements, plan->n) : n_elements;
    plmr_flow_begin(&flow, plmr_device_wavelets(region->device, part * (int64_t)element_bytes));
}
