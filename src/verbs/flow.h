/* flow.h - a communication, said once: who sends words to whom along an axis, in all lines alike or in each its own.
 *
 * A flow is a plain value: a kind, and what it runs along. The kind describes the flow by its legs. What it costs is
 * derived when it begins, by plmr_flow_begin alone: the event of a trace, the clocks, hops and stages of the longest
 * path, wavelets on links, and the pace. A kind says in closed form what would take long to count from its legs;
 * tests/verbs/test_flow.c holds every such form to them.
 *
 * On a line of 4 cores whose program grants 2 routes to the axis, a multicast of 8 words from core 0 (wse2):
 *
 *     plmr_flow flow = plmr_flow_multicast(region, PLMR_X, 0, 2, "A");
 *     legs      0->1 0->2 0->3, those to 2 and 3 with one stage: core 1 relays for its neighbours
 *     clock     8, 13, 19, 20 cycles after the last core is ready: flight, stages, then the words
 *     path      3 hops, 1 stage; links: 0-1, 1-2, 2-3 once each, so 8 * 3 wavelets in every line
 *     routes    2 at every core, if asked for by plmr_flow_route
 *
 * A new kind is a file like exchange.c: its legs, how its clocks go on, its path, and a constructor. One that a single
 * algorithm uses stands in that algorithm's file: gemm/fox.c, reduce_scatter.c.
 */
#pragma once

#include "region/plan.h"
#include "region/profile.h"
#include "region/ring.h"

typedef struct plmr_flow plmr_flow;

typedef struct plmr_flow_leg {
    int phase; /* legs of one phase are launched together */
    int src, dst;
    int stages;  /* cores on the way whose software passes the words on */
    bool shares; /* crosses a link once with the legs right before it that are of the same phase and source */
    bool wraps;  /* goes round a torus */
} plmr_flow_leg;

typedef void (*plmr_leg_visit)(void *context, const plmr_flow_leg *leg);

typedef struct plmr_flow_kind {
    /* The description: visits every leg of one turn, phase by phase. NULL: messages that go anywhere. */
    void (*legs)(const plmr_flow *flow, plmr_leg_visit visit, void *context);

    /* Advances the clocks, with what cores are busy with. */
    void (*clock)(const plmr_flow *flow, int64_t words);

    /* In closed form: adds words to links of a profile, and stream to the cycles of receivers. NULL: leg by leg. */
    void (*links)(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile);

    /* Routes at every core of a line; returns how many different ones the program has. NULL: n_alike at each. */
    int (*routes)(const plmr_flow *flow, int *cores);

    bool by_line; /* legs are those of `line` in `turn`: as many links in every line and turn, but others */
    bool streams; /* receivers are busy while words come in: they add them up, or keep them */
} plmr_flow_kind;

/* Cycles until the last of so many words from each core of a line has come to each column here. */
typedef struct plmr_fan_arrivals {
    int64_t words;   /* -1: nothing yet */
    double cycles[]; /* (cores of a line, columns here) */
} plmr_fan_arrivals;

struct plmr_flow {
    const plmr_flow_kind *kind;
    plmr_region *region;
    enum plmr_axis axis;
    const char *verb, *of; /* what events are called; verb NULL: as the last one */
    int n_alike;           /* routes at every core, where the kind does not say more */
    int turns;             /* the legs are carried out so many times, one after the other; */
    int line, turn;        /* whose legs, if they differ */
    uint64_t n_links;      /* links that a word of one turn crosses in a line */
    int64_t hops, stages;  /* of the longest path, all turns together */

    /* What kinds need to know. */
    const plmr_ring *ring;        /* exchanges: round this one, */
    int n_directions;             /* with routes for so many directions */
    int from, n_routes;           /* multicasts: whose; how many the axis is granted */
    const plmr_reduce_plan *plan; /* reductions: phases [first, end) of a plan */
    int first, end;
    double launch, forward;             /* of a phase; of a core that passes words on as they come */
    const struct plmr_product *result;  /* in products: which */
    struct plmr_fan_arrivals *arrivals; /* of a diagonal: kept from turn to turn */
};

/* Configures the routes that flows like this one need, for `what`: once for all of them. */
plmr_status plmr_flow_route(const plmr_flow *flow, const char *what);

/* The same with the first call, which keeps the flow where *kept points, for free(). */
plmr_status plmr_flow_keep(plmr_flow **kept, plmr_flow flow, const char *what);

/* Every core sends its words. Between begin and end cores may work, and flows along the other axis begin; from the end
 * on they wait for it. Reductions are done at once, and need no end. Local but for messages. */
void plmr_flow_begin(const plmr_flow *flow, int64_t words);
void plmr_flow_end(const plmr_flow *flow);

/* That end, for whoever has the flow no more. */
void plmr_flow_join(plmr_region *region, enum plmr_axis axis);

/* One right after the other. */
void plmr_flow_run(const plmr_flow *flow, int64_t words);

/* ---- the kinds ---- */

/* Every core exchanges with both its ring neighbours; it is busy shift_launch + shift_wavelet * W. Relayed: where
 * programs plan no routes beyond the next core, software passes messages on at every core between. */
plmr_flow plmr_flow_exchange(const plmr_ring *ring, const char *verb, const char *of);
plmr_flow plmr_flow_relayed(const plmr_ring *ring);

/* Core `from` sends to all others; every core does (as `from` -1). Every sender has a route of its own while n_routes,
 * what the program grants the axis, suffice; else software relays it every n_routes cores. */
plmr_flow plmr_flow_multicast(plmr_region *region, enum plmr_axis axis, int from, int n_routes, const char *of);
plmr_flow plmr_flow_gather(plmr_region *region, enum plmr_axis axis, int n_routes, const char *of);

/* The plan's allreduce; of a plan that rings, `words` are one chunk's. And one half of it: vectors are added up and
 * sent on to the core that keeps the sum, or spread from there. */
plmr_flow plmr_flow_allreduce(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan);
plmr_flow plmr_flow_half(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, bool spreads,
                         const char *of);

/* Sums by a chain to the end of the line, `software` cycles at every core, and as many on the way back. The caller
 * frees the plan that it goes by, with plmr_reduce_plan_destroy. */
plmr_flow plmr_flow_chain(plmr_region *region, enum plmr_axis axis, double software, plmr_reduce_plan **plan);

/* Every core fetches from anywhere: on average (rows + cols) / 3 hops away, so every core is the relay of as many
 * messages of others, `software` cycles beside the relay's own for each. */
plmr_flow plmr_flow_fetch(plmr_region *region, double software);

/* Partial results go along x by chains from both ends of every row to the core that keeps the sum: a step of
 * plmr_multiply_converge, whose turn it is. */
plmr_flow plmr_flow_converge(const struct plmr_product *result);

/* ---- for kinds and tests ---- */

/* Leg by leg, as streams: see docs/MODEL.md. The clock of reductions. */
void plmr_flow_stream(const plmr_flow *flow, int64_t words);

/* Links that a word of one turn crosses in a line, counted from the legs; with a profile, `words` more on each, and
 * `stream` cycles more at receivers. */
uint64_t plmr_flow_count(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile);

/* The legs of a multicast from core `from`, and cycles until the last of so many words from there has come to `to`; to
 * `from`: until it has left, as fast as the slowest link of the line lets it. */
void plmr_flow_fan_legs(const plmr_flow *flow, int from, plmr_leg_visit visit, void *context);
double plmr_flow_arrival(const plmr_flow *flow, int from, int to, double words);

/* Cycles in which a core sends a message and takes one in. */
double plmr_flow_launch(const plmr_flow *flow, int64_t words);

/* The first half of a reduction round a ring: launched once, then every core streams `words` to the core before it, n -
 * 1 times, each adding to what came. */
void plmr_flow_lap(const plmr_flow *flow, int64_t words);

/* The routes at every core of a line; returns how many different ones there are. And those of the flow's plan. */
int plmr_flow_routes(const plmr_flow *flow, int *cores);
int plmr_flow_plan_routes(const plmr_flow *flow, int *cores);

/* The legs of an exchange, to the ring neighbour before every core, relayed or not. */
void plmr_flow_ring_legs(const plmr_ring *ring, bool relayed, plmr_leg_visit visit, void *context);
