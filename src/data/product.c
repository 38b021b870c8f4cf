#include "data/product.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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
    if (product->a->by_blocks || product->b->by_blocks)
        PLMR_TRY(plmr_blocks_create(product, &product->blocks));
    return plmr_region_scratch(region, &product->scratch);
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
                            .dtype = a->dtype};
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
                            .converges = true};
    return create(product, 2, out);
}

void plmr_product_destroy(plmr_product *product)
{
    if (!product)
        return;
    plmr_region_release(product->region, product->core_bytes);
    plmr_blocks_destroy(product->blocks);
    plmr_slab_destroy(product->c);
    free(product->flow);
    free(product);
}

/* Deferred steps count as done when their values are. */
void plmr_product_progress(const plmr_product *product, double share)
{
    const plmr_region_options *options = &product->region->options;
    if (options->on_step)
        options->on_step(options->on_step_context,
                         product->region->ledger.steps - product->n_steps + (int64_t)(share * product->n_steps));
}

/* While values are computed, messages are helped on their way. */
static void while_running(void *context, double share)
{
    const plmr_product *product = context;
    plmr_exchange_poll(product->a->messages);
    plmr_exchange_poll(product->b->messages);
    plmr_product_progress(product, share);
}

plmr_gemm_block plmr_product_block(const plmr_product *product)
{
    const plmr_tensor *a = product->a, *b = product->b;
    return (plmr_gemm_block){
        .n_slots = a->n_slots,
        .kt = a->depth,
        .ms = a->width,
        .ns = b->width,
        .skewed = a->skewed,
        .a_aligned = a->aligned,
        .b_aligned = b->aligned,
        .a_dtype = a->dtype,
        .b_dtype = b->dtype,
        .accumulate = product->accumulate,
        .n_row_runs = a->width_ring->n_runs,
        .n_col_runs = b->width_ring->n_runs,
        .row_runs = a->width_ring->runs,
        .col_runs = b->width_ring->runs,
        .a_line = (const void *const *)a->line,
        .b_line = (const void *const *)b->line,
        .c = product->c,
        .ldc = product->ld,
        .t0 = product->first_step,
        .t1 = product->first_step + product->n_steps,
    };
}

static plmr_status run_steps(plmr_product *product, bool open_ended)
{
    plmr_gemm_block block = plmr_product_block(product);
    block.progress = while_running;
    block.progress_context = product;
    block.n_before = product->n_before;
    block.open_ended = open_ended;
    product->n_before = open_ended ? product->n_before + product->n_steps : 0;
    return plmr_gemm_block_run(&block, product->scratch);
}

static plmr_status run_deferred(plmr_product *product, bool open_ended)
{
    if (product->converges) {
        plmr_product_converge(product);
        return PLMR_OK;
    }
    if (product->blocks)
        return plmr_blocks_run(product->blocks);
    return run_steps(product, open_ended && product->a->skewed);
}

/* Before more steps of the same run, or for good. */
static plmr_status flush(plmr_product *product, bool open_ended)
{
    if (product->n_steps == 0 || !product->c)
        return PLMR_OK;
    PLMR_TRY(run_deferred(product, open_ended));
    product->n_steps = 0;
    return PLMR_OK;
}

plmr_status plmr_product_flush(plmr_product *product)
{
    return flush(product, false);
}

/* The lines of the next window travel while the steps of the last one are multiplied. */
static plmr_status turn_window(plmr_product *product)
{
    plmr_tensor *operand[2] = {product->a, product->b};
    bool stale[2];
    for (int i = 0; i < 2; i++) {
        stale[i] = !plmr_tensor_ready(operand[i]);
        if (stale[i])
            plmr_tensor_fetch(operand[i]);
    }
    if (stale[0] || stale[1])
        PLMR_TRY(flush(product, true));
    for (int i = 0; i < 2; i++)
        if (stale[i])
            plmr_tensor_advance(operand[i]);
    return PLMR_OK;
}

plmr_status plmr_product_defer(plmr_product *product, int turn)
{
    while (!plmr_tensor_ready(product->a) || !plmr_tensor_ready(product->b))
        PLMR_TRY(turn_window(product));
    if (product->n_steps == 0)
        product->first_step = turn;
    PLMR_ASSERT(product->first_step + product->n_steps == turn);
    product->n_steps++;
    return PLMR_OK;
}

/* Elements leave the core in the result's type. */
static void round_rows(plmr_product *product, size_t row, size_t n_rows)
{
    if (product->dtype == PLMR_F32)
        return;
    for (size_t r = row; r < row + n_rows; r++) {
        float *values = product->c + r * product->ld;
        for (size_t c = 0; c < product->n_cols; c += 256) {
            uint16_t half[256];
            int64_t n = product->n_cols - c < 256 ? (int64_t)(product->n_cols - c) : 256;
            plmr_convert_from_float(product->dtype, n, values + c, half);
            plmr_convert_to_float(product->dtype, n, half, values + c);
        }
    }
}

plmr_status plmr_product_visit(plmr_product *product, plmr_visit visit, void *context)
{
    const plmr_ring *rows = product->row_ring, *cols = product->col_ring;
    int ms = product->ms, ns = product->ns;
    PLMR_TRY(plmr_product_flush(product));
    size_t row = 0;
    for (int i = 0; i < rows->n_runs; i++) {
        int n_rows = rows->runs[i].count * ms;
        size_t col = 0;
        round_rows(product, row, (size_t)n_rows);
        for (int j = 0; j < cols->n_runs; j++) {
            int n_cols = cols->runs[j].count * ns;
            PLMR_TRY(visit(context, (int64_t)rows->runs[i].first * ms, (int64_t)cols->runs[j].first * ns, n_rows,
                           n_cols, product->c + row * product->ld + col, product->ld));
            col += (size_t)n_cols;
        }
        row += (size_t)n_rows;
    }
    return PLMR_OK;
}
