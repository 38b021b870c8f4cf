#include "data/product_way.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void plmr_product_destroy(plmr_product *product)
{
    if (!product)
        return;
    plmr_region_release(product->region, product->core_bytes);
    if (product->way->destroy)
        product->way->destroy(product);
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

plmr_gemm_block plmr_product_block(const plmr_product *product)
{
    const plmr_tensor *a = product->a, *b = product->b;
    return (plmr_gemm_block){
        .n_slots = a->n_slots,
        .kt = a->depth,
        .ms = a->width,
        .ns = b->width,
        .rows_skewed = a->skewed,
        .cols_skewed = b->skewed,
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

/* Before more steps of the same run, or for good. */
static void flush(plmr_product *product, bool open_ended)
{
    if (product->n_steps == 0 || !product->c)
        return;
    product->way->run(product, open_ended);
    product->n_steps = 0;
}

void plmr_product_flush(plmr_product *product)
{
    flush(product, false);
}

/* The lines of the next window travel while the steps of the last one are multiplied. */
static void turn_window(plmr_product *product)
{
    plmr_tensor *operand[2] = {product->a, product->b};
    bool stale[2];
    for (int i = 0; i < 2; i++) {
        stale[i] = !plmr_tensor_ready(operand[i]);
        if (stale[i])
            plmr_tensor_fetch(operand[i]);
    }
    if (stale[0] || stale[1])
        flush(product, true);
    for (int i = 0; i < 2; i++)
        if (stale[i])
            plmr_tensor_advance(operand[i]);
}

void plmr_product_defer(plmr_product *product, int turn)
{
    while (!plmr_tensor_ready(product->a) || !plmr_tensor_ready(product->b))
        turn_window(product);
    if (product->n_steps == 0)
        product->first_step = turn;
    PLMR_ASSERT(product->first_step + product->n_steps == turn);
    product->n_steps++;
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
    plmr_product_flush(product);
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
