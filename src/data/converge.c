/* C = A B^T: products of stationary tiles of A with passing tiles of B, added along x to the core that keeps the sum.
 */
#include "data/product_way.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The n slot that logical row x meets in step t, and the column of the core that keeps it. */
int plmr_product_slot(const plmr_product *product, int x, int step)
{
    return (x + step) % product->b->n_slots;
}

int plmr_product_root(const plmr_product *product, int slot)
{
    return plmr_ring_core(product->col_ring, slot / product->col_ring->slots);
}

/* The deferred steps: C tiles (p, s) of local logical row p in step first + s, and their sums on the way. */
struct batch {
    plmr_product *product;
    plmr_exchange *messages;
    float *low, *high; /* tiles on their way from the low and the high side: [p][s][ms][ns] */
    float *own;        /* one tile */
    int n_rows, n_steps, first_col, n_cols;
    size_t tile;
};

static int slot_of(const struct batch *batch, int p, int s)
{
    const plmr_product *product = batch->product;
    return plmr_product_slot(product, plmr_ring_local_slot(product->row_ring, p), product->first_step + s);
}

static void add_core(const struct batch *batch, int p, int slot, int col, float *sum)
{
    const plmr_product *product = batch->product;
    const plmr_tensor *a = product->a, *b = product->b;
    int position = plmr_ring_position(a->depth_ring, batch->first_col + col);
    size_t local_k = (size_t)plmr_ring_local_number(a->depth_ring, position);
    const char *a_tile = (const char *)a->line[position] + (size_t)p * a->tile_bytes;
    const char *b_tile = (const char *)b->line[slot] + local_k * b->tile_bytes;
    plmr_tile_product_add(NULL, a->dtype, product->accumulate, a->depth, product->ms, product->ns, a_tile, b_tile, sum,
                          (size_t)product->ns);
}

/* This block's part of a side's chains, for the tiles whose root lies on or beyond the near edge. */
static void chain_tiles(const struct batch *batch, int step, float *sums)
{
    for (int p = 0; p < batch->n_rows; p++)
        for (int s = 0; s < batch->n_steps; s++) {
            int slot = slot_of(batch, p, s);
            int root = plmr_product_root(batch->product, slot) - batch->first_col;
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
    float *c = product->c + (size_t)p * (size_t)product->ms * product->ld +
               (size_t)plmr_ring_local_number(product->col_ring, slot) * ns;
    for (int i = 0; i < product->ms; i++)
        memcpy(c + (size_t)i * product->ld, own + (size_t)i * ns, ns * sizeof *own);
}

static void finish_tiles(const struct batch *batch)
{
    for (int p = 0; p < batch->n_rows; p++)
        for (int s = 0; s < batch->n_steps; s++) {
            int slot = slot_of(batch, p, s);
            int col = plmr_product_root(batch->product, slot) - batch->first_col;
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

static void fill_batch(struct batch *batch)
{
    plmr_product *product = batch->product;
    size_t n = (size_t)batch->n_rows * (size_t)batch->n_steps * batch->tile;
    batch->low = plmr_take(n * sizeof(float));
    batch->high = plmr_take(n * sizeof(float));
    batch->own = plmr_take(batch->tile * sizeof(float));
    batch->messages = plmr_exchange_create(product->region->ranks, "the sums of a product");
}

static void run(plmr_product *product, bool open_ended)
{
    (void)open_ended;
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
    free(batch.own);
    free(batch.high);
    free(batch.low);
}

const plmr_product_way plmr_product_by_chains = {run, NULL};
