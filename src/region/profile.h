/* profile.h - where in a region a program's costs fall: what pictures of it are drawn from.
 *
 * A region keeps a profile if its options ask for one; else nothing here costs anything. The verbs treat all lines of
 * an axis alike, so what they do to cores and links is kept by coordinate along the axis, summed over the lines.
 */
#pragma once

#include "region/region.h"

/* What a core is busy with beside computing. */
enum plmr_move { PLMR_MOVE_SHIFT, PLMR_MOVE_MULTICAST, PLMR_MOVE_REDUCE, PLMR_N_MOVES };

enum { PLMR_LINK_UP, PLMR_LINK_DOWN }; /* directions of a link: from core i to core i + 1, and back */

/* A tensor in the SRAM of every core; `what` is cut to its length. */
typedef struct plmr_held {
    char what[48];
    int64_t n_bytes;
} plmr_held;

/* Routes that a verb has configured: cores[i] of them at every core with coordinate i along the axis. */
typedef struct plmr_routed {
    char what[48];
    enum plmr_axis axis;
    int n_program; /* distinct ones in the whole program */
    int *cores;
} plmr_routed;

typedef struct plmr_profile {
    int extent[2];
    size_t n; /* of both axes together, */
    /* By axis and direction: wavelets that crossed the link after core i of any line. The last link is a torus's, from
     * the last core to the first. All together are the ledger's wavelet_hops. */
    uint64_t *links[2][2];
    /* Of these, what messages with ways of their own have brought; and where: differences along the lines of the region,
     * one line after the other, words of this rank's senders and of its parts'. NULL: there were none. */
    uint64_t *strewn[2][2], *ways[2][2];
    double *adding_cycles[2]; /* by axis: cycles that cores i of all lines took streams in, summed over the lines */
    uint64_t *all_links;      /* links and strewn lie here one after the other, 4 n of them, */
    double *all_adding;       /* and cycles here */
    double compute_cycles, moving_cycles[PLMR_N_MOVES]; /* of every core, beside those */
    double multiply_adds;                               /* of every core */
    plmr_held *held, *peak;                             /* in SRAM now, and when it was fullest */
    int n_held, n_peak;
    plmr_routed *routed;
    int n_routed;
    struct plmr_profiled_part *parts; /* that the region has had; a list */
} plmr_profile;

/* A part's profile, the first core of which is core `at` of the whole. */
typedef struct plmr_profiled_part {
    char name[48];
    int at[2];
    plmr_profile *profile;
    struct plmr_profiled_part *next;
} plmr_profiled_part;

/* Local; the same on all ranks, as is all that follows. */
plmr_profile *plmr_profile_create(const int extent[2]);
void plmr_profile_destroy(plmr_profile *profile);

/* One for a part, which is the whole's profile's. */
plmr_profile *plmr_profile_of_part(plmr_profile *whole, const char *name, const int at[2], const int extent[2]);

/* Makes room for ways. */
void plmr_profile_take_ways(plmr_profile *profile);

/* Forgets cycles and wavelets, not memory and routes: a new pass of a program. NULL: does nothing. */
void plmr_profile_reset(plmr_profile *profile);

/* For plmr_region_repeat: a copy of the cycles and wavelets so far, and adding `times` what has come since. */
plmr_profile *plmr_profile_mark(const plmr_profile *profile);
void plmr_profile_repeat(plmr_profile *profile, const plmr_profile *mark, int64_t times);

/* For the region: what was charged (is_peak: SRAM was never fuller), released and routed. `once`: not if the same was
 * noted before. */
void plmr_profile_hold(plmr_profile *profile, const char *what, int64_t n_bytes, bool is_peak);
void plmr_profile_release(plmr_profile *profile, int64_t n_bytes);
void plmr_profile_route(plmr_profile *profile, const char *what, enum plmr_axis axis, const int *cores, int n_program,
                        bool once);
