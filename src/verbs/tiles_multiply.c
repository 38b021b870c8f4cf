/* Tiles that are multiplied. */
#include <stdlib.h>

#include "base/memory.h"
#include "time/busy.h"
#include "verbs/tiles_inside.h"

static plmr_status check(const plmr_tiles *a, const plmr_tiles *b, const plmr_tiles *c, const char *verb)
{
    PLMR_TRY(plmr_tiles_check(a, verb));
    PLMR_TRY(plmr_tiles_check(b, verb));
    PLMR_TRY(plmr_tiles_check(c, verb));
    PLMR_CHECK(a->region == b->region && a->region == c->region, PLMR_ERROR_INPUT,
               "%s: %s, %s and %s are of different regions", verb, a->name, b->name, c->name);
    PLMR_CHECK(a->cols == b->rows && a->rows == c->rows && b->cols == c->cols, PLMR_ERROR_INPUT,
               "%s: tiles of %s are %d x %d, of %s %d x %d and of %s %d x %d, which is no product", verb, a->name,
               a->rows, a->cols, b->name, b->rows, b->cols, c->name, c->rows, c->cols);
    PLMR_CHECK(a->dtype == b->dtype, PLMR_ERROR_INPUT, "%s: %s is of %s and %s of %s: they must be alike", verb,
               a->name, plmr_dtype_name(a->dtype), b->name, plmr_dtype_name(b->dtype));
    PLMR_CHECK(b != c, PLMR_ERROR_INPUT, "%s: %s is a factor and takes the product: give other tiles for it", verb,
               c->name);
    PLMR_CHECK(c->dtype != PLMR_BF16, PLMR_ERROR_INPUT, "%s: products are added up in f32 or f16, not in bf16 as %s is",
               verb, c->name);
    return PLMR_OK;
}

/* The kernel takes a k-major. */
static void turn(const plmr_tiles *a, const float *tile, float *turned)
{
    for (int i = 0; i < a->rows; i++)
        for (int k = 0; k < a->cols; k++)
            turned[(size_t)k * (size_t)a->rows + (size_t)i] = tile[(size_t)i * (size_t)a->cols + (size_t)k];
}

static void multiply_values(const plmr_tiles *a, const plmr_tiles *b, plmr_tiles *c)
{
    size_t n_cores = (size_t)a->region->count[PLMR_X] * (size_t)a->region->count[PLMR_Y];
    float *turned = plmr_take((size_t)a->n_values * sizeof *turned);
    plmr_tiles_round(a);
    plmr_tiles_round(b);
    plmr_tiles_round(c);
    for (size_t core = 0; core < n_cores; core++) {
        turn(a, a->values + core * (size_t)a->n_values, turned);
        plmr_tile_product_onto(NULL, PLMR_F32, c->dtype, a->cols, a->rows, b->cols, turned,
                               b->values + core * (size_t)b->n_values, c->values + core * (size_t)c->n_values,
                               (size_t)c->cols);
    }
    free(turned);
}

static plmr_status multiply(const plmr_tiles *a, const plmr_tiles *b, plmr_tiles *c, double t_cycles)
{
    plmr_region_multiply(a->region, t_cycles, (int64_t)a->n_values * b->cols);
    if (a->region->options.values)
        multiply_values(a, b, c);
    return PLMR_OK;
}

plmr_status plmr_tiles_multiply_add(const plmr_tiles *a, const plmr_tiles *b, plmr_tiles *c)
{
    PLMR_TRY(check(a, b, c, __func__));
    return multiply(a, b, c, plmr_device_multiply_cycles(a->region->device, a->dtype, a->rows, a->cols, b->cols));
}

plmr_status plmr_tiles_multiply_vector(const plmr_tiles *x, const plmr_tiles *b, plmr_tiles *y)
{
    PLMR_TRY(check(x, b, y, __func__));
    PLMR_CHECK(x->rows == 1, PLMR_ERROR_INPUT, "%s: %s has %d rows, and a vector one", __func__, x->name, x->rows);
    return multiply(x, b, y, plmr_device_gemv_cycles(x->region->device, x->dtype, x->cols, b->cols));
}
