/* trace.h - what chosen cores of a region do, as events in virtual time.
 *
 * Times are in cycles. At any moment a core computes, sends (which includes starting and joining messages), receives (a
 * message for it is on its way, or coming in), relays (takes words and passes them on as they come) or waits (whom it
 * needs is not ready). These events follow each other without a gap: together they last as long as the core's clock has
 * run. What the time plane skips, exactly, is one event that says how many turns it stands for and how long each kind
 * of work takes in it. Groups lie around other events: layers, kinds of work.
 *
 * Events are kept by the rank that owns the core and depend on nothing but the program. A region without a trace costs
 * a branch for each verb.
 */
#pragma once

#include "region/region.h"

enum plmr_trace_kind {
    PLMR_TRACE_COMPUTE,
    PLMR_TRACE_SEND,
    PLMR_TRACE_RECEIVE,
    PLMR_TRACE_RELAY,
    PLMR_TRACE_WAIT,
    PLMR_TRACE_N_KINDS,
    PLMR_TRACE_SKIPPED = PLMR_TRACE_N_KINDS, /* `count` more turns like the last one */
    PLMR_TRACE_LEFT_OUT,                     /* `count` events beyond the most that are kept */
    PLMR_TRACE_GROUP                         /* lies around others; `count` is its index, -1 if it has none */
};

/* "compute", "send", ...; of the first five. */
const char *plmr_trace_kind_name(enum plmr_trace_kind kind);

typedef struct plmr_trace_event {
    double start, cycles;
    enum plmr_trace_kind kind;
    int label; /* see plmr_trace_label */
    int64_t count;
    int depth;                          /* of groups: those with less lie around those with more */
    double by_kind[PLMR_TRACE_N_KINDS]; /* of what was skipped or left out; adds up to cycles */
} plmr_trace_event;

/* A core by its place in the region. */
typedef struct plmr_trace_core {
    int row, col;
} plmr_trace_core;

/* From here on the events of these cores are kept, most_events (at least 2) of each; the trace belongs to the region
 * and takes its place in region->trace. Cores are distinct, sorted by row and column, inside the region. Local, alike
 * on all ranks. */
plmr_status plmr_trace_attach(plmr_region *region, const plmr_trace_core *cores, int n_cores, int64_t most_events);
void plmr_trace_destroy(plmr_trace *trace);

/* The verb that begins now, and on what: names of events until the next one. Keeps copies. */
void plmr_trace_name(plmr_trace *trace, const char *verb, const char *of);
static inline void plmr_trace_verb(plmr_region *region, const char *verb, const char *of)
{
    if (region->trace)
        plmr_trace_name(region->trace, verb, of);
}

/* The clocks start again from 0, which is `base` of the trace's time. */
void plmr_trace_start(plmr_trace *trace, double base);

/* Groups: what lies between begin and end. They nest; index -1: none. */
void plmr_trace_begin(plmr_trace *trace);
void plmr_trace_end(plmr_trace *trace, const char *what, int64_t index);

/* A group of what has happened since the last section, or since the start; the clocks are settled. */
void plmr_trace_section(plmr_trace *trace, const char *what);

/* n more turns like the group that ended last, of `cycles` each, are skipped. */
void plmr_trace_skip(plmr_trace *trace, const char *what, int64_t n, double cycles);

/* Every core waits until `until`, counted from the base, and is then in `verb` for `cycles`. */
void plmr_trace_join(plmr_trace *trace, double until, const char *verb, double cycles);

/* ---- at the end ---- */

/* The events of one core, by start; groups come before what lies in them. */
typedef struct plmr_trace_track {
    plmr_trace_core core;
    const plmr_trace_event *events;
    int64_t n_events;
} plmr_trace_track;

typedef plmr_status (*plmr_trace_visit)(void *context, const plmr_trace *trace, const plmr_trace_track *track);

/* Settles, and on rank 0 calls `visit` for each core in order. Collective. */
plmr_status plmr_trace_gather(plmr_region *region, plmr_trace_visit visit, void *context);

/* What a label stands for; `of` may be NULL. */
void plmr_trace_label(const plmr_trace *trace, int label, const char **verb, const char **of);
