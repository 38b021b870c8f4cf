/* region.h - the inside of a region, for the verbs. */
#ifndef PLMR_REGION_INTERNAL_H
#define PLMR_REGION_INTERNAL_H

#include "device/way.h"
#include "kernel/kernel.h"
#include "plmr/region.h"
#include "plmr/ring.h"
#include "ranks/ranks.h"

typedef struct plmr_clock plmr_clock;
typedef struct plmr_trace plmr_trace;
typedef struct plmr_profile plmr_profile;
typedef struct plmr_tiles_routes plmr_tiles_routes;

/* What the program has been charged; see plmr_cost for the meaning of the sums. */
typedef struct plmr_ledger {
    int64_t sram_bytes, sram_peak_bytes;
    int *routes[2]; /* by axis: routes configured at each core along it; a core holds routes[x][col] + routes[y][row] */
    int routes_program;
    uint64_t wavelet_hops;
    int64_t hops, stages, steps;
    struct {
        bool open;
        int64_t hops, stages;
    } path[2]; /* by axis: of the verb under way there; overlapping verbs count the longer path */
    double compute_cycles;
    double multiply_adds; /* of all cores; whole numbers, exact below 2^53 */
    bool violates_memory, violates_routes;
} plmr_ledger;

struct plmr_region {
    plmr_ranks *ranks;
    const plmr_device *device;
    plmr_region_options options;
    int extent[2];          /* cores along x and y */
    int first[2], count[2]; /* this rank's block, along x and y */
    plmr_clock *clock;
    plmr_ledger ledger;
    plmr_profile *profile;                /* see profile.h; NULL: none is kept */
    int *base_routes[2], *span_routes[2]; /* of spans, see below; NULL: there was none */
    bool in_span;
    double wall_start_s;             /* of the pace: when the first exchange began; 0 before that */
    plmr_gemm_scratch *scratch;      /* of all products; made with the first */
    plmr_trace *trace;               /* of chosen cores; NULL: there is none */
    plmr_tiles_routes *tiles_routes; /* of the verbs of tiles; made with the first */
    plmr_ring *late_ring[2];         /* by axis: destroyed, but still under way there */
    plmr_status complaint;           /* see plmr_region_complain */
};

/* Keeps an error of a function that returns none: the region's next verb returns it, and every one after that. Takes
 * ownership; the first stays. Local. */
void plmr_region_complain(plmr_region *region, plmr_status error);

/* What every public verb asks first: that there is a region, and no complaint. Local. */
plmr_status plmr_region_check(const plmr_region *region, const char *verb);
plmr_status plmr_axis_check(enum plmr_axis axis, const char *verb);

/* Configures routes for `what`: profile[i] more at every core with coordinate i along the axis (extent entries), and
 * n_program more in the whole program. Fails with PLMR_ERROR_LIMIT if a core would hold more than the device's R,
 * unless allowed. Local, alike on all ranks. */
plmr_status plmr_region_route(plmr_region *region, const char *what, enum plmr_axis axis, const int *profile,
                              int n_program);

/* Between begin and end of a span, what is configured takes the place of what earlier spans configured: programs that
 * follow each other and use the same routes, such as the products of a layer. Local. */
void plmr_region_span_begin(plmr_region *region);
void plmr_region_span_end(plmr_region *region);

/* Routes left for one of two axes when `taken` are gone: what a program may plan with. */
int plmr_region_routes_left(const plmr_region *region);

/* Of these, what a program of one multicast per owner grants each axis: one for every core while the router has them,
 * else half of what is left. */
int plmr_region_multicast_routes(const plmr_region *region);

/* Adds a verb's longest path to the ledger. Verbs on different axes overlap: the longer one counts.
 */
void plmr_region_path(plmr_region *region, enum plmr_axis axis, int64_t hops, int64_t stages);
void plmr_region_close_paths(plmr_region *region);

/* Does a turn, which is a `what` ("layer"), n times. Turns are alike: the same verbs, which on equal clocks do the
 * same. All that verbs do to clocks is to add constants and take maxima; so once a turn has advanced every clock by the
 * same amount, each further one advances them by just that again. These are not run: their time and charges are added,
 * exactly. Returns in *n_run how many were run. Not with options.every_step, nor where there are values. Collective. */
plmr_status plmr_region_repeat(plmr_region *region, const char *what, int64_t n, plmr_status (*turn)(void *context),
                               void *context, int64_t *n_run);

/* plmr_region_busy by a name, which events have. */
void plmr_region_compute(plmr_region *region, const char *what, double t_cycles);

/* Every core multiplies for t_cycles: n_macs multiply-adds in each. Local, but for messages of verbs that it completes.
 */
void plmr_region_multiply(plmr_region *region, double t_cycles, int64_t n_macs);

/* With a pace: waits until wall time has come to where the clocks of this rank's block are. Verbs call it when an
 * exchange begins, and so when all before it have arrived. */
void plmr_region_pace(plmr_region *region);

/* Memory of n_bytes on huge pages where the system has them; NULL if there is none. */
void *plmr_slab_create(size_t n_bytes);
void plmr_slab_destroy(void *slab);

/* The scratch of products, sized by the caches of this machine. Local. */
plmr_status plmr_region_scratch(plmr_region *region, plmr_gemm_scratch **scratch);

/* A ring as this rank sees it. */
enum { PLMR_RING_GHOSTS = 8 };

typedef struct plmr_ring_ghost {
    int core;  /* along the axis */
    int place; /* of the rank that owns it (receive) or wants it (send) */
} plmr_ring_ghost;

struct plmr_ring {
    plmr_region *region;
    enum plmr_axis axis;
    enum plmr_ring_kind kind;
    int n, slots;                 /* cores on the ring; slots per core */
    bool routed[2], align_routed; /* shifts of whole tiles down and up it, and alignments, have their routes */
    int reach;                    /* distance on the wafer between ring neighbours away from the ends: 1 or 2, */
    plmr_way inner;               /* and the way between them */
    int longest;                  /* hops of the longest exchange */
    int64_t total_hops;           /* of one exchange by every core of the ring */
    int n_runs;
    plmr_run runs[2]; /* slots of this rank's block, in local order */
    /* For each core of the block: its ring neighbours, as local index, or ~g for ghost g; and the ways from them. */
    int *before, *after;
    plmr_way *way_before, *way_after;
    int n_ghosts, n_wanted;
    /* Neighbours that other ranks own; cores of this block that are ghosts elsewhere. Those of one place are together,
     * in the same order on both sides. */
    plmr_ring_ghost ghosts[PLMR_RING_GHOSTS], wanted[2 * PLMR_RING_GHOSTS];
};

/* plmr_ring_create where there are cores enough. */
plmr_ring *plmr_ring_make(plmr_region *region, enum plmr_axis axis, enum plmr_ring_kind kind, int slots_per_core);

/* What plmr_ring_destroy does at once or, for a ring whose last exchange is still under way, later. */
void plmr_ring_free(plmr_ring *ring);

/* Configures the routes of exchanges round the ring, in one direction or two: send, receive and transit for each. */
plmr_status plmr_ring_route(const plmr_ring *ring, const char *what, int n_directions);

/* Place on the rank grid of the owner of slot s. */
int plmr_ring_owner(const plmr_ring *ring, int slot);

/* The core before this one on the ring, itself at the end of a line. */
int plmr_ring_before(const plmr_ring *ring, int core);

/* Slots owned by this rank. */
int plmr_ring_local_slots(const plmr_ring *ring);

/* The runs of slots owned by the rank at `place`; returns their number (1 or 2). */
int plmr_ring_runs(const plmr_ring *ring, int place, plmr_run runs[2]);

#endif
