/* C = A B^T: products of stationary tiles of A with passing tiles of B, added along x to the core that keeps the sum.
 */
#include "fabric/clock.h"
#include "fabric/profile.h"
#include "fabric/trace.h"
#include "fabric/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The n slot that logical row x meets in step t, and the column of the core that keeps it. */
static int slot_of(const plmr_product *product, int x, int step)
{
    return (x + step) % product->b->n_slots;
}

static int root_of(const plmr_product *product, int slot)
{
    return plmr_ring_core(product->col_ring, slot / product->col_ring->slots);
}

/* ---- time plane ---- */

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
        root[r] = root_of(product, slot_of(product, x, product->b->turn));
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

/* ---- data plane ---- */

/* The deferred steps: C tiles (p, s) of local logical row p in step first + s, and their sums on the way. */
struct batch {
    plmr_product *product;
    plmr_exchange *messages;
    float *low, *high; /* tiles on their way from the low and the high side: [p][s][ms][ns] */
    float *own;        /* one tile */
    int *row_slot;     /* logical row of p */
    int *local_k;      /* by local column: its place among the k chunks of this block's lines */
    int n_rows, n_steps, first_col, n_cols;
    size_t tile;
};

static void add_core(const struct batch *batch, int p, int slot, int col, float *sum)
{
    const plmr_product *product = batch->product;
    const plmr_tensor *a = product->a, *b = product->b;
    int position = plmr_ring_position(a->depth_ring, batch->first_col + col);
    const char *a_tile = (const char *)a->line[position] + (size_t)p * a->tile_bytes;
    const char *b_tile = (const char *)b->line[slot] + (size_t)batch->local_k[col] * b->tile_bytes;
    plmr_tile_product_add(a->dtype, product->accumulate, a->depth, product->ms, product->ns, a_tile, b_tile, sum,
                          (size_t)product->ns);
}

/* This block's part of a side's chains, for the tiles whose root lies on or beyond the near edge. */
static void chain_tiles(const struct batch *batch, int step, float *sums)
{
    for (int p = 0; p < batch->n_rows; p++)
        for (int s = 0; s < batch->n_steps; s++) {
            int slot = slot_of(batch->product, batch->row_slot[p], batch->product->first_step + s);
            int root = root_of(batch->product, slot) - batch->first_col;
            float *sum = sums + ((size_t)p * (size_t)batch->n_steps + (size_t)s) * batch->tile;
            for (int c = step > 0 ? 0 : batch->n_cols - 1; c >= 0 && c < batch->n_cols && (root - c) * step > 0;
                 c += step)
                add_core(batch, p, slot, c, sum);
        }
}

static void pass_side(const struct batch *batch, int step, float *sums)
{
    const plmr_ranks *ranks = batch->product->region->ranks;
    int place = plmr_ranks_place(ranks, PLMR_X), last = plmr_ranks_extent(ranks, PLMR_X) - 1;
    size_t n_bytes = (size_t)batch->n_rows * (size_t)batch->n_steps * batch->tile * sizeof(float);
    memset(sums, 0, n_bytes);
    if (place - step >= 0 && place - step <= last) {
        plmr_exchange_receive(batch->messages, PLMR_X, place - step, sums, n_bytes);
        plmr_exchange_wait(batch->messages);
    }
    chain_tiles(batch, step, sums);
    if (place + step >= 0 && place + step <= last)
        plmr_exchange_send(batch->messages, PLMR_X, place + step, sums, n_bytes);
}

/* Column of C's chunk `slot` in this block's memory. */
static size_t local_col(const plmr_product *product, int slot)
{
    const plmr_ring *ring = product->col_ring;
    int before = 0, i = 0;
    while (slot < ring->runs[i].first || slot >= ring->runs[i].first + ring->runs[i].count)
        before += ring->runs[i++].count;
    return (size_t)(before + slot - ring->runs[i].first) * (size_t)product->ns;
}

static void finish_tile(const struct batch *batch, int p, int s, int slot, int col)
{
    plmr_product *product = batch->product;
    size_t at = ((size_t)p * (size_t)batch->n_steps + (size_t)s) * batch->tile, ns = (size_t)product->ns;
    float *own = batch->own;
    memset(own, 0, batch->tile * sizeof *own);
    add_core(batch, p, slot, col, own);
    if (batch->first_col + col > 0)
        plmr_vector_add(product->accumulate, (int64_t)batch->tile, batch->low + at, own);
    if (batch->first_col + col < product->region->extent[PLMR_X] - 1)
        plmr_vector_add(product->accumulate, (int64_t)batch->tile, batch->high + at, own);
    float *c = product->c + (size_t)p * (size_t)product->ms * product->ld + local_col(product, slot);
    for (int i = 0; i < product->ms; i++)
        memcpy(c + (size_t)i * product->ld, own + (size_t)i * ns, ns * sizeof *own);
}

static void finish_tiles(const struct batch *batch)
{
    for (int p = 0; p < batch->n_rows; p++)
        for (int s = 0; s < batch->n_steps; s++) {
            int slot = slot_of(batch->product, batch->row_slot[p], batch->product->first_step + s);
            int col = root_of(batch->product, slot) - batch->first_col;
            if (col >= 0 && col < batch->n_cols)
                finish_tile(batch, p, s, slot, col);
        }
}

/* Ranks of the lower half carry the low side first, those of the upper half the high side, so that both flow at once.
 */
static void converge_batch(const struct batch *batch)
{
    const plmr_ranks *ranks = batch->product->region->ranks;
    bool low_first = 2 * plmr_ranks_place(ranks, PLMR_X) < plmr_ranks_extent(ranks, PLMR_X);
    if (low_first)
        pass_side(batch, 1, batch->low);
    pass_side(batch, -1, batch->high);
    if (!low_first)
        pass_side(batch, 1, batch->low);
    plmr_exchange_wait(batch->messages);
    finish_tiles(batch);
}

static void list_slots(const plmr_ring *ring, int *slot)
{
    for (int i = 0, p = 0; i < ring->n_runs; i++)
        for (int x = 0; x < ring->runs[i].count; x++)
            slot[p++] = ring->runs[i].first + x;
}

static void list_local_k(const plmr_ring *ring, int first_col, int n_cols, int *local_k)
{
    for (int col = 0; col < n_cols; col++) {
        int position = plmr_ring_position(ring, first_col + col), before = 0, i = 0;
        while (position < ring->runs[i].first || position >= ring->runs[i].first + ring->runs[i].count)
            before += ring->runs[i++].count;
        local_k[col] = before + position - ring->runs[i].first;
    }
}

static void fill_batch(struct batch *batch)
{
    plmr_product *product = batch->product;
    size_t n = (size_t)batch->n_rows * (size_t)batch->n_steps * batch->tile;
    batch->low = plmr_take(n * sizeof(float));
    batch->high = plmr_take(n * sizeof(float));
    batch->own = plmr_take(batch->tile * sizeof(float));
    batch->row_slot = plmr_take((size_t)batch->n_rows * sizeof(int));
    batch->local_k = plmr_take((size_t)batch->n_cols * sizeof(int));
    list_slots(product->row_ring, batch->row_slot);
    list_local_k(product->a->depth_ring, batch->first_col, batch->n_cols, batch->local_k);
    batch->messages = plmr_exchange_create(product->region->ranks);
}

void plmr_product_converge(plmr_product *product)
{
    struct batch batch = {
        .product = product,
        .n_rows = plmr_ring_local_slots(product->row_ring),
        .n_steps = product->n_steps,
        .first_col = product->region->first[PLMR_X],
        .n_cols = product->region->count[PLMR_X],
        .tile = (size_t)product->ms * (size_t)product->ns,
    };
    fill_batch(&batch);
    converge_batch(&batch);
    plmr_exchange_destroy(batch.messages);
    free(batch.local_k);
    free(batch.row_slot);
    free(batch.own);
    free(batch.high);
    free(batch.low);
}
