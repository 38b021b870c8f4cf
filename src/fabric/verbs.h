/* verbs.h - what an author of a distributed matrix product sees: rings, shifts, multicasts, products.
 *
 * Each verb advances the clocks of all cores, charges ledgers and, in compute mode, moves values. Formulas and
 * constants are explained in docs/MODEL.md; every constant comes from the device.
 */
#ifndef PLMR_VERBS_H
#define PLMR_VERBS_H

#include "fabric/tensor.h"

/* Between begin and end of a shift, multicast or gather the cores may work on the tiles that they hold; verbs on
 * different axes overlap too. Local but for messages. */

/* All cores pass their tile to the ring neighbour before them. The core is busy shift_launch + shift_wavelet * W; both
 * its exchanges are done 2 ramps + hops + W after both partners were ready. */
plmr_status plmr_shift_begin(plmr_tensor *tensor);
void plmr_shift_end(plmr_tensor *tensor);

/* The time plane alone of one exchange of `wavelets` by every core with its ring neighbour, and of a multicast. */
void plmr_exchange_time(plmr_region *region, const plmr_ring *ring, int64_t wavelets);
void plmr_multicast_time(plmr_region *region, enum plmr_axis axis, int from, int n_routes, int64_t wavelets);

/* The same where programs plan no routes beyond the next core, and software passes messages on; relay.c.
 * Cycles in which one core passes on `wavelets`: it takes them in and sends them out, an exchange each, and between
 * them is a store-and-forward relay. */
double plmr_relay_cycles(const plmr_device *device, int64_t wavelets);

/* Routes to and from each of a core's four neighbours. */
plmr_status plmr_relay_route(plmr_region *region);

/* An exchange round a ring whose neighbours may be far: every core between is a relay. */
void plmr_relayed_exchange_time(plmr_region *region, const plmr_ring *ring, int64_t wavelets);

/* Every core fetches `wavelets` from anywhere: on average (rows + cols) / 3 hops away, so every core is the relay of as
 * many messages of others, `software` cycles beside the relay's own for each. */
void plmr_fetch_time(plmr_region *region, int64_t wavelets, double software);

/* Sums of vectors of `wavelets` along the axis by a chain to its end, `software` cycles at every core, and as many on
 * the way back. */
void plmr_chain_allreduce_time(plmr_region *region, enum plmr_axis axis, int64_t wavelets, double software);

/* Rotates the tensor by its width slot: width slot x by x slots, the short way round, in floor(slots / 2) rounds that
 * all cores take part in. */
plmr_status plmr_align(plmr_tensor *tensor);

/* The owner of k slot `slot` sends its tile to all cores along the tensor's axis. Every owner has a route of its own
 * while n_routes, what the program grants the axis, suffice; else software relays it every n_routes cores. */
plmr_status plmr_multicast_begin(plmr_tensor *tensor, int slot, int n_routes);
void plmr_multicast_end(plmr_tensor *tensor);

/* Every core collects all tiles along the tensor's axis. Then `select` takes k slot `slot` as the one to multiply. */
plmr_status plmr_gather_begin(plmr_tensor *tensor, int n_routes);
void plmr_gather_end(plmr_tensor *tensor);
void plmr_select(plmr_tensor *tensor, int slot);

typedef struct plmr_blocks plmr_blocks;

/* The result of a product: rows dealt as a's width, columns as b's. */
typedef struct plmr_product {
    plmr_region *region;
    plmr_tensor *a, *b;
    const plmr_ring *row_ring, *col_ring; /* what C's rows and columns are dealt to */
    int ms, ns;                           /* elements of a chunk of each */
    enum plmr_dtype accumulate, dtype;    /* dtype: what elements are rounded to when read */
    float *c;                             /* local rows x local columns, row-major */
    size_t n_rows, n_cols, ld;            /* ld: elements from row to row */
    int first_step, n_steps;              /* deferred: turns still to be multiplied */
    int n_before;                         /* steps of earlier batches, which some elements may be behind with */
    plmr_gemm_scratch *scratch;           /* the region's */
    plmr_blocks *blocks;                  /* where one operand comes by blocks, else NULL */
    int64_t core_bytes;
    bool converges, routed; /* by plmr_multiply_converge; its chains have their routes */
} plmr_product;

/* Makes C = 0 for C += A B (rows dealt as a's width, columns as b's), charging C's tile to every core. */
plmr_status plmr_product_create(plmr_tensor *a, plmr_tensor *b, enum plmr_dtype accumulate, plmr_product **product);

/* The same for C = A B^T by plmr_multiply_converge: a's depth and b's width are k, dealt alike along x, one chunk to a
 * core; rows are dealt as a's width, columns as b's depth but to `col_ring`, along x. Charges the partial tile too. */
plmr_status plmr_product_create_transposed(plmr_tensor *a, plmr_tensor *b, const plmr_ring *col_ring,
                                           enum plmr_dtype accumulate, plmr_product **product);
void plmr_product_destroy(plmr_product *product);

/* Every core multiplies the tiles it holds now and adds to its C tile: one compute step. Values are deferred and done
 * for many steps at once, in the order in which each core would. */
plmr_status plmr_multiply_add(plmr_product *product);

/* Every core multiplies its tile of A by the tile of B that it holds now, transposed; the partial products are added
 * along x by chains from both ends to the core that C's tile belongs to: the root takes its own, then the low side,
 * then the high. */
plmr_status plmr_multiply_converge(plmr_product *product);

/* For the two above: defers the step of `turn`, fetching lines as needed; does the deferred steps of a converging
 * product. */
plmr_status plmr_product_defer(plmr_product *product, int turn);
void plmr_product_converge(plmr_product *product);

/* The deferred steps as the kernel takes them, but for progress and the end of the batch. */
plmr_gemm_block plmr_product_block(const plmr_product *product);

/* Where one operand comes by blocks, see blocks.c: made with the product, and does the deferred steps. */
plmr_status plmr_blocks_create(plmr_product *product, plmr_blocks **blocks);
void plmr_blocks_destroy(plmr_blocks *blocks);
plmr_status plmr_blocks_run(plmr_blocks *blocks);

/* Tells how far the deferred steps have come. */
void plmr_product_progress(const plmr_product *product, double share);

/* Does what is deferred. */
plmr_status plmr_product_flush(plmr_product *product);

/* Calls `visit` for each rectangle of C in this block: rows [row, row + n_rows) x columns [col, col + n_cols) of the
 * padded matrix at `values`, leading dimension ld; rounded to the result's dtype. Flushes first. */
typedef plmr_status (*plmr_visit)(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld);
plmr_status plmr_product_visit(plmr_product *product, plmr_visit visit, void *context);

#endif
