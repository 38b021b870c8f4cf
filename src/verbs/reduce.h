/* reduce.h - reductions and allreduces of one vector per core, along an axis, all lines at once.
 *
 * An algorithm makes a plan for a line of n cores: phases of legs (a leg: one core streams its vector to another), in
 * an order that fixes how values are added. Both planes carry out the same plan.
 */
#pragma once

#include "base/registry.h"
#include "data/allreduce.h"
#include "verbs/flow.h"

typedef struct plmr_reduce_algorithm {
    const char *name, *summary;
    plmr_status (*plan)(plmr_reduce_plan *plan); /* for a line of plan->n cores */
} plmr_reduce_algorithm;

PLMR_REGISTRY(reduce, plmr_reduce_algorithm)

/* Cycles of the plan on a line whose cores all start at 0, for vectors of `wavelets`: the path that decides gives the
 * hops and stages. Not for rings. */
void plmr_reduce_plan_cycles(const plmr_reduce_plan *plan, double wavelets, double *t_cycles, int64_t *hops,
                             int64_t *stages);

/* The length of a typical vector, to choose group counts (at a cycle for each of its words, whatever links take) and trace
 * paths with. It hardly matters: all trees of K levels handle a vector as often. */
enum { PLMR_TYPICAL_WAVELETS = 8 };

plmr_status plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                    enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                    plmr_reduce_plan **plan);
/* What plans of chunks round the interleaved ring have in common: its routes, how their words go, and the hops of so many
 * laps of n - 1 steps. */
plmr_status plmr_reduce_plan_ring(plmr_reduce_plan *plan, const plmr_flow_kind *kind, int laps);

/* Counts the links that phases cross, when all legs are there. */
void plmr_reduce_plan_count(plmr_reduce_plan *plan);
void plmr_reduce_plan_destroy(plmr_reduce_plan *plan);

/* Configures the plan's routes along the axis. Once per program and axis. */
plmr_status plmr_reduce_route(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, const char *what);

/* Every core's vector of n_elements (element_bytes each) becomes the sum along the axis: the time plane. Collective. */
void plmr_allreduce_time(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int64_t n_elements,
                         size_t element_bytes);
