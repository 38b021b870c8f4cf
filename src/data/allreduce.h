/* allreduce.h - the values of an allreduce. */
#pragma once

#include "region/plan.h"
#include "region/region.h"

/* `vectors` holds, for each core of this block along the axis, `across` lines of n_elements floats; on
 * return `sum` (across * n_elements floats) holds the sums, on every rank of the line. The vectors are used up. Sums
 * are rounded to f16 after every addition if accumulate is PLMR_F16. Collective over the line of ranks. */
void plmr_allreduce_values(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan,
                           enum plmr_dtype accumulate, int64_t n_elements, int64_t across, float *vectors, float *sum);
