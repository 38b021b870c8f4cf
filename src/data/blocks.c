/* Products of which only one operand is split between ranks: all its lines come to every rank, but for a block of its
 * width chunks at a time. A block's steps are all done in one go, and the next block travels meanwhile. So lines are
 * never cut, nothing needs aligning, and what is in flight is small. */
#include "data/product_way.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A block is at most this share of operands and result, and two are in memory; it has some register tiles at least.
 * The other operand is packed once for every block, so they are as large as memory allows. */
enum { SHARE = 8, LEAST_WIDTH = 64 };

typedef struct plmr_blocks {
    plmr_product *product;
    const plmr_tensor *moving;
    plmr_exchange *messages;
    int most;      /* chunks of a block */
    char *buffer;  /* two turns: each the tiles of all ranks, one after the other */
    int *n_before; /* by place: lines of the ranks before it */
    size_t turn_bytes;
    const void **line; /* of the block at hand */
    int n_done, n_all; /* chunks */
} plmr_blocks;

/* Local chunks [first, first + n), in one run of slots. */
struct block {
    int first, n;
    plmr_run run;
};

static const plmr_ranks *ranks_of(const plmr_blocks *b)
{
    return b->moving->region->ranks;
}

/* The block from local chunk `first` on; n = 0 after the last. */
static struct block block_at(const plmr_blocks *b, int first)
{
    const plmr_ring *ring = b->moving->width_ring;
    struct block block = {.first = first};
    for (int i = 0, before = 0; i < ring->n_runs; before += ring->runs[i++].count) {
        int left = before + ring->runs[i].count - first;
        if (left <= 0)
            continue;
        block.n = left < b->most ? left : b->most;
        block.run = (plmr_run){ring->runs[i].first + first - before, block.n};
        break;
    }
    return block;
}

/* This rank's tiles of a block, line after line. */
static void pack(const plmr_blocks *b, const struct block *block, char *to)
{
    const plmr_tensor *t = b->moving;
    size_t piece = (size_t)block->n * t->tile_bytes, at = (size_t)block->first * t->tile_bytes;
    for (int slot = 0; slot < t->n_slots; slot++)
        if (t->line[slot]) {
            memcpy(to, (const char *)t->line[slot] + at, piece);
            to += piece;
        }
}

/* Where the tiles of the rank at `place` lie in a turn's buffer, and how many bytes they are. */
static char *place_in(const plmr_blocks *b, const struct block *block, int turn, int place, size_t *n_bytes)
{
    size_t piece = (size_t)block->n * b->moving->tile_bytes;
    *n_bytes = piece * (size_t)(b->n_before[place + 1] - b->n_before[place]);
    return b->buffer + (size_t)turn * b->turn_bytes + piece * (size_t)b->n_before[place];
}

static void post(const plmr_blocks *b, const struct block *block, int turn)
{
    enum plmr_axis axis = b->moving->depth_ring->axis;
    int me = plmr_ranks_place(ranks_of(b), axis);
    size_t own_bytes, n_bytes;
    char *own = place_in(b, block, turn, me, &own_bytes);
    pack(b, block, own);
    for (int place = 0; place < plmr_ranks_extent(ranks_of(b), axis); place++) {
        char *theirs = place_in(b, block, turn, place, &n_bytes);
        if (place == me)
            continue;
        plmr_exchange_receive(b->messages, axis, place, theirs, n_bytes);
        plmr_exchange_send(b->messages, axis, place, own, own_bytes);
    }
}

/* Lines go by slot, as their owners sent them: run after run. */
static void list_lines(const plmr_blocks *b, const struct block *block, int turn)
{
    const plmr_tensor *t = b->moving;
    size_t piece = (size_t)block->n * t->tile_bytes;
    const char *at = b->buffer + (size_t)turn * b->turn_bytes;
    for (int place = 0; place < plmr_ranks_extent(ranks_of(b), t->depth_ring->axis); place++) {
        plmr_run runs[2];
        int n_runs = plmr_ring_runs(t->depth_ring, place, runs);
        for (int i = 0; i < n_runs; i++)
            for (int slot = runs[i].first; slot < runs[i].first + runs[i].count; slot++, at += piece)
                b->line[slot] = at;
    }
}

static void while_running(void *context, double share)
{
    const plmr_blocks *b = context;
    plmr_exchange_poll(b->messages);
    plmr_product_progress(b->product, (b->n_done + share * b->most) / b->n_all);
}

static void multiply(plmr_blocks *b, const struct block *block)
{
    plmr_product *product = b->product;
    plmr_gemm_block steps = plmr_product_block(product);
    size_t at = (size_t)block->first * (size_t)b->moving->width;
    if (b->moving == product->a) {
        steps.n_row_runs = 1;
        steps.row_runs = &block->run;
        steps.a_line = b->line;
        steps.c += at * product->ld;
    } else {
        steps.n_col_runs = 1;
        steps.col_runs = &block->run;
        steps.b_line = b->line;
        steps.c += at;
    }
    steps.progress = while_running;
    steps.progress_context = b;
    plmr_gemm_block_run(&steps, plmr_region_scratch(product->region));
}

/* The same number of blocks, as equal as can be. */
static int even_out(const plmr_ring *width_ring, int64_t chunks)
{
    int64_t longest = 1;
    for (int i = 0; i < width_ring->n_runs; i++)
        longest = width_ring->runs[i].count > longest ? width_ring->runs[i].count : longest;
    return (int)plmr_ceil_div(longest, plmr_ceil_div(longest, chunks));
}

/* Alike on all ranks of the line: they have the same chunks of the width. */
static int choose_width(const plmr_product *product, const plmr_tensor *moving)
{
    const plmr_tensor *still = moving == product->a ? product->b : product->a;
    int64_t parts = plmr_ranks_extent(moving->region->ranks, moving->depth_ring->axis);
    int64_t lines = (int64_t)moving->line_bytes * moving->n_slots / parts;
    int64_t width = (int64_t)(moving == product->a ? product->n_rows : product->n_cols);
    int64_t other = plmr_ring_slots(still->width_ring) / parts * still->width;
    int64_t held = lines + other * still->depth * still->n_slots * (int64_t)plmr_dtype_bytes(still->dtype) +
                   width * other * (int64_t)sizeof(float);
    int64_t chunk_bytes = (int64_t)moving->tile_bytes * moving->n_slots, chunks = held / SHARE / chunk_bytes;
    int64_t least = plmr_ceil_div(LEAST_WIDTH, moving->width);
    return even_out(moving->width_ring, chunks < least ? least : chunks);
}

static void list_places(plmr_blocks *b)
{
    int n_places = plmr_ranks_extent(ranks_of(b), b->moving->depth_ring->axis);
    b->n_before = plmr_take_zeroed((size_t)n_places + 1, sizeof *b->n_before);
    for (int place = 0; place < n_places; place++) {
        plmr_run runs[2] = {{0, 0}, {0, 0}};
        plmr_ring_runs(b->moving->depth_ring, place, runs);
        b->n_before[place + 1] = b->n_before[place] + runs[0].count + runs[1].count;
    }
}

/* Memory is touched here, so that no run pays for the system's finding of it. */
static plmr_status fill_blocks(plmr_blocks *b)
{
    const plmr_tensor *t = b->moving;
    b->most = choose_width(b->product, t);
    b->n_all = t->n_tiles;
    b->turn_bytes = (size_t)b->most * t->tile_bytes * (size_t)t->n_slots;
    b->buffer = plmr_slab_create(2 * b->turn_bytes);
    b->line = plmr_take_zeroed((size_t)t->n_slots, sizeof *b->line);
    PLMR_CHECK(b->buffer, PLMR_ERROR_SYSTEM, "out of memory for %zu bytes of messages; use more ranks",
               2 * b->turn_bytes);
    memset(b->buffer, 0, 2 * b->turn_bytes);
    list_places(b);
    b->messages = plmr_exchange_create(t->region->ranks, "a shift of tiles");
    return PLMR_OK;
}

static void destroy(plmr_product *product)
{
    plmr_blocks *b = product->way_context;
    if (!b)
        return;
    plmr_exchange_destroy(b->messages);
    plmr_slab_destroy(b->buffer);
    free(b->line);
    free(b->n_before);
    free(b);
}

plmr_status plmr_product_make_blocks(plmr_product *product)
{
    plmr_blocks *b = product->way_context = plmr_take_zeroed(1, sizeof *b);
    b->product = product;
    b->moving = product->a->by_blocks ? product->a : product->b;
    return fill_blocks(b);
}

/* Steps are never cut short: other ranks' tiles are all there. */
static void run(plmr_product *product, bool open_ended)
{
    plmr_blocks *b = product->way_context;
    (void)open_ended;
    struct block block = block_at(b, 0);
    int turn = 0;
    b->n_done = 0;
    if (block.n)
        post(b, &block, turn);
    for (struct block next; block.n; block = next, turn = !turn) {
        plmr_exchange_wait(b->messages);
        list_lines(b, &block, turn);
        next = block_at(b, block.first + block.n);
        if (next.n)
            post(b, &next, !turn);
        multiply(b, &block);
        b->n_done += block.n;
    }
}

const plmr_product_way plmr_product_by_blocks = {run, destroy};
