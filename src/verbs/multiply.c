#include "verbs/verbs.h"

#include <stdlib.h>

#include "base/memory.h"
#include "time/clock.h"
#include "time/trace.h"
#include "time/traffic.h"

plmr_status plmr_multiply_add(plmr_product *product)
{
    plmr_tensor *a = product->a, *b = product->b;
    const plmr_device *device = product->region->device;
    double cycles = plmr_device_multiply_cycles(device, a->dtype, a->width, a->depth, b->width);
    int tiles = a->width_ring->slots * b->width_ring->slots;
    plmr_region_multiply(product->region, cycles * tiles, (int64_t)tiles * a->width * a->depth * b->width);
    if (!product->c)
        return PLMR_OK;
    PLMR_ASSERT(a->turn == b->turn);
    return plmr_product_defer(product, a->turn);
}

/* ---- products that converge on the core that keeps them ---- */

static plmr_status route_chains(plmr_product *product)
{
    int n = product->region->extent[PLMR_X];
    if (product->routed)
        return PLMR_OK;
    product->routed = true;
    int *profile = plmr_take(sizeof(int) * (size_t)n);
    for (int core = 0; core < n; core++)
        profile[core] =
            4; /* each side's words come on one route and go on another, as the root moves through every core */
    plmr_status status = plmr_region_route(product->region, "the partial sums", PLMR_X, profile, 4);
    free(profile);
    return status;
}

/* The chains of the i-th logical row that each core emulates. */
static void time_chains(plmr_product *product, int i, double stream, int *root)
{
    plmr_region *region = product->region;
    const plmr_ring *rows = product->row_ring;
    for (int r = 0; r < region->count[PLMR_Y]; r++) {
        int x = plmr_ring_position(rows, region->first[PLMR_Y] + r) * rows->slots + i;
        root[r] = plmr_product_root(product, plmr_product_slot(product, x, product->b->turn));
    }
    plmr_trace_verb(region, "add up", "C");
    plmr_region_move(region, PLMR_MOVE_REDUCE, region->device->collective_launch);
    plmr_clock_converge(region->clock, root, stream);
}

static void time_step(plmr_product *product)
{
    plmr_region *region = product->region;
    const plmr_device *device = region->device;
    const plmr_tensor *a = product->a, *b = product->b;
    int logical_rows = product->row_ring->slots, n = region->extent[PLMR_X];
    double cycles = plmr_device_multiply_cycles(device, a->dtype, product->ms, a->depth, product->ns);
    int64_t words =
        plmr_device_wavelets(device, (int64_t)product->ms * product->ns * (int64_t)plmr_dtype_bytes(b->dtype));
    int *root = plmr_take(sizeof(int) * (size_t)region->count[PLMR_Y]);
    int64_t n_macs = (int64_t)logical_rows * product->ms * a->depth * product->ns;
    plmr_region_multiply(region, cycles * logical_rows, n_macs);
    for (int i = 0; i < logical_rows; i++)
        time_chains(product, i, plmr_way_stream(device, words), root);
    free(root);
    plmr_region_path(region, PLMR_X, n - 1, n - 1); /* some row's root is at an end of its row */
    plmr_traffic_chains(region, plmr_ring_slots(product->row_ring) / n, words);
}

plmr_status plmr_multiply_converge(plmr_product *product)
{
    PLMR_TRY(route_chains(product));
    time_step(product);
    return product->c ? plmr_product_defer(product, product->b->turn) : PLMR_OK;
}
