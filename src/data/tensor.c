#include "data/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* Of a tile, in a core. */
static int64_t held_bytes(const plmr_tensor *tensor)
{
    return tensor->packed.n_bytes ? tensor->packed.n_bytes : (int64_t)tensor->tile_bytes;
}

plmr_status plmr_tensor_create(const plmr_tensor *what, plmr_tensor **out)
{
    plmr_tensor tensor = *what;
    const plmr_ring *deep = what->depth_ring, *wide = what->width_ring;
    bool by_ring = what->delivery == PLMR_BY_RING;
    tensor.n_slots = plmr_ring_slots(deep);
    tensor.n_tiles = plmr_ring_local_slots(wide);
    tensor.split = what->delivery != PLMR_BY_NOBODY && plmr_ranks_extent(what->region->ranks, deep->axis) > 1;
    tensor.by_blocks = what->by_blocks && tensor.split && by_ring;
    tensor.lag = by_ring && !what->width_major ? PLMR_LAG(what->width) : 0;
    tensor.phase = -what->window;
    tensor.tile_bytes = (size_t)what->depth * (size_t)what->width * plmr_dtype_bytes(what->dtype);
    tensor.line_bytes = tensor.tile_bytes * (size_t)tensor.n_tiles;
    int64_t widened = what->packed.n_bytes ? (int64_t)tensor.tile_bytes : 0;
    tensor.core_bytes = held_bytes(&tensor) * wide->slots * (deep->slots + what->n_buffers) + widened;
    PLMR_TRY(plmr_region_charge(what->region, what->name, tensor.core_bytes));
    tensor.line = plmr_take_zeroed((size_t)tensor.n_slots, sizeof *tensor.line);
    tensor.messages = plmr_exchange_create(what->region->ranks, "a move of tiles");
    *out = plmr_take(sizeof tensor);
    **out = tensor;
    return PLMR_OK;
}

void plmr_tensor_destroy(plmr_tensor *tensor)
{
    if (!tensor)
        return;
    plmr_region_release(tensor->region, tensor->core_bytes);
    plmr_exchange_destroy(tensor->messages);
    plmr_slab_destroy(tensor->slab);
    free(tensor->spare);
    free(tensor->line);
    free(tensor->flow);
    free(tensor);
}

int64_t plmr_tensor_wavelets(const plmr_tensor *tensor)
{
    return plmr_device_wavelets(tensor->region->device, held_bytes(tensor) * tensor->width_ring->slots);
}

static int modulo(int i, int n)
{
    int r = i % n;
    return r < 0 ? r + n : r;
}

/* ---- which lines are where ---- */

static bool in_runs(const plmr_run *runs, int n_runs, int slot, int more, int n_slots)
{
    for (int i = 0; i < n_runs; i++)
        if (modulo(slot - runs[i].first, n_slots) < runs[i].count + more)
            return true;
    return false;
}

/* Is slot u sent from its owner to this rank's cores in turns [phase, phase + window)? By diagonals each width slot has
 * a slot of its own. */
static bool comes(const plmr_tensor *tensor, int u, int phase)
{
    static const plmr_run same = {0, 1};
    bool diagonal = tensor->delivery == PLMR_BY_DIAGONAL;
    int n = tensor->n_slots, n_turns = tensor->window < n - phase ? tensor->window : n - phase;
    const plmr_run *at_turn_0 = diagonal ? tensor->width_ring->runs : &same;
    return phase >= 0 && in_runs(at_turn_0, diagonal ? tensor->width_ring->n_runs : 1, u - phase, n_turns - 1, n);
}

/* A rank works in turns [phase, phase + window) on the lines of its slots at those turns; before the first phase it has
 * its own. One line more is kept, so that a line's next reader finds it with the owner of its slot. */
static bool wants(const plmr_tensor *tensor, const plmr_run *runs, int n_runs, int u, int phase)
{
    int n = tensor->n_slots;
    if (tensor->delivery != PLMR_BY_RING)
        return in_runs(runs, n_runs, u, 0, n) || comes(tensor, u, phase);
    return phase < 0 ? in_runs(runs, n_runs, u, 0, n)
                     : in_runs(runs, n_runs, u - phase + tensor->lag, tensor->window + tensor->lag, n);
}

/* ---- memory for lines ---- */

static int line_capacity(const plmr_tensor *tensor)
{
    int own = plmr_ring_local_slots(tensor->depth_ring);
    bool diagonal = tensor->delivery == PLMR_BY_DIAGONAL;
    const plmr_ring *turning = diagonal ? tensor->width_ring : tensor->depth_ring;
    int64_t two_windows = ((int64_t)2 * tensor->window + tensor->lag) * turning->n_runs + 2;
    int64_t most = own + (tensor->split && !tensor->by_blocks ? two_windows : 0);
    most += diagonal ? plmr_ring_local_slots(turning) : 0;
    return most < tensor->n_slots ? (int)most : tensor->n_slots;
}

static plmr_status allocate_lines(plmr_tensor *tensor)
{
    size_t capacity = (size_t)line_capacity(tensor), line_bytes = tensor->line_bytes;
    PLMR_CHECK(!line_bytes || capacity <= SIZE_MAX / line_bytes, PLMR_ERROR_INPUT, "%s is too large", tensor->name);
    tensor->slab = plmr_slab_create(capacity * line_bytes);
    tensor->spare = calloc(capacity, sizeof *tensor->spare);
    PLMR_CHECK(tensor->slab && tensor->spare, PLMR_ERROR_SYSTEM,
               "out of memory for %s: %zu bytes on this rank; use more ranks", tensor->name, capacity * line_bytes);
    for (size_t at = 0; at < capacity * line_bytes; at += 4096) /* the system finds the memory now, not during a run */
        ((char *)tensor->slab)[at] = 0;
    for (size_t i = 0; i < capacity; i++)
        tensor->spare[tensor->n_spare++] = (char *)tensor->slab + i * line_bytes;
    return PLMR_OK;
}

static void take_line(plmr_tensor *tensor, int u)
{
    PLMR_ASSERT(tensor->n_spare > 0);
    tensor->line[u] = tensor->spare[--tensor->n_spare];
}

static void take_own_lines(plmr_tensor *tensor)
{
    for (int i = 0; i < plmr_ring_local_slots(tensor->depth_ring); i++)
        take_line(tensor, plmr_ring_local_slot(tensor->depth_ring, i));
}

/* ---- moving windows ---- */

bool plmr_tensor_ready(const plmr_tensor *tensor)
{
    return !tensor->split || tensor->by_blocks || !tensor->region->options.values ||
           tensor->turn < tensor->phase + tensor->window;
}

/* Slot u's line goes to every rank of the axis that wants it in the next phase and has it not in this one. The rank
 * that owns the line's slot at the start of that phase is certain to hold it. */
static void fetch_by_ring(plmr_tensor *tensor)
{
    const plmr_ring *ring = tensor->depth_ring;
    plmr_ranks *ranks = tensor->region->ranks;
    int next = tensor->phase + tensor->window, me = plmr_ranks_place(ranks, ring->axis);
    for (int place = 0; place < plmr_ranks_extent(ranks, ring->axis); place++) {
        plmr_run runs[2];
        int n_runs = plmr_ring_runs(ring, place, runs);
        for (int u = 0; u < tensor->n_slots; u++) {
            if (!wants(tensor, runs, n_runs, u, next) || wants(tensor, runs, n_runs, u, tensor->phase))
                continue;
            int owner = plmr_ring_owner(ring, modulo(u - next, tensor->n_slots));
            if (place == me) {
                take_line(tensor, u);
                plmr_exchange_receive(tensor->messages, ring->axis, owner, tensor->line[u], tensor->line_bytes);
            } else if (owner == me) {
                plmr_exchange_send(tensor->messages, ring->axis, place, tensor->line[u], tensor->line_bytes);
            }
        }
    }
}

static void fetch_by_multicast(plmr_tensor *tensor)
{
    const plmr_ring *ring = tensor->depth_ring;
    for (int u = 0; u < tensor->n_slots; u++) {
        if (!comes(tensor, u, tensor->phase + tensor->window) || comes(tensor, u, tensor->phase))
            continue;
        if (!tensor->line[u])
            take_line(tensor, u);
        plmr_ranks_line_broadcast(tensor->region->ranks, ring->axis, plmr_ring_owner(ring, u), tensor->line[u],
                                  tensor->line_bytes);
    }
}

void plmr_tensor_fetch(plmr_tensor *tensor)
{
    if (!tensor->fetching)
        (tensor->delivery == PLMR_BY_RING ? fetch_by_ring : fetch_by_multicast)(tensor);
    tensor->fetching = true;
}

void plmr_tensor_advance(plmr_tensor *tensor)
{
    const plmr_ring *ring = tensor->depth_ring;
    plmr_exchange_wait(tensor->messages);
    tensor->fetching = false;
    tensor->phase += tensor->window;
    for (int u = 0; u < tensor->n_slots; u++)
        if (tensor->line[u] && !wants(tensor, ring->runs, ring->n_runs, u, tensor->phase)) {
            tensor->spare[tensor->n_spare++] = tensor->line[u];
            tensor->line[u] = NULL;
        }
}

plmr_status plmr_tensor_take_lines(plmr_tensor *tensor)
{
    PLMR_TRY(allocate_lines(tensor));
    take_own_lines(tensor);
    return PLMR_OK;
}

/* ---- alignment ---- */

enum { MOST_BYTES = 2 << 20 }; /* of messages under way */

/* The tiles of this rank's lines are numbered line by line, and inside by width chunk. In the aligned frame slot u of a
 * chunk has the tile of slot u plus the chunk's own slot. */
struct frame {
    const plmr_tensor *tensor;
    void **lines;
    bool aligned;
};

static int64_t list_tiles(const void *context, int place, int32_t *elements)
{
    const struct frame *frame = context;
    const plmr_tensor *tensor = frame->tensor;
    plmr_run runs[2];
    int64_t n = 0;
    for (int n_runs = plmr_ring_runs(tensor->depth_ring, place, runs), i = 0; i < n_runs; i++)
        for (int u = runs[i].first; u < runs[i].first + runs[i].count; u++, n += tensor->n_tiles)
            for (int p = 0; p < tensor->n_tiles && elements; p++) {
                int further = frame->aligned ? plmr_ring_local_slot(tensor->width_ring, p) : 0;
                elements[n + p] = (u + further) % tensor->n_slots * tensor->n_tiles + p;
            }
    return n;
}

static void *at_tile(const void *context, int64_t number, int64_t col)
{
    const struct frame *frame = context;
    const plmr_tensor *tensor = frame->tensor;
    int slot = plmr_ring_local_slot(tensor->depth_ring, (int)(number / tensor->n_tiles));
    (void)col;
    return (char *)frame->lines[slot] + (size_t)(number % tensor->n_tiles) * tensor->tile_bytes;
}

static void align_lines(plmr_tensor *tensor, void **lines)
{
    struct frame before = {tensor, tensor->line, false}, after = {tensor, lines, true};
    int axis = (int)tensor->depth_ring->axis;
    int64_t n = (int64_t)tensor->n_slots * tensor->n_tiles;
    plmr_dealt one = {.axis = PLMR_WHOLE, .n = 1};
    plmr_spread_matrix was = {{axis, n, list_tiles, &before}, one, at_tile, 1, &before};
    plmr_spread_matrix is = {{axis, n, list_tiles, &after}, one, at_tile, 1, &after};
    plmr_redistribute(tensor->region->ranks, &was, &is, tensor->tile_bytes, MOST_BYTES);
}

/* The aligned lines are built in fresh memory and take the place of the old. */
plmr_status plmr_tensor_align(plmr_tensor *tensor)
{
    tensor->skewed = true;
    if (!tensor->split || tensor->by_blocks || !tensor->region->options.values)
        return PLMR_OK;
    plmr_tensor fresh = *tensor;
    fresh.n_spare = 0;
    fresh.slab = NULL;
    fresh.spare = NULL;
    fresh.line = plmr_take_zeroed((size_t)tensor->n_slots, sizeof *fresh.line);
    plmr_status status = plmr_agree(allocate_lines(&fresh));
    if (!status) {
        take_own_lines(&fresh);
        align_lines(tensor, fresh.line);
        fresh.aligned = true;
    }
    plmr_tensor old = status ? fresh : *tensor;
    free(old.line);
    free(old.spare);
    plmr_slab_destroy(old.slab);
    if (!status)
        *tensor = fresh;
    return status;
}
