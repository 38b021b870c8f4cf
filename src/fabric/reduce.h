/* reduce.h - reductions and allreduces of one vector per core, along an axis, all lines at once.
 *
 * An algorithm makes a plan for a line of n cores: phases of legs (a leg: one core streams its vector to another), in
 * an order that fixes how values are added. Both planes carry out the same plan.
 */
#ifndef PLMR_REDUCE_H
#define PLMR_REDUCE_H

#include "base/registry.h"
#include "fabric/clock.h"

enum { PLMR_TREE_LEVELS = 8 };

typedef struct plmr_reduce_options {
    int n_levels;                   /* K of the K-tree */
    int n_groups[PLMR_TREE_LEVELS]; /* groups of the first phase, of the second, ...; all 0: the fastest by the model */
    int n_group_levels;             /* how many of them are given */
} plmr_reduce_options;

/* Legs that are launched together. In an adding phase dst = dst + src in order; else dst = src. */
typedef struct plmr_phase {
    bool adds;
    bool whole; /* a receiver sends on only what it has added whole; else word by word as it comes */
    plmr_leg *legs;
    int n_legs;
} plmr_phase;

typedef struct plmr_reduce_plan {
    enum plmr_axis axis;
    int n;     /* cores on a line along it */
    bool ring; /* chunks stream round the interleaved ring; else phases */
    int root;  /* the core whose sum everybody gets */
    int n_phases;
    plmr_phase *phases;
    bool is_draft;                /* made for its time alone: routes are not counted */
    uint64_t *routes;             /* by core: the set of routes that the plan configures there */
    int routes_program;           /* distinct routes of the plan */
    int64_t hops, stages;         /* along the critical path */
    int groups[PLMR_TREE_LEVELS]; /* groups used, by level */
} plmr_reduce_plan;

typedef struct plmr_reduce_algorithm {
    const char *name, *summary;
    plmr_status (*plan)(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan);
} plmr_reduce_algorithm;

PLMR_REGISTRY(reduce, plmr_reduce_algorithm)

/* Cycles of the plan on a line whose cores all start at 0, for vectors of `wavelets`: the path that decides gives the
 * hops and stages. Not for rings. */
void plmr_reduce_plan_cycles(const plmr_device *device, const plmr_reduce_plan *plan, double wavelets, double *t_cycles,
                             int64_t *hops, int64_t *stages);

/* The length of a typical vector, to choose group counts and trace paths with. It hardly matters: all trees of K levels
 * handle a vector as often. */
enum { PLMR_TYPICAL_WAVELETS = 8 };

/* For the files of algorithms: forgets all phases and routes; starts a phase, adding or copying. */
void plmr_plan_clear(plmr_reduce_plan *plan);
void plmr_plan_phase(plmr_reduce_plan *plan, bool adds);

/* Adds a leg to the last phase; `route` (0..63) is configured at both ends and at all cores between. */
void plmr_plan_leg(plmr_reduce_plan *plan, int src, int dst, int route);

/* The ways that a wavelet of a vector goes in phases [first, end), each straight from core to core: every leg of an
 * adding phase; of a multicast, which crosses a link once whatever the number of receivers, the way to each end. And
 * the links that they cross together. */
void plmr_plan_paths(const plmr_reduce_plan *plan, int first, int end, void (*visit)(void *context, int from, int to),
                     void *context);
uint64_t plmr_plan_links(const plmr_reduce_plan *plan, int first, int end);

plmr_status plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                    enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                    plmr_reduce_plan **plan);
void plmr_reduce_plan_destroy(plmr_reduce_plan *plan);

/* Configures the plan's routes along the axis. Once per program and axis. */
plmr_status plmr_reduce_route(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, const char *what);

/* Every core's vector of n_elements (element_bytes each) becomes the sum along the axis: the time plane. Collective. */
void plmr_allreduce_time(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int64_t n_elements,
                         size_t element_bytes);

/* The data plane: `vectors` holds, for each core of this block along the axis, `across` lines of n_elements floats; on
 * return `sum` (across * n_elements floats) holds the sums, on every rank of the line. The vectors are used up. Sums
 * are rounded to f16 after every addition if accumulate is PLMR_F16. Collective over the line of ranks. */
void plmr_allreduce_values(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan,
                           enum plmr_dtype accumulate, int64_t n_elements, int64_t across, float *vectors, float *sum);

#endif
