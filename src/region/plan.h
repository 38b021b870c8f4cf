/* plan.h - who sends to whom: phases of legs between the cores of a line, alike in all lines. Both planes carry out the
 * same plan. */
#pragma once

#include "plmr/device.h"

enum { PLMR_TREE_LEVELS = 8 };

typedef struct plmr_reduce_options {
    int n_levels;                   /* K of the K-tree */
    int n_groups[PLMR_TREE_LEVELS]; /* groups of the first phase, of the second, ...; all 0: the fastest by the model */
    int n_group_levels;             /* how many of them are given */
    bool to_root;                   /* one core of a line gets the sum: */
    int root;                       /* this one; else all do */
} plmr_reduce_options;

/* One leg of a reduction: core src streams its vector to core dst, which adds it as it comes and may pass it on. */
typedef struct plmr_leg {
    int src, dst;
} plmr_leg;

/* Legs that are launched together. In an adding phase dst = dst + src in order; else dst = src. */
typedef struct plmr_phase {
    bool adds;
    bool whole; /* a receiver sends on only what it has added whole; else word by word as it comes */
    plmr_leg *legs;
    int n_legs;
    uint64_t n_links; /* that a word crosses in a line, all legs together */
} plmr_phase;

typedef struct plmr_reduce_plan {
    const plmr_device *device; /* which it is made for, and how */
    plmr_reduce_options options;
    enum plmr_axis axis;
    int n;     /* cores on a line along it */
    bool ring; /* chunks are added up round the interleaved ring, each up to its own position; else phases */
    const struct plmr_flow_kind
        *kind; /* how words go, see verbs/flow.h: `turns` times, with one chunk. NULL: by phases */
    int turns;
    int root;   /* the core whose sum everybody gets, or which sends it to the one that does */
    bool drops; /* the phase that has been begun is left out: it would spread the sum */
    int n_phases;
    plmr_phase *phases;
    bool is_draft;                /* made for its time alone: routes are not counted */
    uint64_t *routes;             /* by core: the set of routes that the plan configures there */
    int routes_program;           /* distinct routes of the plan */
    int64_t hops, stages;         /* along the critical path */
    int groups[PLMR_TREE_LEVELS]; /* groups used, by level */
} plmr_reduce_plan;

/* For the files of algorithms: forgets all phases and routes; starts a phase, adding or copying. Copying ones are left
 * out, with their legs and routes, of a plan for one root. */
void plmr_reduce_plan_clear(plmr_reduce_plan *plan);
void plmr_reduce_plan_phase(plmr_reduce_plan *plan, bool adds);

/* Adds a leg to the last phase; `route` (0..63) is configured at both ends and at all cores between. */
void plmr_reduce_plan_leg(plmr_reduce_plan *plan, int src, int dst, int route);
