#include "collective/allreduce.h"

#include <stdlib.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "ranks/ranks.h"

/* ---- opening ---- */

plmr_status plmr_allreduce_check(const plmr_reduce_algorithm *algorithm, const plmr_reduce_options *options,
                                 const plmr_device *device, int rows, int cols)
{
    const int extent[] = {[PLMR_X] = cols, [PLMR_Y] = rows};
    for (int axis = 0; axis < 2; axis++) {
        plmr_reduce_plan *plan;
        if (extent[axis] == 1)
            continue;
        PLMR_TRY(plmr_reduce_plan_create(algorithm, device, (enum plmr_axis)axis, extent[axis], options, &plan));
        plmr_reduce_plan_destroy(plan);
    }
    return PLMR_OK;
}

static plmr_status fill(plmr_allreduce *r, const plmr_reduce_algorithm *algorithm, const plmr_reduce_options *options)
{
    plmr_region *region = r->region;
    PLMR_TRY(plmr_region_charge(region, "its vector", r->length * (int64_t)plmr_dtype_bytes(r->dtype)));
    for (int axis = 0; axis < 2; axis++) {
        if (region->extent[axis] == 1)
            continue;
        PLMR_TRY(plmr_reduce_plan_create(algorithm, region->device, (enum plmr_axis)axis, region->extent[axis], options,
                                         &r->plan[axis]));
        PLMR_TRY(plmr_reduce_route(region, (enum plmr_axis)axis, r->plan[axis], "the allreduce"));
    }
    return PLMR_OK;
}

plmr_status plmr_allreduce_open(const plmr_reduce_algorithm *algorithm, const plmr_reduce_options *options,
                                plmr_region *region, int64_t length, enum plmr_dtype dtype, const plmr_source *vectors,
                                plmr_allreduce **out)
{
    plmr_allreduce *r = plmr_take_zeroed(1, sizeof *r);
    *r = (plmr_allreduce){.region = region, .length = length, .dtype = dtype, .vectors = vectors};
    plmr_status status = plmr_agree(fill(r, algorithm, options));
    if (status)
        plmr_allreduce_close(r);
    else
        *out = r;
    return status;
}

void plmr_allreduce_close(plmr_allreduce *r)
{
    for (int axis = 0; axis < 2; axis++)
        plmr_reduce_plan_destroy(r->plan[axis]);
    free(r->sum);
    free(r);
}

/* ---- values ---- */

/* The vector of core (row, col), as it is stored. */
static plmr_status make_vector(const plmr_allreduce *r, int row, int col, float *to, uint16_t *stored)
{
    int64_t core = (int64_t)row * r->region->extent[PLMR_X] + col;
    PLMR_TRY(r->vectors->get(r->vectors, core, 0, 1, (int)r->length, to, (size_t)r->length));
    if (r->dtype == PLMR_F16) {
        plmr_convert_from_float(PLMR_F16, r->length, to, stored);
        plmr_convert_to_float(PLMR_F16, r->length, stored, to);
    }
    return PLMR_OK;
}

/* For each core along x of this block, the vectors of all rows. */
static plmr_status make_vectors(const plmr_allreduce *r, float *vectors)
{
    const plmr_region *region = r->region;
    uint16_t *stored = plmr_take((size_t)r->length * sizeof *stored);
    plmr_status status = PLMR_OK;
    for (int x = 0; x < region->count[PLMR_X]; x++)
        for (int y = 0; y < region->count[PLMR_Y] && !status; y++, vectors += r->length)
            status = make_vector(r, region->first[PLMR_Y] + y, region->first[PLMR_X] + x, vectors, stored);
    free(stored);
    return status;
}

/* Sums along one axis into r->sum; takes ownership of the vectors. */
static plmr_status sum_along(plmr_allreduce *r, enum plmr_axis axis, int64_t across, float *vectors)
{
    float *sum = malloc(sizeof(float) * (size_t)(across * r->length));
    plmr_status status = sum ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    if (!status)
        plmr_allreduce_values(r->region, axis, r->plan[axis], r->dtype, r->length, across, vectors, sum);
    free(vectors);
    r->sum = sum;
    return status;
}

static plmr_status run_values(plmr_allreduce *r)
{
    size_t n_cores = (size_t)r->region->count[PLMR_X] * (size_t)r->region->count[PLMR_Y], n_bytes;
    PLMR_CHECK(!__builtin_mul_overflow(n_cores, (size_t)r->length * sizeof(float), &n_bytes), PLMR_ERROR_INPUT,
               "the vectors are too long: use --mode timing");
    float *vectors = malloc(n_bytes);
    PLMR_CHECK(vectors, PLMR_ERROR_SYSTEM, "out of memory for %zu bytes of vectors on this rank; use more ranks",
               n_bytes);
    plmr_status status = make_vectors(r, vectors);
    if (status) {
        free(vectors);
        return status;
    }
    if (r->plan[PLMR_X])
        PLMR_TRY(sum_along(r, PLMR_X, r->region->count[PLMR_Y], vectors));
    else
        r->sum = vectors;
    return r->plan[PLMR_Y] ? sum_along(r, PLMR_Y, 1, r->sum) : PLMR_OK;
}

/* ---- running ---- */

plmr_status plmr_allreduce_run(plmr_allreduce *r)
{
    for (int axis = 0; axis < 2; axis++)
        if (r->plan[axis])
            plmr_allreduce_time(r->region, (enum plmr_axis)axis, r->plan[axis], r->length, plmr_dtype_bytes(r->dtype));
    if (!r->region->options.values)
        return PLMR_OK;
    double cores = (double)r->region->extent[PLMR_X] * r->region->extent[PLMR_Y], element = sizeof(float);
    PLMR_TRY(plmr_ranks_ask_room(r->region->ranks, cores * (double)r->length * element, "a vector for each core"));
    return run_values(r);
}

plmr_status plmr_allreduce_visit(plmr_allreduce *r, plmr_visit visit, void *context)
{
    int first, count;
    plmr_ranks_share((int)r->length, plmr_rank_count(), plmr_rank(), &first, &count);
    return visit(context, 0, first, 1, count, r->sum + first, (size_t)count);
}
