/* choose.h - where a model is placed, for what is asked for: the search that llm, generate, tune and serve share.
 *
 * A placement is the cores of a region, the layers that a region has, whether the output has a region of its own, how
 * often all of it is there (replicas), how many wafers share the experts of a layer (1, 2, 4, ..., where the link between
 * wafers is known), and the wafers that this takes. Whoever searches says what a placement comes to;
 * an aim says how good that is. Several replicas share a wafer as wholes; one that takes several wafers shares none.
 *
 * Which placements are looked at follows from model and requests alone: a device rules out what does not fit it. And what
 * a placement comes to never gets worse with more SRAM, cores, wafers, bandwidth or clock: cores do the same in the same
 * order, trees included (verbs/reduce_ktree.c). So the best of them does not either, on devices of at least 4x4 cores.
 */
#pragma once

#include "base/registry.h"
#include "infer/setup.h"

/* The least side of a region that is looked at, on devices that have it; and by which part one is at least larger than the one
 * before. */
enum { PLMR_CHOOSE_LEAST = 4, PLMR_CHOOSE_STEP = 50 };

typedef struct plmr_candidate {
    int rows, cols, layers; /* of a region; layers: at most */
    bool output_apart;
    int n_stages, replicas, n_wafers;
    int wide;        /* wafers that share experts */
    int64_t n_batch; /* of serving: most requests of a pass */
    double cycles;   /* that a request takes, alone, or as one of those that are run together */
    double tokens;   /* that the caches of all have room for */
} plmr_candidate;

typedef struct plmr_aim {
    const char *name, *summary;
    bool alone; /* cycles are those of a request alone */
    /* The less the better; among equals cycles decide. */
    double (*loss)(const plmr_candidate *choice);
} plmr_aim;

extern const plmr_aim plmr_aim_latency, plmr_aim_throughput, plmr_aim_capacity, plmr_aim_energy;

PLMR_REGISTRY(aim, plmr_aim)

/* The loss of a request as a whole, from those of its phases: a cache is decode's. Without an aim losses are cycles. */
double plmr_aim_add(const plmr_aim *aim, double prefill, double decode);

/* Whether a is to be preferred: by the aim, by cycles, and as what shares the requests among more. */
bool plmr_aim_is_better(const plmr_aim *aim, const plmr_candidate *a, const plmr_candidate *b);

typedef struct plmr_choose {
    const plmr_device *device;
    const plmr_aim *aim;
    const int *sides; /* of regions, rising: see plmr_choose_sides; NULL: rows x cols alone */
    int n_sides, rows, cols;
    bool oblong;               /* regions may be as 3 to 4, or 2 to 3, either way, beside squares */
    int n_layers, most_layers; /* of the model; of a region (0: any) */
    int n_wafers;              /* there are so many; 0: as few as hold the model come before everything else */
    int n_requests;            /* no more replicas than that */
    int n_beside;              /* regions that a replica takes beside */
    int least_wide, most_wide; /* wafers that share experts; 0: 1 */
    bool has_output;
    /* What follows is of regions of so many cores, with experts shared by so many wafers. Then: does the choice fit, and what
     * does it come to (cycles and tokens)? */
    plmr_status (*open)(void *context, int rows, int cols, int wide);
    plmr_status (*weigh)(void *context, plmr_candidate *choice, bool *fits);
    void *context;
} plmr_choose;

/* The best; all 0: nothing fits. Collective, if open and weigh are. */
plmr_status plmr_choose_best(const plmr_choose *choose, plmr_candidate *best);

/* Sides of square regions, rising, each a few percent larger than the one before: with them some dimension of the model,
 * or n_tokens, is dealt in smaller chunks than with one core fewer; `fine`: all with which that is so of a token's elements.
 * At most `most`; for the caller to free. Local. */
int *plmr_choose_sides(const plmr_model_shape *shape, int64_t n_tokens, int most, bool fine, int *n_sides);

/* The best placement of a phase by the setup's aim, into the setup: its region, or, where is_given, what else there is to
 * choose for it. Requests are the setup's, from n_prompt to n_tokens. The choice is all 0 where nothing
 * fits with all its weights; they stream in on one wafer alone, unless more are given. Rank 0 finds it for all. Collective. */
plmr_status plmr_choose_phase(const plmr_device *device, const plmr_model_shape *shape, const plmr_aim *aim,
                              bool is_given, bool decode, plmr_llm_setup *setup, plmr_candidate *choice);
