/* Making products: each has its way to do what is deferred. */
#include "data/product_way.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- by lines ---- */

/* While values are computed, messages are helped on their way. */
static void while_running(void *context, double share)
{
    const plmr_product *product = context;
    plmr_exchange_poll(product->a->messages);
    plmr_exchange_poll(product->b->messages);
    plmr_product_progress(product, share);
}

static void run_steps(plmr_product *product, bool open_ended)
{
    plmr_gemm_block block = plmr_product_block(product);
    block.progress = while_running;
    block.progress_context = product;
    block.n_before = product->n_before;
    block.open_ended = open_ended && product->a->skewed;
    product->n_before = block.open_ended ? product->n_before + product->n_steps : 0;
    plmr_gemm_block_run(&block, plmr_region_scratch(product->region));
}

const plmr_product_way plmr_product_by_lines = {run_steps, NULL};

/* ---- making ---- */

/* Rows that lie a power of two apart displace each other from the caches; a few elements more keep them out of step. */
static size_t spread_rows(size_t n_cols)
{
    return n_cols % 512 ? n_cols : n_cols + 16;
}

static plmr_status fill_product(plmr_product *product, int n_copies)
{
    plmr_region *region = product->region;
    int64_t per_core = (int64_t)product->ms * product->row_ring->slots * product->ns * product->col_ring->slots;
    int64_t core_bytes = n_copies * per_core * (int64_t)plmr_dtype_bytes(product->accumulate);
    PLMR_TRY(plmr_region_charge(region, "C", core_bytes));
    product->core_bytes = core_bytes;
    product->n_rows = (size_t)plmr_ring_local_slots(product->row_ring) * (size_t)product->ms;
    product->n_cols = (size_t)plmr_ring_local_slots(product->col_ring) * (size_t)product->ns;
    if (!region->options.values)
        return PLMR_OK;
    product->ld = spread_rows(product->n_cols);
    size_t n_bytes = product->n_rows * product->ld * sizeof(float);
    product->c = plmr_slab_create(n_bytes);
    PLMR_CHECK(product->c, PLMR_ERROR_SYSTEM, "out of memory for C: %zu bytes on this rank; use more ranks", n_bytes);
    memset(product->c, 0, n_bytes);
    return product->way == &plmr_product_by_blocks ? plmr_product_make_blocks(product) : PLMR_OK;
}

static plmr_status create(plmr_product what, int n_copies, plmr_product **out)
{
    plmr_product *product = plmr_take_zeroed(1, sizeof *product);
    *product = what;
    plmr_status status = fill_product(product, n_copies);
    if (status)
        plmr_product_destroy(product);
    else
        *out = product;
    return status;
}

plmr_status plmr_product_create(plmr_tensor *a, plmr_tensor *b, enum plmr_dtype accumulate, plmr_product **out)
{
    plmr_product product = {.region = a->region,
                            .a = a,
                            .b = b,
                            .row_ring = a->width_ring,
                            .col_ring = b->width_ring,
                            .ms = a->width,
                            .ns = b->width,
                            .accumulate = accumulate,
                            .dtype = a->dtype,
                            .way = a->by_blocks || b->by_blocks ? &plmr_product_by_blocks : &plmr_product_by_lines};
    return create(product, 1, out);
}

plmr_status plmr_product_create_transposed(plmr_tensor *a, plmr_tensor *b, const plmr_ring *col_ring,
                                           enum plmr_dtype accumulate, plmr_product **out)
{
    plmr_product product = {.region = a->region,
                            .a = a,
                            .b = b,
                            .row_ring = a->width_ring,
                            .col_ring = col_ring,
                            .ms = a->width,
                            .ns = b->depth,
                            .accumulate = accumulate,
                            .dtype = a->dtype,
                            .way = &plmr_product_by_chains};
    return create(product, 2, out);
}
