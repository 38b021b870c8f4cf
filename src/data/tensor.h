/* tensor.h - the operands of a distributed matrix product, in the memory of this rank's block.
 *
 * A dimension is dealt to a ring: chunk i lies at slot i. An operand has a depth dimension (k), dealt to the ring along
 * the axis on which it moves, and a width dimension (m or n), dealt to the ring along the other. All tiles of one k
 * slot make a *line*: one contiguous piece, a tile for each width chunk of this block, stored k-major. So a shift is an
 * index rotation; between ranks whole lines travel, several steps' worth at a time.
 */
#pragma once

#include "base/values.h"
#include "region/ring.h"

/* How lines that this rank does not own reach it. */
enum plmr_delivery {
    PLMR_BY_RING,      /* with the ring's rotation */
    PLMR_BY_MULTICAST, /* from their owner, slot by slot */
    PLMR_BY_DIAGONAL,  /* from their owner: at turn t every width slot x has k slot x + t */
    PLMR_BY_NOBODY     /* they do not: the operand stays where it is */
};

/* A tile that cores hold and pass on in fewer bits, and widen before they multiply with it. */
typedef struct plmr_packed_tile {
    int64_t n_bytes;
    double widen_cycles;
} plmr_packed_tile;

/* Of a ring's lines a rank has those that it works on soon. Before the first window it has its own; then, for turns
 * [phase, phase + window), every line that a core of its block meets in them, one more at the far end, for whoever
 * needs a line next must find it with the owner of its slot, and `lag` older ones, which elements that are behind still
 * need (see plmr_gemm_block). 4 ranks, 8 slots, window 2, lag 1; at turn t ring position p holds line p + t. Rank 0:
 *
 *     phase   works on   has             fetches meanwhile, for the next phase
 *      -2     -          0 1             7 2 3: line u from the owner of slot u - 0
 *       0     0 1 2      7 0 1 2 3       4 5: from the owner of slots 4 - 2 and 5 - 2, rank 1, which has 1 2 3 4 5 now
 *       2     2 3 4      1 2 3 4 5       6 7, and drops 7 0
 */
typedef struct plmr_tensor {
    /* What it is made of. */
    plmr_region *region;
    const char *name;
    enum plmr_dtype dtype;
    const plmr_ring *depth_ring, *width_ring;
    int depth, width;   /* elements of a chunk: a tile is depth x width */
    int n_buffers;      /* slots' worth of tiles that a core holds, beside its own, for what is in flight */
    bool depth_is_cols; /* the matrix is (width, depth), as A; else (depth, width), as B */
    bool width_major;   /* tiles are stored (width, depth) instead of k-major */
    bool by_blocks;     /* of both operands this one alone is split, so other ranks' tiles come by blocks of width
                           chunks (blocks.c), not by windows of turns */
    int window;         /* steps to fetch lines for at a time; alike on all ranks */
    enum plmr_delivery delivery;
    plmr_packed_tile packed; /* of time alone: how cores hold tiles that are packed; all 0: they are not */

    int n_slots, n_tiles; /* slots on the depth ring; tiles in a line of this block */
    bool split;           /* the depth ring spans several ranks */
    bool skewed;          /* at hand is what a width slot's own number further is, as in Cannon's scheme */
    bool aligned;         /* ... and stored so: line u holds, for width slot x, k slot u + x */
    int turn;             /* shifts since it was filled; the k slot at hand after multicasts */
    int next_turn;        /* the same once the multicast under way has come */
    bool fetching;        /* lines of the next window are on their way */
    int lag;              /* lines are kept so many turns longer: see plmr_gemm_block */
    int phase;            /* lines are at hand for turns [phase, phase + window) */
    size_t tile_bytes, line_bytes;
    int64_t core_bytes;  /* charged to each core */
    void **line;         /* by slot, or by rotated slot if aligned; NULL: elsewhere */
    void *slab, **spare; /* memory for lines, and those not in use */
    int n_spare;
    plmr_exchange *messages;
    struct plmr_flow *flow; /* the verbs': by which its tiles go; made with the first, freed with the tensor */
} plmr_tensor;

/* Makes an operand of what is given first in `what`, and charges its tiles to every core. Its lines are allocated by the
 * fill. by_blocks may be asked of both operands. */
plmr_status plmr_tensor_create(const plmr_tensor *what, plmr_tensor **tensor);
void plmr_tensor_destroy(plmr_tensor *tensor);

/* Loads this block's tiles, zeros beyond the matrix. With `skewed` the loader places k slot (position + width slot) at
 * each position, as if aligned. Does nothing in timing mode. Local. */
plmr_status plmr_tensor_fill(plmr_tensor *tensor, const plmr_source *source, bool skewed);

/* For load.c: memory for the lines that this rank owns, and has. */
plmr_status plmr_tensor_take_lines(plmr_tensor *tensor);

/* Fabric words of one slot's tiles of one core: what a shift sends. */
int64_t plmr_tensor_wavelets(const plmr_tensor *tensor);

/* For product.c: are the lines of the current turn at hand; starts fetching the next window; completes it. */
bool plmr_tensor_ready(const plmr_tensor *tensor);
void plmr_tensor_fetch(plmr_tensor *tensor);
void plmr_tensor_advance(plmr_tensor *tensor);

/* Moves the lines into the aligned frame; values only. */
plmr_status plmr_tensor_align(plmr_tensor *tensor);
