/* product.h - the values of a distributed matrix product, deferred and done for many steps at once. */
#pragma once

#include "data/tensor.h"

struct plmr_product;

/* How the deferred steps of a product are done. */
typedef struct plmr_product_way {
    /* open_ended: more steps of the same run will follow. */
    void (*run)(struct plmr_product *product, bool open_ended);
    void (*destroy)(struct plmr_product *product); /* what it keeps in product->way_context; NULL: nothing */
} plmr_product_way;

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
    const plmr_product_way *way;
    void *way_context;
    int64_t core_bytes;
    struct plmr_flow *flow; /* the verbs': by which partial sums go; made with the first, freed with the product */
} plmr_product;

/* Makes C = 0 for C += A B (rows dealt as a's width, columns as b's), charging C's tile to every core. */
plmr_status plmr_product_create(plmr_tensor *a, plmr_tensor *b, enum plmr_dtype accumulate, plmr_product **product);

/* The same for C = A B^T by plmr_multiply_converge: a's depth and b's width are k, dealt alike along x, one chunk to a
 * core; rows are dealt as a's width, columns as b's depth but to `col_ring`, along x. Charges the partial tile too. */
plmr_status plmr_product_create_transposed(plmr_tensor *a, plmr_tensor *b, const plmr_ring *col_ring,
                                           enum plmr_dtype accumulate, plmr_product **product);
void plmr_product_destroy(plmr_product *product);

/* The n slot that logical row x meets in step t of a product that converges, and the column of the core that keeps it.
 */
int plmr_product_slot(const plmr_product *product, int x, int step);
int plmr_product_root(const plmr_product *product, int slot);

/* Defers the step of `turn`, fetching lines as needed. */
void plmr_product_defer(plmr_product *product, int turn);

/* Does what is deferred. */
void plmr_product_flush(plmr_product *product);

/* Calls `visit` for each rectangle of C in this block: rows [row, row + n_rows) x columns [col, col + n_cols) of the
 * padded matrix at `values`, leading dimension ld; rounded to the result's dtype. Flushes first. */
plmr_status plmr_product_visit(plmr_product *product, plmr_visit visit, void *context);
