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

#include "time/clock.h"

typedef struct plmr_core_place {
    uint16_t x, y; /* column and row in the region */
} plmr_core_place;

typedef struct plmr_messages {
    int64_t n;
    const plmr_core_place *from, *to; /* those of a sender one after the other, senders row by row, of this block */
    const int32_t *words;
    bool fans;    /* all of them are one core's, and one message for many */
    bool relayed; /* software passes static messages on */
    double *busy; /* by core of this block: cycles of what it sends, gets and relays */
} plmr_messages;

/* Adds what cores of this block do for what they send and get to `busy`, where what they relay is. Collective over the
 * region's ranks. */
void plmr_points_work(const plmr_region *region, const plmr_messages *messages, double *busy);

/* When all that a core sends and receives is there, counted from the clocks' 0: by core of this block, row by row; or
 * where all lines are alike, by core of a whole line along the axis. */
typedef struct plmr_arrivals {
    double *due; /* -INFINITY: nothing */
    int label;   /* of the verb, for who watches */
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
