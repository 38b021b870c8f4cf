/* plmr/points.h - messages from any core to any core: flows of any pattern, and verbs that are such flows.
 *
 * A flow is made once, and carried out as often as wanted. Between begin and end cores may compute, and other flows and
 * verbs may run; `from` may be changed, and `to` has its new values from the end on:
 *
 *     plmr_points *flow;                                        // every core's tile of 4 goes where `to` says
 *     PLMR_TRY(plmr_points_permutation(region, "dispatch", to, 4, &flow));
 *     PLMR_TRY(plmr_points_begin(flow, tokens, dispatched));
 *     PLMR_TRY(plmr_compute(region, 100, something_else, context));
 *     PLMR_TRY(plmr_points_end(flow));
 *     plmr_points_destroy(flow);
 *
 * What it costs: docs/MODEL.md, "Points". A core begins to send when it gets there, and waits at the end for what it
 * sends and receives itself, not for others. Where routers are static, every message of a flow gets a route of its own,
 * if all of them fit into what routers have left; else software passes them on from core to core, and each core is
 * charged a buffer for the longest. Relays take eight routes of every core themselves, with the first flow that needs
 * them: where flows before have left fewer, the flow is refused. A route stays, as a router's configuration does: a
 * program whose pattern changes with every step makes a flow for each, and soon has no routes left.
 *
 * Cores are numbered row by row: core (row, col) is row * columns + col. Wrong arguments are one line on all ranks,
 * with nothing done. A flow that has begun and is not ended when it, or the tiles that it brings values to, are
 * destroyed, or when costs are asked for, is an error of the region.
 */
#ifndef PLMR_POINTS_H
#define PLMR_POINTS_H

#include "plmr/region.h"
#include "plmr/tiles.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_points plmr_points;

/* Message i of n: n_values[i] >= 1 floats, from first_from[i] on in the tile of core from[i], go to the tile of core
 * to[i], from first_to[i] on. A core sends its messages in the order of this list. Where two write the same place, the
 * one of the higher sender stays; of one sender's, the later. */
typedef struct plmr_parts {
    int64_t n;
    const int32_t *from, *to;
    const int32_t *first_from, *first_to; /* NULL: 0 for all */
    const int32_t *n_values;
} plmr_parts;

/* Makes a flow of messages. Each rank gives at least those that its own cores send; what other ranks' cores send it may
 * give, too, or not: it is passed over. The name, of which a copy is kept, is for errors. A flow is destroyed before its
 * region. Collective. */
plmr_status plmr_points_create(plmr_region *region, const char *name, const plmr_parts *parts, plmr_points **points);
void plmr_points_destroy(plmr_points *points);

/* Cores begin to send what `from` holds now; they wait for what comes, which is then in `to`: other tiles or the same.
 * Both are large enough for all messages. At most once under way. Collective. */
plmr_status plmr_points_begin(plmr_points *points, const plmr_tiles *from, plmr_tiles *to);
plmr_status plmr_points_end(plmr_points *points);

/* One right after the other. */
plmr_status plmr_points_run(plmr_points *points, const plmr_tiles *from, plmr_tiles *to);

/* ---- patterns ----
 *
 * Below, all arguments are alike on all ranks, and n_values is of one message. */

/* From one core to another: the first n_values of their tiles. */
plmr_status plmr_points_send(plmr_region *region, const char *name, int from, int to, int n_values,
                             plmr_points **points);

/* Core i sends to core to[i], for all cores of the region, no two to the same. And core (row, col) to core (col, row) of
 * a square region. */
plmr_status plmr_points_permutation(plmr_region *region, const char *name, const int32_t *to, int n_values,
                                    plmr_points **points);
plmr_status plmr_points_transpose(plmr_region *region, const char *name, int n_values, plmr_points **points);

/* Core i gets values [i n, (i + 1) n) of the root's tile; and gives its own to be there. */
plmr_status plmr_points_scatter(plmr_region *region, const char *name, int root, int n_values, plmr_points **points);
plmr_status plmr_points_gather(plmr_region *region, const char *name, int root, int n_values, plmr_points **points);

/* The same values to many: to the cores of a list, in which one may be named twice, or of a
 * rectangle (rows x cols cores, of which (row, col) is the
 * first; one row or one column of them is a line). They go down the sender's ramp once and once over every link of the
 * tree that their ways make, along the sender's row and from there along columns, and take one route at every core of
 * it, whatever their number; relayed, every core that passes them on does so once. */
plmr_status plmr_points_multicast(plmr_region *region, const char *name, int from, const int32_t *to, int n_to,
                                  int n_values, plmr_points **points);

typedef struct plmr_rectangle {
    int row, col, rows, cols;
} plmr_rectangle;
plmr_status plmr_points_multicast_rectangle(plmr_region *region, const char *name, int from, const plmr_rectangle *to,
                                            int n_values, plmr_points **points);

/* In every line along the axis, core i sends values [j n, (j + 1) n) of its tile to core j of the line, for all i and j;
 * they lie there at [i n, (i + 1) n). A core begins with the core after itself. On a row of three, n = 1:
 *
 *     a0 a1 a2 | b0 b1 b2 | c0 c1 c2   -->   a0 b0 c0 | a1 b1 c1 | a2 b2 c2
 *
 * All lines are one for the clock: past dead cores each message goes as long as in the line where its way is longest. A
 * list of the same messages has each line's own ways. */
plmr_status plmr_points_all_to_all(plmr_region *region, const char *name, enum plmr_axis axis, int n_values,
                                   plmr_points **points);

/* The same with count(context, i, j) values, 0 or more, from core i to core j of the line that begins at core `line` of
 * the other axis: what a core sends lies in its tile by receivers, what it gets by senders, without gaps. */
typedef int (*plmr_count)(void *context, int line, int i, int j);
plmr_status plmr_points_all_to_all_v(plmr_region *region, const char *name, enum plmr_axis axis, plmr_count count,
                                     void *context, plmr_points **points);

/* To neighbours: what a core sends to each, and where it puts what comes from there; n_values 0: nothing. Eight of them
 * in the order north, east, south, west, north-east, south-east, south-west, north-west; the last four may all be 0.
 * Row 0 is the northernmost; nothing leaves the region. What goes north is what its receiver gets from the south, so
 * both have as many values. */
enum {
    PLMR_NORTH,
    PLMR_EAST,
    PLMR_SOUTH,
    PLMR_WEST,
    PLMR_NORTH_EAST,
    PLMR_SOUTH_EAST,
    PLMR_SOUTH_WEST,
    PLMR_NORTH_WEST
};
typedef struct plmr_halo {
    int first_from, first_to, n_values;
} plmr_halo;
plmr_status plmr_points_halo(plmr_region *region, const char *name, const plmr_halo halo[8], plmr_points **points);

#ifdef __cplusplus
}
#endif
#endif
