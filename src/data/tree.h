/* tree.h - a reduction's order of additions as this rank sees it: the values of a reduce plan, without its time.
 *
 * The adding legs of a plan make one expression over the partial values of all cores of a line. What of it concerns
 * cores of this rank alone is compiled into postfix programs (see kernel/vector.h), which a kernel can run while it
 * makes the partial values; what crosses ranks is left as legs between the programs' results.
 */
#pragma once

#include "kernel/vector.h"
#include "region/plan.h"
#include "region/region.h"

/* dst += src between results; -1: the other rank's, at `place`. */
typedef struct plmr_tree_leg {
    int src, dst, place;
} plmr_tree_leg;

typedef struct plmr_tree {
    plmr_ranks *ranks; /* NULL: all cores are this rank's */
    enum plmr_axis axis;
    int n_values; /* results of this rank: value v is the program ops[first[v]] ... ops[first[v + 1] - 1] */
    int *first;
    plmr_tree_op *ops; /* cores are local to the block */
    int depth;         /* values on the stack, at most */
    int n_legs;
    plmr_tree_leg *legs;
    int root, root_place; /* the result that all ranks get, on the rank that has it */
    plmr_exchange *messages;
} plmr_tree;

/* Compiles a plan, not a ring's, for this rank's cores along the axis. Local. */
plmr_tree *plmr_tree_create(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan);

/* The same for a line of cores all of which are this rank's. */
plmr_tree *plmr_tree_create_local(const plmr_reduce_plan *plan);
void plmr_tree_destroy(plmr_tree *tree);

/* The vectors of the line's cores are made strip by strip, n_batch of them side by side: `make` writes (or, with
 * `onto`, makes and adds: out = own + onto) n_batch vectors of the strip's width for a local core, `out` and `onto`
 * being n_batch vectors of `width` floats apart. `next`: the core that will be asked for next, or -1. */
typedef struct plmr_tree_job {
    const plmr_tree *tree;
    enum plmr_dtype accumulate;
    int n_batch;
    int64_t n;     /* elements of a vector */
    int64_t strip; /* at most so many at a time, */
    int64_t pitch; /* padded to so many: `width` for make. 0: not padded */
    void (*make)(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out, int next);
    const void *context;
    float *sum; /* n_batch vectors, ld_sum apart; on every rank of the line */
    size_t ld_sum;
} plmr_tree_job;

/* Collective over the line of ranks. */
void plmr_tree_run(const plmr_tree_job *job);

/* Several jobs of one tree as one reduction: their vectors travel together. The same sums. */
void plmr_tree_run_fused(const plmr_tree_job *jobs, int n_jobs);
