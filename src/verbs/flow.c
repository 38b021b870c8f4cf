#include "verbs/flow.h"

#include <stdlib.h>

#include "base/memory.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"

/* ---- links ---- */

/* Links crossed on the straight way between two cores of a line. */
static void cross(plmr_profile *profile, enum plmr_axis axis, int from, int to, uint64_t words)
{
    for (int i = from; i < to; i++)
        profile->links[axis][PLMR_LINK_UP][i] += words;
    for (int i = to; i < from; i++)
        profile->links[axis][PLMR_LINK_DOWN][i] += words;
}

/* The same round a torus, over the link that closes it. */
static void cross_round(plmr_profile *profile, enum plmr_axis axis, int from, int to, uint64_t words)
{
    int last = profile->extent[axis] - 1;
    bool up = from > to;
    cross(profile, axis, from, up ? last : 0, words);
    profile->links[axis][up ? PLMR_LINK_UP : PLMR_LINK_DOWN][last] += words;
    cross(profile, axis, up ? 0 : last, to, words);
}

/* Legs as they are counted: those that share links have crossed those between `low` and `high`. */
struct count {
    const plmr_flow *flow;
    plmr_profile *profile;
    uint64_t words, n_links, n_borders;
    double stream;
    int phase, src, low, high;
};

static int borders_between(const plmr_flow *flow, bool wraps, int from, int to)
{
    int n = flow->region->extent[flow->axis];
    return wraps ? plmr_way_round(flow->region->device, flow->axis, n, from, to).borders
                 : plmr_way_borders(flow->region->device, flow->axis, from, to);
}

static void count_way(struct count *count, bool wraps, int from, int to)
{
    const plmr_flow *flow = count->flow;
    int straight = abs(to - from);
    count->n_links += (uint64_t)(wraps ? flow->region->extent[flow->axis] - straight : straight);
    if (flow->region)
        count->n_borders += (uint64_t)borders_between(flow, wraps, from, to);
    if (count->profile)
        (wraps ? cross_round : cross)(count->profile, flow->axis, from, to, count->words);
}

static void count_leg(void *context, const plmr_flow_leg *leg)
{
    struct count *count = context;
    if (!leg->shares || leg->phase != count->phase || leg->src != count->src)
        count->low = count->high = leg->src;
    count->phase = leg->phase;
    count->src = leg->src;
    if (leg->dst < count->low)
        count_way(count, leg->wraps, count->low, leg->dst);
    if (leg->dst > count->high)
        count_way(count, leg->wraps, count->high, leg->dst);
    count->low = leg->dst < count->low ? leg->dst : count->low;
    count->high = leg->dst > count->high ? leg->dst : count->high;
    if (count->profile && count->flow->kind->streams)
        count->profile->adding_cycles[count->flow->axis][leg->dst] += count->stream;
}

uint64_t plmr_flow_count(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile)
{
    struct count count = {.flow = flow, .profile = profile, .words = words, .stream = stream, .phase = -1};
    flow->kind->legs(flow, count_leg, &count);
    return count.n_links;
}

/* The same, `words` and `stream` being those of all lines and turns together. */
static void count_all(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile)
{
    plmr_flow one = *flow;
    int n_lines = flow->kind->by_line ? flow->region->extent[!flow->axis] : 1;
    int n_turns = flow->kind->by_line ? flow->turns : 1, n = n_lines * n_turns;
    for (one.line = 0; one.line < n_lines; one.line++)
        for (one.turn = 0; one.turn < n_turns; one.turn++)
            plmr_flow_count(&one, words / (uint64_t)n, stream / n, profile);
}

/* Borders that a word crosses, in all lines and turns. */
static uint64_t count_borders(const plmr_flow *flow)
{
    plmr_flow one = *flow;
    int n_lines = flow->region->extent[!flow->axis], n_turns = flow->turns;
    struct count count = {.flow = &one, .phase = -1};
    if (plmr_way_pitch(flow->region->device, flow->axis) == 0 || !flow->kind->legs)
        return 0;
    if (!flow->kind->by_line) {
        flow->kind->legs(&one, count_leg, &count);
        return count.n_borders * (uint64_t)n_lines * (uint64_t)n_turns;
    }
    for (one.line = 0; one.line < n_lines; one.line++)
        for (one.turn = 0; one.turn < n_turns; one.turn++) {
            count.phase = -1; /* what shares a link with the legs before it does so in its own line and turn */
            one.kind->legs(&one, count_leg, &count);
        }
    return count.n_borders;
}

static void charge_links(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    uint64_t lines = (uint64_t)region->extent[!flow->axis];
    uint64_t all = plmr_count_more(0, plmr_count_more(0, (uint64_t)words, (uint64_t)flow->turns), lines);
    double stream = plmr_way_stream(region->device, words) * flow->turns * (double)lines;
    if (region->profile && flow->kind->links)
        flow->kind->links(flow, all, stream, region->profile);
    else if (region->profile)
        count_all(flow, all, stream, region->profile);
    region->ledger.wavelet_hops = plmr_count_more(region->ledger.wavelet_hops, all, flow->n_links);
    uint64_t borders = count_borders(flow);
    region->ledger.border_hops = plmr_count_more(region->ledger.border_hops, (uint64_t)words, borders);
    region->ledger.parts |=
        PLMR_PART_LINKS | (borders ? PLMR_PART_BORDERS : 0u) | (flow->stages > 0 ? PLMR_PART_STAGE : 0u);
}

/* ---- carrying a flow out ---- */

int plmr_flow_routes(const plmr_flow *flow, int *cores)
{
    if (flow->kind->routes)
        return flow->kind->routes(flow, cores);
    for (int core = 0; core < flow->region->extent[flow->axis]; core++)
        cores[core] = flow->n_alike;
    return flow->n_alike;
}

plmr_status plmr_flow_route(const plmr_flow *flow, const char *what)
{
    int *cores = plmr_take_zeroed((size_t)flow->region->extent[flow->axis], sizeof *cores);
    int n_program = plmr_flow_routes(flow, cores);
    plmr_status status = plmr_region_route(flow->region, what, flow->axis, cores, n_program);
    free(cores);
    return status;
}

plmr_status plmr_flow_keep(plmr_flow **kept, plmr_flow flow, const char *what)
{
    if (*kept)
        return PLMR_OK;
    PLMR_TRY(plmr_flow_route(&flow, what));
    *kept = plmr_take(sizeof flow);
    **kept = flow;
    return PLMR_OK;
}

void plmr_flow_begin(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    if (flow->verb)
        plmr_trace_verb(region, flow->verb, flow->of);
    flow->kind->clock(flow, words);
    plmr_region_path(region, flow->axis, flow->hops, flow->stages);
    if (!plmr_clock_is_under_way(region->clock, flow->axis))
        plmr_region_end_path(region, flow->axis);
    charge_links(flow, words);
    plmr_region_pace(region);
}

void plmr_flow_join(plmr_region *region, enum plmr_axis axis)
{
    plmr_clock_join(region->clock, axis);
    plmr_region_end_path(region, axis);
}

void plmr_flow_end(const plmr_flow *flow)
{
    plmr_flow_join(flow->region, flow->axis);
}

void plmr_flow_run(const plmr_flow *flow, int64_t words)
{
    plmr_flow_begin(flow, words);
    plmr_flow_end(flow);
}

double plmr_flow_launch(const plmr_flow *flow, int64_t words)
{
    const plmr_device *device = flow->region->device;
    return device->shift_launch + device->shift_wavelet * (double)words;
}

void plmr_flow_stream(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    plmr_leg_stream stream = {plmr_way_stream(region->device, words),
                              plmr_way_stream_more(region->device, flow->axis, words), flow->forward};
    for (int p = flow->first; p < flow->end; p++) {
        const plmr_phase *phase = &flow->plan->phases[p];
        if (flow->launch > 0)
            plmr_region_move(region, PLMR_MOVE_REDUCE, flow->launch);
        stream.forward = phase->whole ? PLMR_WHOLE_VECTOR : flow->forward;
        plmr_clock_reduce(region->clock, flow->axis, phase->legs, phase->n_legs, stream);
    }
}
