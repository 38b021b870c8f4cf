/* allreduce.h - the vectors of all cores of a region added up, so that every core has the sum: along x in every row,
 * then along y in every column.
 */
#pragma once

#include "verbs/reduce.h"
#include "verbs/verbs.h"

typedef struct plmr_allreduce {
    plmr_region *region;
    int64_t length; /* elements of a core's vector */
    enum plmr_dtype dtype;
    const plmr_source *vectors; /* row r W + c: of core (r, c); `length` wide */
    plmr_reduce_plan *plan[2];  /* by axis; NULL for an axis of one core */
    float *sum;                 /* the result: on every rank */
} plmr_allreduce;

/* Whether there is such an allreduce of rows x cols cores: rings need three, and leave no sum on a root. Local. */
plmr_status plmr_allreduce_check(const plmr_reduce_algorithm *algorithm, const plmr_reduce_options *options,
                                 const plmr_device *device, int rows, int cols);

/* Charges the vectors and configures the routes. The source may be NULL in timing mode. Collective. */
plmr_status plmr_allreduce_open(const plmr_reduce_algorithm *algorithm, const plmr_reduce_options *options,
                                plmr_region *region, int64_t length, enum plmr_dtype dtype, const plmr_source *vectors,
                                plmr_allreduce **allreduce);
void plmr_allreduce_close(plmr_allreduce *allreduce);

/* In both planes, or in time alone if the region has no values. A rank that lacks memory fails alone. Collective. */
plmr_status plmr_allreduce_run(plmr_allreduce *allreduce);

/* Calls visit on each rank for its share of the sum, as a matrix of one row. */
plmr_status plmr_allreduce_visit(plmr_allreduce *allreduce, plmr_visit visit, void *context);
