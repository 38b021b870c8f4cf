/*
 * Communication patterns on a row of cores, run on the router simulator.
 *
 * Each function lays the routes and programs of one pattern, runs them from cycle 0 and returns what came of it. The
 * cores are numbered from west to east. Every core first waits for its own start cycle.
 *
 * Finish cycles are those of router_finish: a core has finished when the last wavelet it takes is stored and the last
 * one it sends has left for the ramp. With queues of finite depth a sender whose wavelets are not taken is held up, so
 * its finish depends on `depth`; give a depth of at least `width` to let every sender run free.
 *
 * Any cores >= 1 and width >= 0 are allowed. A row of one core does nothing but wait. The results mean something only
 * where ROUTER_OK is returned; nothing else is to be expected from valid arguments. No array but `start` may be NULL.
 */
#ifndef ROUTER_PROGRAMS_H
#define ROUTER_PROGRAMS_H

#include <stdbool.h>

#include "router.h"

struct router_params {
    int ramp, hop; /* as in struct router_config */
    int launch;    /* cycles a core waits before each phase it has a part in; read by router_run_ktree only */
    int depth;     /* as in struct router_config; 0: the default */
    bool reverse;  /* as in struct router_config */
};

struct router_row {
    int cores;
    int width;         /* wavelets a core contributes */
    const long *start; /* cores entries; NULL: all 0 */
    const float *in;   /* values, cores x width unless the pattern says otherwise */
    long *finish;      /* result: cores entries */
    float *out;        /* result: as the pattern says */
    long hops;         /* result: links crossed, summed over all wavelets */
};

enum router_ring {
    ROUTER_NATURAL,    /* 0 1 2 ... P-1, closed by a wrap that crosses P-1 links */
    ROUTER_INTERLEAVED /* 0 2 4 ... 5 3 1: neighbours are two links apart, one at the two ends */
};

/* The core at place `place` (0 .. cores-1) of a ring. */
int router_ring_core(enum router_ring ring, int cores, int place);

/*
 * Every core sends its `width` values to the core one place further along the ring (dir = 1) or one place back
 * (dir = -1), and meanwhile receives as many. `dir` -1 on the natural ring is "everybody sends to the left".
 * A core has finished when it has both sent and received.
 * out: cores x width, what each core received.
 */
enum router_status router_run_shift(const struct router_params *params, struct router_row *row, enum router_ring ring,
                                    int dir);

/*
 * Core `root` sends `width` values once; they spread to both sides and every other core stores them.
 * in: width values. out: cores x width, what each core then holds (the root: its own).
 */
enum router_status router_run_multicast(const struct router_params *params, struct router_row *row, int root);

/*
 * A sum that passes from core to core towards `root` from both ends of the row: an end core sends, those in between
 * add their own and forward, the root adds what arrives to its own: first all from the low side, then all from the
 * high side. With `root` 0 or cores-1 there is one side only.
 * out: width sums, at the root.
 */
enum router_status router_run_chain(const struct router_params *params, struct router_row *row, int root);

/*
 * Every core sends straight to `root`, which takes one sender after the other: the nearest first and, of two equally
 * near, the low one first. Where senders share a link the one to be taken first has precedence.
 * out: width sums, at the root.
 */
enum router_status router_run_star(const struct router_params *params, struct router_row *row, int root);

/*
 * Binary tree to core 0: at distance d = 1, 2, 4, ... core p with p % 2d == 0 adds all that core p + d (where there is
 * one) holds. A core sends once its own additions are stored, and takes one distance after the other.
 * out: width sums, at core 0.
 */
enum router_status router_run_tree(const struct router_params *params, struct router_row *row);

/*
 * The contiguous groups of each level of a K-level tree. The members of level 0 are the cores; those of level k > 0 the
 * roots of the groups of level k - 1, from west to east. A group's root is its member number count / 2; or, with `to_end`,
 * the one that is nearest to core `end`.
 */
struct router_ktree {
    int levels;              /* K, at least 1 */
    const int *groups;       /* levels entries: number of groups; the last is 1 */
    const int *const *first; /* first[k][g]: the member with which group g of level k begins, groups[k] entries;
                                first[k][0] is 0, they ascend, no group is empty */
    bool back;               /* also multicast the result back */
    bool to_end;
    int end;
};

/*
 * K-level chain tree, phase by phase. Phase k (k = 0 .. K-1): in each group of level k what the members hold is
 * chained from both ends to the group's root, as router_run_chain does among neighbours; between members that are not
 * adjacent the routes pass straight through. With `back`, K multicasts follow, from level K-1 to level 0, each from a
 * group's root to the group's members (two-phase allreduce is K = 2 with `back`).
 * A core begins a phase when it has finished its part in the phase before, and then waits `launch` cycles. It does
 * not wait for phases in which it has no part, such as those of a group of one.
 * out: with `back` cores x width, what each core holds at the end; else width sums, at the top root.
 */
enum router_status router_run_ktree(const struct router_params *params, struct router_row *row,
                                    const struct router_ktree *tree);

/*
 * Ring allreduce over the interleaved ring in 2 (cores - 1) steps. In step s the core at place r sends chunk r - s
 * (modulo cores) to the next place and meanwhile receives chunk r - s - 1 from the place before; it adds that in the
 * first cores - 1 steps and stores it in the others. It begins the next step when it has both sent and received.
 * chunk: wavelets in each of the `cores` chunks, zeros allowed; they add up to `width`.
 * out: cores x width, what each core holds at the end.
 */
enum router_status router_run_ring_allreduce(const struct router_params *params, struct router_row *row,
                                             const int *chunk);

#endif
