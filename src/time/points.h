/* points.h - messages from any core to any core, in virtual time.
 *
 * A core starts its messages one after the other: the first send_launch cycles after it begins, each further one
 * send_message later; where any is cut into packets, all `cut` later. Its words go down one ramp. From there on it is
 * the routers' kind that counts.
 *
 * static: a message has its own way, and meets nobody: hops along x, a turn, hops along y. Without a route of its own
 * software passes it on at every core between, whole (see plmr_relay_cycles).
 *
 * xy: messages go along x, then along y, and share links. They take turns by packets: a link, and the ramp up to a core,
 * serves packets in the order in which their first words come to it, one whole packet after the other. Of those that
 * come at once the one that has come straight on goes first, then the one of the lower sender, then the earlier one.
 * Words wait where they are, as many as come:
 *
 *     packet p comes to a link at t, and has W words:    goes at g = max(t, when the packet before it had gone)
 *                                                        has gone at g + link W, comes to the next router at g + hop
 *
 * Over a border a packet takes its link for so many cycles a word as that has, and its words come so far apart; they go on
 * as they come, or where they had to wait as fast as the next link is. So a line's links are settled one by one in the direction in which words go, first those of rows, then those of
 * columns. Where a device has a `buffer`, what does not fit into it holds the links behind; and where it has one-way
 * rings, senders wait for acknowledgements. Both are settled link by link in the order of time, by points_held.c.
 *
 * A fan is one message for many: it goes down the ramp once and over every link of the tree of its ways once, and meets
 * nobody, whatever the routers. On one-way rings its sender waits for the last acknowledgement.
 *
 * Nothing here depends on how cores are dealt to ranks. Messages of different flows do not meet each other.
 */
#pragma once

#include "ranks/dealing.h"
#include "time/clock.h"

typedef struct plmr_core_place {
    uint16_t x, y; /* column and row in the region */
} plmr_core_place;

/* Whose messages are whose is told once, when a flow is made. They go in order of the ranks that get them, those that
 * stay on this rank last, and come likewise. Of messages that meet nobody it is known then, too, how long after its
 * sender begins each is there, so that a sum and a maximum are left for each. On two ranks, of which this one has cores 0
 * to 2:
 *
 *     this rank's     0->3  0->1  2->3         n_away 2    sender    0 2  0     delay likewise
 *     the other's     4->1  3->4               n_come 1    receiver  1  1
 */
typedef struct plmr_messages {
    int64_t n;
    const plmr_core_place *from, *to; /* those of a sender one after the other, senders row by row, of this block */
    const int32_t *words;
    bool fans;              /* all of them are one core's, and one message for many */
    bool relayed;           /* software passes static messages on */
    double *busy;           /* by core of this block: cycles of what it sends, gets and relays; */
    double common_busy;     /* the same for each core of the region, on whatever rank; NAN: not all do the same */
    int64_t n_away, n_come; /* go to other ranks, and come from them: */
    int64_t *n_out, *n_in;  /* by rank; of this rank itself 0 */
    int32_t *sender;        /* by message in the order in which they go: which core of this block sends it, */
    int32_t *receiver;      /* and by message that comes, which gets it */
    double *delay;          /* by message in the order in which they go; NULL: they share links */
    double *sent;           /* by core of this block: until all that it sends is on its way; -INFINITY: nothing; */
    bool sends_alike;       /* all of them the same */
    plmr_dealing *dealing;  /* of their times between ranks; NULL: there are no others */
} plmr_messages;

/* What follows from a flow's messages, once `words` has what each core of this block gets; they become the more of that
 * and of what it sends. Adds what cores do to `busy`, where what they relay is; and where messages meet nobody, takes
 * `sent`, and `delay` by message; common_busy is of this block alone. Local. */
void plmr_points_measure(const plmr_region *region, plmr_messages *messages, int64_t *words);

/* When all that a core sends and receives is there, counted from the clocks' 0: by core of this block, row by row; or
 * where all lines are alike, by core of a whole line along the axis. */
typedef struct plmr_arrivals {
    double *due; /* -INFINITY: nothing */
    const plmr_messages *messages;
    int label; /* of the verb, for who watches */
    bool alike;
    enum plmr_axis axis;
} plmr_arrivals;

/* Cores begin to send, when what is under way has come; they are busy with it. Collective. */
plmr_arrivals plmr_clock_points_begin(plmr_clock *clock, const plmr_messages *messages);

/* The same where every line along the axis has the same messages: those of line 0, given whole on every rank, as is
 * `busy` by core of a line. While the clocks of all lines are alike, one is settled for all; else they are one by
 * one, each by all ranks that have cores of it. */
plmr_arrivals plmr_clock_points_alike(plmr_clock *clock, enum plmr_axis axis, const plmr_messages *messages);

/* Cores wait for what is theirs. Frees the arrivals. */
void plmr_clock_points_end(plmr_clock *clock, plmr_arrivals *arrivals);

/* Cycles of core-to-core relaying: a core takes `words` in and sends them out, an exchange each, and between them is a
 * store-and-forward relay. Without the way to the next core; and with it. */
double plmr_relay_busy(const plmr_device *device, int64_t words);
double plmr_relay_cycles(const plmr_device *device, int64_t words);
