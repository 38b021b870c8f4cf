/*
 * A mesh fabric moved wavelet by wavelet and cycle by cycle.
 *
 * It exists to check an analytic model of time against a mechanism, so it knows no formula: only what one router and
 * one processor can do in one cycle. It shares nothing with the library under test.
 *
 * The machine. Cores lie on a mesh of rows x cols, numbered row by row; row 0 is the northernmost. Each has a router
 * and a processor.
 *  - Link: carries one wavelet per cycle and direction. A wavelet that leaves a router in cycle t is at the
 * neighbouring router in cycle t + hop and may leave that one in the same cycle.
 *  - Ramp: the same between a core's processor and its router, `ramp` cycles each way. A processor puts at most one
 *    wavelet on it and takes at most one from it per cycle.
 *  - Colour: at a router, a set of inputs and one set of outputs. A wavelet that came in on one of the inputs leaves on
 *    all the outputs in one cycle, or stays until every one of them can take it.
 *  - Queue: one per core, colour and input, and one per core and colour at the foot of the ramp. A wavelet moves on
 * only where the next queue has room, and what is under way to a queue has its room reserved. Room that is made in a
 * cycle can be used from the next cycle on.
 *  - Contention: where several wavelets want one output in one cycle the lowest colour goes first, then the lowest
 * port.
 *
 * A cycle has two phases: everything decides on the state at the start of the cycle, then everything moves. So the
 * order in which cores are visited cannot matter.
 *
 * Use: create, lay routes and programs, run once, read the results, free.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include <stdbool.h>

enum router_port { ROUTER_RAMP, ROUTER_NORTH, ROUTER_EAST, ROUTER_SOUTH, ROUTER_WEST, ROUTER_PORTS };

/* The bit of a port in a set of outputs. */
#define ROUTER_TO(port) (1u << (port))

enum router_status {
    ROUTER_OK,
    ROUTER_BAD,      /* a route or an instruction contradicts itself or another */
    ROUTER_UNROUTED, /* a colour is sent, taken or passed on where no route continues it */
    ROUTER_STUCK,    /* nothing can move and some program has not ended */
    ROUTER_LEFT      /* all programs ended and wavelets are left in the fabric */
};

struct router_config {
    int rows, cols;
    int ramp;  /* cycles from processor to router, and back; at least 1 */
    int hop;   /* cycles from router to router; at least 1 */
    int depth; /* wavelets a queue holds, those under way to it included; 0: max(ramp, hop) + 2, enough for full rate */
    bool reverse; /* visit the cores in descending order, which must change nothing */
};

/*
 * What an instruction does in each of its cycles.
 *   SEND     puts the next value of `read` on the ramp as colour `out`
 *   RECEIVE  takes a wavelet of colour `in` and stores it as the next value of `write`
 *   ADD      takes a wavelet of colour `in` and adds it to the next value of `write`
 *   FORWARD  takes a wavelet of colour `in`, adds the next value of `read` to it and, in the following cycle, puts the
 *            sum on the ramp as colour `out`; it can take the next wavelet in that same cycle
 *   WAIT     nothing, for `count` cycles
 * A wavelet put on the ramp in cycle t left the processor at t. One that is taken in cycle t is stored at t + 1.
 */
enum router_code { ROUTER_SEND, ROUTER_RECEIVE, ROUTER_ADD, ROUTER_FORWARD, ROUTER_WAIT };

struct router_op {
    enum router_code code;
    int in, out;
    int count;         /* an instruction of count 0 takes no time */
    const float *read; /* SEND, FORWARD: count values */
    float *write;      /* RECEIVE, ADD: count values */
    bool overlap;      /* starts together with the instruction before it; the one after waits for both */
};

struct router_fabric;

/* A fabric without routes whose programs are empty. Never NULL; a wrong configuration is reported by router_run. */
struct router_fabric *router_create(const struct router_config *config);

void router_free(struct router_fabric *fabric);

/*
 * Lets wavelets of `colour` that enter `core` by `in` leave by all of `outs`. A further input of the same colour at the
 * same core must name the same outputs. Mistakes are reported by router_run.
 */
void router_route(struct router_fabric *fabric, int core, int colour, enum router_port in, unsigned outs);

/*
 * Appends an instruction to a core's program. Instructions run in order: one acts first in the cycle after the last
 * action of the one before. Mistakes are reported by router_run.
 */
void router_append(struct router_fabric *fabric, int core, struct router_op op);

/* Runs all programs from cycle 0 to their ends. A fabric runs once. */
enum router_status router_run(struct router_fabric *fabric);

/* The cycle at which a core's program had ended: one more than the cycle of its last action, 0 for an empty program. */
long router_finish(const struct router_fabric *fabric, int core);

/* Links crossed, summed over all wavelets; ramps do not count. A multicast wavelet counts once per link. */
long router_hops(const struct router_fabric *fabric);

/* Wavelets one queue holds. */
int router_depth(const struct router_fabric *fabric);

#endif
