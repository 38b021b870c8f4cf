/* region.h - the inside of a region: which cores it has, and what they are charged. What they do in virtual time is
 * src/time's to say, what they hold is src/data's. */
#pragma once

#include "device/used.h"
#include "device/way.h"
#include "kernel/kernel.h"
#include "plmr/region.h"
#include "ranks/ranks.h"
#include "region/defects.h"

typedef struct plmr_clock plmr_clock;
typedef struct plmr_trace plmr_trace;
typedef struct plmr_profile plmr_profile;
typedef struct plmr_tiles_routes plmr_tiles_routes;
struct plmr_points;
struct plmr_own;

/* What the program has been charged; see plmr_cost for the meaning of the sums. */
typedef struct plmr_ledger {
    int64_t sram_bytes, sram_peak_bytes;
    int *routes[2]; /* by axis: routes configured at each core along it; a core holds routes[x][col] + routes[y][row] */
    int routes_program;
    uint64_t wavelet_hops, border_hops; /* UINT64_MAX: more than can be counted */
    int64_t hops, stages, steps;
    struct {
        bool open, ended;
        int64_t hops, stages;
    } path[2];             /* by axis: of the verb under way there; overlapping verbs count the longer path */
    double compute_cycles; /* each step's by its slowest core */
    double beside_cycles;  /* of these, those that the busiest core did not compute in */
    double multiply_adds;  /* of all cores; whole numbers, exact below 2^53 */
    bool violates_memory, violates_routes;
    unsigned parts; /* of the model that the program has used: see device/used.h */
} plmr_ledger;

/* sum + n * times, or UINT64_MAX. */
static inline uint64_t plmr_count_more(uint64_t sum, uint64_t n, uint64_t times)
{
    uint64_t more;
    return __builtin_mul_overflow(n, times, &more) || __builtin_add_overflow(sum, more, &sum) ? UINT64_MAX : sum;
}

struct plmr_region {
    plmr_ranks *ranks;
    const plmr_device *device;
    plmr_region_options options;
    int extent[2];          /* cores along x and y */
    int first[2], count[2]; /* this rank's block, along x and y */
    int *owner[2];          /* by core along an axis: see plmr_region_deal; NULL: ranks have blocks that are alike */
    plmr_defects *defects;  /* NULL: all cores are alike */
    plmr_clock *clock;
    plmr_ledger ledger;
    plmr_profile *profile;                /* see profile.h; NULL: none is kept */
    int *base_routes[2], *span_routes[2]; /* of spans, see below; NULL: there was none */
    bool in_span;
    double wall_start_s;             /* of the pace: when the first exchange began; 0 before that */
    plmr_gemm_scratch *scratch;      /* of all products; made with the first */
    plmr_trace *trace;               /* of chosen cores; NULL: there is none */
    plmr_tiles_routes *tiles_routes; /* of the verbs of tiles; made with the first */
    struct plmr_points *flows;       /* all of messages that there are, */
    struct plmr_points *under_way;   /* and those of messages that have begun; see verbs/points.h */
    struct plmr_own *own;            /* numbers for the program's record; see verbs/record.h */
    plmr_status (*check_own)(const char *key,
                             double value); /* whether the record takes one more; NULL: there is none */
    double marked_cycles;                   /* the latest clock at the last mark */
    bool is_uneven;                         /* cores have had steps, or parts turns, that others had not */
    double *by_core, most_by_core; /* cycles of each core of the block, and of the busiest one of the region, in steps
                                               where each has its own; NULL: there was none */
    plmr_status complaint;         /* see plmr_region_complain */

    /* Parts, see plmr/part.h and verbs/part.h. Of a part: */
    plmr_region *whole; /* NULL: it is none */
    char *name;
    int at[2];               /* its first core in the whole */
    plmr_device *own_device; /* the device as seen from there */
    plmr_ledger told;        /* what the whole has been charged for it */
    double computed_before;  /* of its ledger's compute_cycles those of the whole */
    plmr_region *next_part;
    /* Of a whole: */
    plmr_region *parts;
    bool is_parted;      /* its parts keep their cores' clocks */
    int routes_of_parts; /* the most that a core had while parts were there that are not any more */
    plmr_status (*turn)(plmr_region *region, const char *verb); /* of both, else NULL: clocks are to be this region's */
};

/* The ranks of columns, then those of rows: a core's is the sum of its column's and its row's. For free(). Local. */
int32_t *plmr_region_owners(const plmr_region *region);

/* Keeps an error of a function that returns none: the region's next verb returns it, and every one after that. Takes
 * ownership; the first stays. Local. */
void plmr_region_complain(plmr_region *region, plmr_status error);

/* From now on the values of core c along the axis are those of the ranks at place owner[c], every place having one core at
 * least; slots of an interleaved ring, made after this, form two runs at most for each place. `first` and `count` are then
 * those of the block from a rank's first such core to its last one. For regions that compute and of whose clocks nobody
 * asks. Takes ownership. Local, alike on all ranks. */
void plmr_region_deal(plmr_region *region, enum plmr_axis axis, int *owner);

/* The place of the ranks that have a core; the cores of a place, from the first to the last. */
int plmr_region_owner(const plmr_region *region, enum plmr_axis axis, int core);
void plmr_region_share(const plmr_region *region, enum plmr_axis axis, int place, int *first, int *count);

/* What every public verb asks first: that there is a region, and no complaint. Local, but where there are parts: then it
 * takes over their clocks, or gives them. */
plmr_status plmr_region_check(plmr_region *region, const char *verb);
plmr_status plmr_axis_check(enum plmr_axis axis, const char *verb);

/* Configures routes for `what`: cores[i] more at every core with coordinate i along the axis (extent entries), and
 * n_program more in the whole program. Fails with PLMR_ERROR_LIMIT if a core would hold more than the device's R,
 * unless allowed. Local, alike on all ranks. */
plmr_status plmr_region_route(plmr_region *region, const char *what, enum plmr_axis axis, const int *cores,
                              int n_program);

/* Several of them, all or none: what `status` fails with takes back what has been configured since. Not in spans. Local. */
typedef struct plmr_routed_before {
    int *routes[2], routes_program, n_noted;
    bool violates;
} plmr_routed_before;
plmr_routed_before plmr_region_routes_begin(const plmr_region *region);
plmr_status plmr_region_routes_end(plmr_region *region, plmr_routed_before *before, plmr_status status);

/* Between begin and end of a span, what is configured takes the place of what earlier spans configured: programs that
 * follow each other and use the same routes, such as the products of a layer. Local. */
void plmr_region_span_begin(plmr_region *region);
void plmr_region_span_end(plmr_region *region);

/* Routes left for one of two axes when `taken` are gone: what a program may plan with. */
int plmr_region_routes_left(const plmr_region *region);

/* Of these, what a program of one multicast per owner grants each axis: one for every core while the router has them,
 * else half of what is left. */
int plmr_region_multicast_routes(const plmr_region *region);

/* What words meet between two cores of a line, dead cores on the way included; in the line that has most of them. */
static inline plmr_way plmr_region_way(const plmr_region *region, enum plmr_axis axis, int from, int to)
{
    int more = region->defects ? plmr_defects_detour(region->defects, axis, from, to) : 0;
    return plmr_way_over(region->device, axis, abs(to - from) + more, plmr_way_borders(region->device, axis, from, to));
}

/* Adds a verb's longest path to the ledger. Of verbs along different axes that overlap the longer one counts; what begins when
 * one has ended comes behind it. */
void plmr_region_path(plmr_region *region, enum plmr_axis axis, int64_t hops, int64_t stages);
void plmr_region_end_path(plmr_region *region, enum plmr_axis axis);
void plmr_region_close_paths(plmr_region *region);

/* The scratch of products, sized by the caches of this machine. Local. */
plmr_gemm_scratch *plmr_region_scratch(plmr_region *region);

/* The routes of the core that holds most, and which that is. */
int plmr_region_most_routes(const plmr_region *region, int *row, int *col);
