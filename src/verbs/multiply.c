/* Products: every core multiplies the tiles that it holds. */
#include "time/busy.h"
#include "time/clock.h"
#include "verbs/verbs.h"

#include <stdlib.h>

#include "base/memory.h"

void plmr_multiply_add(plmr_product *product)
{
    plmr_tensor *a = product->a, *b = product->b;
    const plmr_device *device = product->region->device;
    double cycles = plmr_device_multiply_cycles(device, a->dtype, a->width, a->depth, b->width);
    int tiles = a->width_ring->slots * b->width_ring->slots;
    double widen = a->packed.widen_cycles * a->width_ring->slots + b->packed.widen_cycles * b->width_ring->slots;
    plmr_region_multiply(product->region, cycles * tiles + widen, (int64_t)tiles * a->width * a->depth * b->width);
    if (!product->c)
        return;
    PLMR_ASSERT(a->turn == b->turn);
    plmr_product_defer(product, a->turn);
}

/* ---- partial results that converge on the core that keeps their sum ---- */

/* Where the sums of a row of cores go in a turn: in each it is another of the logical rows that a core emulates. */
static int root_of(const plmr_flow *flow, int row, int turn)
{
    const plmr_ring *rows = flow->result->row_ring;
    int x = plmr_ring_position(rows, row) * rows->slots + turn;
    return plmr_product_root(flow->result, plmr_product_slot(flow->result, x, flow->result->b->turn));
}

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    int root = root_of(flow, flow->line, flow->turn);
    for (int core = 0; core < root; core++)
        visit(context, &(plmr_flow_leg){.src = core, .dst = core + 1});
    for (int core = flow->region->extent[PLMR_X] - 1; core > root; core--)
        visit(context, &(plmr_flow_leg){.src = core, .dst = core - 1});
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    int *root = plmr_take(sizeof(int) * (size_t)region->count[PLMR_Y]);
    for (int i = 0; i < flow->turns; i++) {
        for (int r = 0; r < region->count[PLMR_Y]; r++)
            root[r] = root_of(flow, region->first[PLMR_Y] + r, i);
        plmr_region_move(region, PLMR_MOVE_REDUCE, flow->launch);
        plmr_clock_converge(region->clock, root, plmr_way_stream(region->device, words),
                            plmr_way_stream_more(region->device, PLMR_X, words));
    }
    free(root);
}

/* Link i leads up to the roots behind it and down to those before it. A core passes one stream on; a root takes one
 * from each side. */
static void links(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile)
{
    uint64_t n = (uint64_t)flow->region->extent[PLMR_X], each = words / n;
    for (uint64_t i = 0; i < n; i++) {
        bool is_end = i == 0 || i == n - 1;
        if (i + 1 < n) {
            profile->links[PLMR_X][PLMR_LINK_UP][i] += each * (n - 1 - i);
            profile->links[PLMR_X][PLMR_LINK_DOWN][i] += each * (i + 1);
        }
        profile->adding_cycles[PLMR_X][i] += stream / (double)n * (double)(is_end ? n : n + 1);
    }
}

static const plmr_flow_kind converge = {.legs = legs, .clock = advance, .links = links, .by_line = true};

plmr_flow plmr_flow_converge(const plmr_product *result)
{
    int last = result->region->extent[PLMR_X] - 1;
    return (plmr_flow){.kind = &converge,
                       .region = result->region,
                       .axis = PLMR_X,
                       .n_alike =
                           4, /* each side's words come on one and go on another: roots move through every core */
                       .verb = "add up",
                       .of = "C",
                       .turns = result->row_ring->slots,
                       .n_links = (uint64_t)last,
                       .hops = last, /* some row's root is at an end of its row */
                       .stages = last,
                       .launch = result->region->device->collective_launch,
                       .result = result};
}

plmr_status plmr_multiply_converge(plmr_product *product)
{
    const plmr_device *device = product->region->device;
    const plmr_tensor *a = product->a, *b = product->b;
    int logical_rows = product->row_ring->slots, ms = product->ms, ns = product->ns;
    double cycles = plmr_device_multiply_cycles(device, a->dtype, ms, a->depth, ns);
    int64_t tile_bytes = (int64_t)ms * ns * (int64_t)plmr_dtype_bytes(b->dtype);
    PLMR_TRY(plmr_flow_keep(&product->flow, plmr_flow_converge(product), "the partial sums"));
    plmr_region_multiply(product->region, cycles * logical_rows, (int64_t)logical_rows * ms * a->depth * ns);
    plmr_flow_begin(product->flow, plmr_device_wavelets(device, tile_bytes));
    if (product->c)
        plmr_product_defer(product, b->turn);
    return PLMR_OK;
}
