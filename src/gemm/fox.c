#include "gemm/gemm.h"
#include "time/busy.h"
#include "time/clock.h"

#include <string.h>

#include "base/memory.h"

/* ---- the multicast of a diagonal: in every row of cores another one sends ---- */

/* In step flow->from logical row x needs k slot x + from. A core's logical rows take turns. */
static int source_of(const plmr_flow *flow, int row, int turn)
{
    const plmr_ring *rows = flow->result->row_ring, *cols = flow->ring;
    int slot = plmr_ring_position(rows, row) * rows->slots + turn + flow->from;
    return plmr_ring_core(cols, slot % plmr_ring_slots(cols) / cols->slots);
}

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    plmr_flow_fan_legs(flow, source_of(flow, flow->line, flow->turn), visit, context);
}

/* From every source, for in each step it is another row's turn. */
static const double *arrivals_of(const plmr_flow *flow, int64_t words)
{
    const plmr_region *region = flow->region;
    int n = region->extent[PLMR_X], first = region->first[PLMR_X], n_cols = region->count[PLMR_X];
    double *cycles = flow->arrivals->cycles;
    for (int from = 0; from < n && flow->arrivals->words != words; from++)
        for (int col = first; col < first + n_cols; col++)
            *cycles++ = plmr_flow_arrival(flow, from, col, (double)words);
    flow->arrivals->words = words;
    return flow->arrivals->cycles;
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    const double *arrivals = arrivals_of(flow, words);
    size_t n_cols = (size_t)region->count[PLMR_X];
    for (int turn = 0; turn < flow->turns; turn++) {
        double *after = plmr_clock_multicast_by_row(region->clock);
        for (int i = 0; i < region->count[PLMR_Y]; i++, after += n_cols) {
            int from = source_of(flow, region->first[PLMR_Y] + i, turn);
            memcpy(after, arrivals + (size_t)from * n_cols, n_cols * sizeof *after);
        }
        plmr_region_move(region, PLMR_MOVE_MULTICAST, plmr_flow_launch(flow, words));
    }
}

/* Every column sends as often: link i passes on what comes from before it, and back what comes from behind. */
static void links(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile)
{
    uint64_t n = (uint64_t)flow->region->extent[PLMR_X], each = words / n;
    (void)stream;
    for (uint64_t i = 0; i + 1 < n; i++) {
        profile->links[PLMR_X][PLMR_LINK_UP][i] += each * (i + 1);
        profile->links[PLMR_X][PLMR_LINK_DOWN][i] += each * (n - 1 - i);
    }
}

static const plmr_flow_kind diagonal = {.legs = legs, .clock = advance, .links = links, .by_line = true};

/* The longest path is that of the row whose source lies nearest to an end. */
static plmr_flow make_diagonal(const plmr_gemm *g, int step, int n_routes)
{
    plmr_flow flow = plmr_flow_multicast(g->region, PLMR_X, 0, n_routes, "A");
    flow.kind = &diagonal;
    flow.ring = g->x;
    flow.result = g->c;
    flow.from = step;
    flow.arrivals = g->arrivals;
    flow.turns = g->y->slots;
    flow.hops = flow.stages = 0;
    for (int turn = 0; turn < flow.turns; turn++) {
        plmr_flow longest = {.hops = -1};
        for (int row = 0; row < g->region->extent[PLMR_Y]; row++) {
            plmr_flow one = plmr_flow_multicast(g->region, PLMR_X, source_of(&flow, row, turn), n_routes, "A");
            longest = one.hops > longest.hops ? one : longest;
        }
        flow.hops += longest.hops;
        flow.stages += longest.stages;
    }
    return flow;
}

static plmr_status multicast(plmr_gemm *g, int step, int n_routes)
{
    plmr_flow flow = make_diagonal(g, step, n_routes);
    PLMR_TRY(plmr_flow_keep(&g->a->flow, flow, "A"));
    *g->a->flow = flow;
    plmr_flow_run(&flow, plmr_device_wavelets(g->region->device, (int64_t)g->a->tile_bytes));
    g->a->turn = step;
    return PLMR_OK;
}

/* ---- the program ---- */

/* Routes for the multicasts, which are all along x: what B's rolls leave. */
static int routes_left(const plmr_gemm *g)
{
    int left = plmr_region_routes_left(g->region), n = g->region->extent[PLMR_X];
    return g->region->options.allow_routes || left > n ? n : left < 1 ? 1 : left;
}

static plmr_fan_arrivals *take_arrivals(const plmr_region *region)
{
    size_t n = (size_t)region->extent[PLMR_X] * (size_t)region->count[PLMR_X];
    plmr_fan_arrivals *arrivals = plmr_take(sizeof *arrivals + n * sizeof *arrivals->cycles);
    arrivals->words = -1;
    return arrivals;
}

/* A core has one buffer for A, so the next multicast waits until it has multiplied; B rolls meanwhile. */
static plmr_status run(plmr_gemm *g)
{
    PLMR_TRY(plmr_flow_keep(&g->b->flow, plmr_flow_exchange(g->y, "shift", "B"), "B"));
    int n_routes = routes_left(g);
    g->arrivals = take_arrivals(g->region);
    for (int step = 0; step < g->layout.n_slots; step++) {
        PLMR_TRY(multicast(g, step, n_routes));
        PLMR_TRY(plmr_shift_begin(g->b));
        plmr_multiply_add(g->c);
        plmr_shift_end(g->b);
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_fox = {
    .name = "fox",
    .summary = "a diagonal of A multicasts along rows, B rolls up interleaved rings: O(N) routes or relays, O(1/N^2) "
               "memory",
    .ring = PLMR_INTERLEAVED,
    .delivery = {PLMR_BY_DIAGONAL, PLMR_BY_RING},
    .n_buffers = 1,
    .run = run,
};
