/* tree.h - a reduction's order of additions as this rank sees it: the values of a reduce plan, without its time.
 *
 * The adding legs of a plan make one expression over the partial values of all cores of a line. What of it concerns
 * cores of one rank alone is compiled into postfix programs (see kernel/vector.h), which a kernel can run while it
 * makes the partial values; what crosses ranks is left as legs between the programs' results.
 *
 * However many legs that are, ranks talk twice: each gets its share of the columns of all results, carries out all legs
 * on it in the plan's order, and gives what comes out to all. Short vectors are not worth sharing: each rank gets all of
 * all results, once.
 */
#pragma once

#include "kernel/vector.h"
#include "region/plan.h"
#include "region/region.h"

/* dst += src between results of all ranks: the first rank's come first. */
typedef struct plmr_tree_leg {
    int src, dst;
} plmr_tree_leg;

typedef struct plmr_tree {
    enum plmr_axis axis;
    int n_places, place; /* ranks of the line, and which of them this one is */
    int *first_value;    /* by place: number of its first result among those of all; n_places + 1 of them */
    int n_values;        /* results of this rank: value v is the program ops[first[v]] ... ops[first[v + 1] - 1] */
    int *first;
    plmr_tree_op *ops; /* cores are local to the block */
    int depth;         /* values on the stack, at most */
    int n_legs;
    plmr_tree_leg *legs;
    int root;                /* the result that all ranks get */
    plmr_exchange *messages; /* NULL: all cores are this rank's */
} plmr_tree;

/* What a program makes of one number of each core. */
float plmr_tree_sum(const plmr_tree_op *ops, int n_ops, const float *of_cores);

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
    void (*make)(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out, int next);
    /* Or, where there is one: a whole program, for n_batch vectors of the strip's width, in one go: the results come to
     * the beginning of the stack, `width` floats apart. `stack` has room for the depth of the tree and one more, times
     * n_batch vectors. */
    void (*run)(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width, float *stack);
    const void *context;
    float *sum; /* n_batch vectors, ld_sum apart; on every rank of the line */
    size_t ld_sum;
} plmr_tree_job;

/* Collective over the line of ranks. */
void plmr_tree_run(const plmr_tree_job *job);

/* Several jobs of one tree as one reduction: their vectors travel together. The same sums. */
void plmr_tree_run_fused(const plmr_tree_job *jobs, int n_jobs);
