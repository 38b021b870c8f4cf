/* trace_internal.h - the inside of a trace, for the files that keep it: trace.c and clock_trace.c. */
#pragma once

#include "time/clock_internal.h"
#include "time/trace.h"

enum { PLMR_TRACE_DEPTH = 4 };

/* A group, or a pass over all clocks, that has begun: what was there before. */
struct plmr_trace_open {
    double start, spent[PLMR_TRACE_N_KINDS];
    int64_t from; /* its first event */
};

/* The last one: its events, and what it was spent on. */
struct plmr_trace_done {
    int64_t from, n;
    double by_kind[PLMR_TRACE_N_KINDS];
};

/* A chosen core of this rank's block. */
struct plmr_traced {
    int row, col;                     /* local */
    double at;                        /* where its events end, in the trace's time */
    double spent[PLMR_TRACE_N_KINDS]; /* in all events so far */
    struct plmr_trace_open open[PLMR_TRACE_DEPTH];
    struct plmr_trace_done group[PLMR_TRACE_DEPTH], pass;
    double section[PLMR_TRACE_DEPTH + 1]; /* where it began, by depth */
    double streamed;                      /* what came last in this phase of a reduction took; -1: nothing has */
    plmr_trace_event *events;
    int64_t n_events;
};

/* Something that all cores are busy with, since the clocks were settled last. */
struct plmr_trace_piece {
    enum plmr_trace_kind kind;
    int label;
    double cycles;
};

/* What events are named by, in copies. */
struct plmr_trace_names {
    char *verb, *of; /* `of` may be NULL */
};

struct plmr_trace {
    plmr_region *region;
    plmr_trace_core *chosen; /* on all ranks */
    int n_chosen;
    struct plmr_traced *here;
    int n_here;
    bool *on[2]; /* by axis: whether a chosen core of this block has the coordinate */
    int64_t most;
    double base;
    int depth;
    bool sectioned[PLMR_TRACE_DEPTH + 1]; /* the group at that depth, or the last one, has sections of its own */
    struct plmr_trace_piece *pieces;
    int n_pieces, capacity;
    struct plmr_trace_names *labels;
    int n_labels, label; /* label: of the verb under way */
};

/* The core does this next. Nothing happens where cycles is 0. */
void plmr_trace_put(const plmr_trace *trace, struct plmr_traced *core, enum plmr_trace_kind kind, int label,
                    double cycles);

/* The last `cycles` were not of that kind, and will be put again. Nothing happens where cycles is 0. */
void plmr_trace_take_back(struct plmr_traced *core, enum plmr_trace_kind kind, double cycles);

/* n more turns like the last one, of `cycles` each, in one event. */
void plmr_trace_put_skipped(const plmr_trace *trace, struct plmr_traced *core, int label, int64_t n, double cycles,
                            const struct plmr_trace_done *last);

/* A turn begins; it has ended. Is it as long in every event as the one right before it, it becomes one more like that.
 * Three steps of a core, of which the first is `last` when the second ends:
 *
 *     compute 8, send 3, wait 2 | compute 8, send 3, wait 2       ends alike: its events are taken back, and become
 *     compute 8, send 3, wait 2 | skipped 1 x 13 (8, 3, 2)        one that says what it stands for
 *     compute 8, send 3, wait 2 | skipped 1 | compute 8, ...      so does the third, for nothing else lies between:
 *     compute 8, send 3, wait 2 | skipped 2 x 13 (16, 6, 4)       one more of the same event
 */
struct plmr_trace_open plmr_trace_open_turn(const struct plmr_traced *core);
void plmr_trace_close_turn(const plmr_trace *trace, struct plmr_traced *core, const struct plmr_trace_open *open,
                           struct plmr_trace_done *last, int label);

/* Puts what all cores are busy with, for one of them; for all, and is done with it. */
void plmr_trace_put_pieces(const plmr_trace *trace, struct plmr_traced *core);
void plmr_trace_flush(plmr_trace *trace);

/* The label of a verb; the same text has the same label. */
int plmr_trace_intern(plmr_trace *trace, const char *verb, const char *of);

/* What the clocks tell; see clock_trace.c. */
extern const struct clock_watch plmr_trace_watch;
