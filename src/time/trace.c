#include "time/trace_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/deal.h"

/* ---- making ---- */

static struct plmr_traced traced(const plmr_region *region, plmr_trace_core core)
{
    return (struct plmr_traced){.row = core.row - region->first[PLMR_Y], .col = core.col - region->first[PLMR_X]};
}

static bool is_here(const plmr_region *region, const struct plmr_traced *core)
{
    return core->row >= 0 && core->row < region->count[PLMR_Y] && core->col >= 0 && core->col < region->count[PLMR_X];
}

static plmr_status fill_trace(plmr_trace *trace, const plmr_trace_core *cores)
{
    const plmr_region *region = trace->region;
    trace->chosen = plmr_take((size_t)trace->n_chosen * sizeof *trace->chosen);
    trace->here = plmr_take_zeroed((size_t)trace->n_chosen, sizeof *trace->here);
    for (int axis = 0; axis < 2; axis++)
        trace->on[axis] = plmr_take_zeroed((size_t)region->count[axis], sizeof *trace->on[axis]);
    memcpy(trace->chosen, cores, (size_t)trace->n_chosen * sizeof *trace->chosen);
    for (int i = 0; i < trace->n_chosen; i++) {
        struct plmr_traced core = traced(region, cores[i]);
        if (!is_here(region, &core))
            continue;
        core.events = malloc((size_t)trace->most * sizeof *core.events);
        PLMR_CHECK(core.events, PLMR_ERROR_SYSTEM, "out of memory for a trace: choose fewer --trace-events");
        trace->on[PLMR_Y][core.row] = trace->on[PLMR_X][core.col] = true;
        trace->here[trace->n_here++] = core;
    }
    return PLMR_OK;
}

plmr_status plmr_trace_attach(plmr_region *region, const plmr_trace_core *cores, int n_cores, int64_t most_events)
{
    PLMR_ASSERT(!region->trace && n_cores > 0 && most_events >= 2);
    plmr_trace *trace = plmr_take_zeroed(1, sizeof *trace);
    *trace = (plmr_trace){.region = region, .n_chosen = n_cores, .most = most_events};
    plmr_status status = fill_trace(trace, cores);
    if (status)
        plmr_trace_destroy(trace);
    else {
        region->trace = trace;
        region->clock->watch = &plmr_trace_watch;
    }
    return status;
}

void plmr_trace_destroy(plmr_trace *trace)
{
    if (!trace)
        return;
    for (int i = 0; i < trace->n_here; i++)
        free(trace->here[i].events);
    for (int i = 0; i < trace->n_labels; i++) {
        free(trace->labels[i].verb);
        free(trace->labels[i].of);
    }
    free(trace->labels);
    free(trace->pieces);
    free(trace->on[0]);
    free(trace->on[1]);
    free(trace->here);
    free(trace->chosen);
    free(trace);
}

/* ---- names ---- */

const char *plmr_trace_kind_name(enum plmr_trace_kind kind)
{
    static const char *const names[PLMR_TRACE_N_KINDS] = {"compute", "send", "receive", "relay", "wait"};
    return names[kind];
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int plmr_trace_intern(plmr_trace *trace, const char *verb, const char *of)
{
    for (int i = 0; i < trace->n_labels; i++)
        if (same(trace->labels[i].verb, verb) && same(trace->labels[i].of, of))
            return i;
    trace->labels = plmr_take_more(trace->labels, ((size_t)trace->n_labels + 1) * sizeof *trace->labels);
    trace->labels[trace->n_labels] = (struct plmr_trace_names){plmr_take_copy(verb), of ? plmr_take_copy(of) : NULL};
    return trace->n_labels++;
}

void plmr_trace_name(plmr_trace *trace, const char *verb, const char *of)
{
    trace->label = plmr_trace_intern(trace, verb, of);
}

void plmr_trace_label(const plmr_trace *trace, int label, const char **verb, const char **of)
{
    *verb = trace->labels[label].verb;
    *of = trace->labels[label].of;
}

/* ---- events ---- */

/* The last place is kept for what is left out. NULL: there is no other. */
static plmr_trace_event *next_event(const plmr_trace *trace, struct plmr_traced *core)
{
    return core->n_events < trace->most - 1 ? &core->events[core->n_events++] : NULL;
}

static plmr_trace_event *last_event(const struct plmr_traced *core)
{
    return core->n_events ? &core->events[core->n_events - 1] : NULL;
}

static void leave_out(const plmr_trace *trace, struct plmr_traced *core, int64_t n_events, double cycles,
                      const double *by_kind)
{
    plmr_trace_event *event = &core->events[trace->most - 1];
    if (core->n_events < trace->most)
        *event = (plmr_trace_event){.start = core->at, .kind = PLMR_TRACE_LEFT_OUT};
    core->n_events = trace->most;
    event->count += n_events;
    event->cycles += cycles;
    for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
        event->by_kind[kind] += by_kind[kind];
}

void plmr_trace_put(const plmr_trace *trace, struct plmr_traced *core, enum plmr_trace_kind kind, int label,
                    double cycles)
{
    if (cycles <= 0)
        return;
    plmr_trace_event *event = next_event(trace, core);
    double by_kind[PLMR_TRACE_N_KINDS] = {0};
    by_kind[kind] = cycles;
    if (event)
        *event = (plmr_trace_event){.start = core->at, .cycles = cycles, .kind = kind, .label = label};
    else
        leave_out(trace, core, 1, cycles, by_kind);
    core->spent[kind] += cycles;
    core->at += cycles;
}

void plmr_trace_take_back(struct plmr_traced *core, enum plmr_trace_kind kind, double cycles)
{
    plmr_trace_event *last = last_event(core);
    if (cycles == 0)
        return;
    PLMR_ASSERT(last && last->cycles >= cycles);
    core->spent[kind] -= cycles;
    core->at -= cycles;
    last->cycles -= cycles;
    if (last->kind == PLMR_TRACE_LEFT_OUT)
        last->by_kind[kind] -= cycles;
    else if (last->cycles == 0)
        core->n_events--;
}

void plmr_trace_put_skipped(const plmr_trace *trace, struct plmr_traced *core, int label, int64_t n, double cycles,
                            const struct plmr_trace_done *last)
{
    plmr_trace_event *event = last_event(core);
    double all[PLMR_TRACE_N_KINDS];
    for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++) {
        all[kind] = last->by_kind[kind] * (double)n;
        core->spent[kind] += all[kind];
    }
    bool goes_on =
        event && event->kind == PLMR_TRACE_SKIPPED && event->label == label && event->start + event->cycles == core->at;
    if (!goes_on)
        event = next_event(trace, core);
    if (event && !goes_on)
        *event = (plmr_trace_event){.start = core->at, .kind = PLMR_TRACE_SKIPPED, .label = label};
    if (event) {
        event->count += n;
        event->cycles += cycles * (double)n;
        for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
            event->by_kind[kind] += all[kind];
    } else {
        leave_out(trace, core, 1, cycles * (double)n, all);
    }
    core->at += cycles * (double)n;
}

void plmr_trace_put_pieces(const plmr_trace *trace, struct plmr_traced *core)
{
    for (int p = 0; p < trace->n_pieces; p++)
        plmr_trace_put(trace, core, trace->pieces[p].kind, trace->pieces[p].label, trace->pieces[p].cycles);
}

void plmr_trace_flush(plmr_trace *trace)
{
    for (int i = 0; i < trace->n_here; i++)
        plmr_trace_put_pieces(trace, &trace->here[i]);
    trace->n_pieces = 0;
}

/* ---- turns ---- */

struct plmr_trace_open plmr_trace_open_turn(const struct plmr_traced *core)
{
    struct plmr_trace_open open = {.start = core->at, .from = core->n_events};
    memcpy(open.spent, core->spent, sizeof open.spent);
    return open;
}

static bool alike(const plmr_trace_event *a, const plmr_trace_event *b)
{
    bool same_parts = a->kind == PLMR_TRACE_GROUP || a->count == b->count;
    for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
        same_parts = same_parts && a->by_kind[kind] == b->by_kind[kind];
    return same_parts && a->kind == b->kind && a->label == b->label && a->cycles == b->cycles && a->depth == b->depth;
}

/* Nothing lies between the last turn and this one but more like the last one. */
static bool follows(const struct plmr_traced *core, const struct plmr_trace_done *last, int64_t from, int label)
{
    int64_t end = last->from + last->n;
    if (end + 1 == from)
        return core->events[end].kind == PLMR_TRACE_SKIPPED && core->events[end].label == label;
    return end == from;
}

static bool repeats(const plmr_trace *trace, const struct plmr_traced *core, const struct plmr_trace_open *open,
                    const struct plmr_trace_done *last, int label)
{
    int64_t n = core->n_events - open->from;
    if (trace->region->options.every_step || n == 0 || n != last->n || core->n_events >= trace->most - 1 ||
        !follows(core, last, open->from, label))
        return false;
    for (int64_t i = 0; i < n; i++)
        if (!alike(&core->events[last->from + i], &core->events[open->from + i]))
            return false;
    return true;
}

void plmr_trace_close_turn(const plmr_trace *trace, struct plmr_traced *core, const struct plmr_trace_open *open,
                           struct plmr_trace_done *last, int label)
{
    double cycles = core->at - open->start;
    for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
        last->by_kind[kind] = core->spent[kind] - open->spent[kind];
    if (!repeats(trace, core, open, last, label)) {
        last->from = open->from;
        last->n = core->n_events - open->from;
        return;
    }
    core->n_events = open->from;
    core->at = open->start;
    memcpy(core->spent, open->spent, sizeof core->spent);
    plmr_trace_put_skipped(trace, core, label, 1, cycles, last);
}

/* ---- groups ---- */

void plmr_trace_start(plmr_trace *trace, double base)
{
    if (!trace)
        return;
    trace->base = base;
    trace->n_pieces = 0;
    for (int i = 0; i < trace->n_here; i++)
        trace->here[i].at = base;
}

static void begin_sections(plmr_trace *trace, int depth)
{
    for (int i = 0; i < trace->n_here; i++)
        trace->here[i].section[depth] = trace->here[i].at;
}

/* A section holds groups, such as steps, or lies in one, as in a layer; it does not do both. */
static void leave_sections(plmr_trace *trace)
{
    if (trace->sectioned[trace->depth + 1])
        begin_sections(trace, trace->depth);
}

void plmr_trace_begin(plmr_trace *trace)
{
    if (!trace)
        return;
    PLMR_ASSERT(trace->depth < PLMR_TRACE_DEPTH);
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++)
        trace->here[i].open[trace->depth] = plmr_trace_open_turn(&trace->here[i]);
    trace->depth++;
    trace->sectioned[trace->depth] = false;
    begin_sections(trace, trace->depth);
}

static void put_group(const plmr_trace *trace, struct plmr_traced *core, double start, int label, int64_t index,
                      int depth)
{
    plmr_trace_event *event = core->at > start ? next_event(trace, core) : NULL;
    if (event)
        *event = (plmr_trace_event){.start = start,
                                    .cycles = core->at - start,
                                    .kind = PLMR_TRACE_GROUP,
                                    .label = label,
                                    .count = index,
                                    .depth = depth};
}

void plmr_trace_end(plmr_trace *trace, const char *what, int64_t index)
{
    if (!trace)
        return;
    int label = plmr_trace_intern(trace, what, NULL);
    plmr_trace_flush(trace);
    trace->depth--;
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        const struct plmr_trace_open *open = &core->open[trace->depth];
        put_group(trace, core, open->start, label, index, 2 * trace->depth);
        plmr_trace_close_turn(trace, core, open, &core->group[trace->depth], label);
    }
    leave_sections(trace);
}

void plmr_trace_section(plmr_trace *trace, const char *what)
{
    if (!trace)
        return;
    int label = plmr_trace_intern(trace, what, NULL);
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        put_group(trace, core, core->section[trace->depth], label, -1, 2 * trace->depth - 1);
    }
    trace->sectioned[trace->depth] = true;
    begin_sections(trace, trace->depth);
}

void plmr_trace_skip(plmr_trace *trace, const char *what, int64_t n, double cycles)
{
    if (!trace || n <= 0)
        return;
    int label = plmr_trace_intern(trace, what, NULL);
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        plmr_trace_put_skipped(trace, core, label, n, cycles, &core->group[trace->depth]);
    }
    leave_sections(trace);
}

void plmr_trace_join(plmr_trace *trace, double until, const char *verb, double cycles)
{
    if (!trace)
        return;
    int last = plmr_trace_intern(trace, "the last core", NULL), label = plmr_trace_intern(trace, verb, NULL);
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        plmr_trace_put(trace, core, PLMR_TRACE_WAIT, last, trace->base + until - core->at);
        plmr_trace_put(trace, core, PLMR_TRACE_RECEIVE, label, cycles);
    }
}

/* ---- gathering ---- */

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* By start; of events that start together the one that lies around the others comes first. */
static int compare_events(const void *a, const void *b)
{
    const plmr_trace_event *x = a, *y = b;
    int by_start = compare_numbers(x->start, y->start), by_length = compare_numbers(y->cycles, x->cycles);
    bool x_groups = x->kind == PLMR_TRACE_GROUP, y_groups = y->kind == PLMR_TRACE_GROUP;
    return by_start               ? by_start
           : by_length            ? by_length
           : x_groups != y_groups ? y_groups - x_groups
                                  : x->depth - y->depth;
}

static int owner(const plmr_region *region, enum plmr_axis axis, int core)
{
    return plmr_ranks_owner(region->extent[axis], plmr_ranks_extent(region->ranks, axis), core);
}

static struct plmr_traced *find_here(plmr_trace *trace, const plmr_trace_core *core)
{
    struct plmr_traced wanted = traced(trace->region, *core);
    for (int i = 0; i < trace->n_here; i++)
        if (trace->here[i].row == wanted.row && trace->here[i].col == wanted.col)
            return &trace->here[i];
    return NULL;
}

/* The events of one core come to the first rank of the region's grid, into `events` where they are another rank's. */
static void bring(plmr_trace *trace, plmr_trace_core core, plmr_trace_event *events, plmr_trace_track *track)
{
    const plmr_region *region = trace->region;
    int place[2] = {[PLMR_X] = owner(region, PLMR_X, core.col), [PLMR_Y] = owner(region, PLMR_Y, core.row)};
    struct plmr_traced *mine = find_here(trace, &core);
    int64_t n = mine ? mine->n_events : 0;
    if (mine) {
        events = mine->events;
        qsort(events, (size_t)n, sizeof *events, compare_events);
    }
    plmr_ranks_bring(region->ranks, place, &n, sizeof n);
    plmr_ranks_bring(region->ranks, place, events, (size_t)n * sizeof *events);
    *track = (plmr_trace_track){core, events, n};
}

plmr_status plmr_trace_gather(plmr_region *region, plmr_trace_visit visit, void *context)
{
    plmr_trace *trace = region->trace;
    bool is_first = plmr_deal_me(region->ranks) == 0; /* rank 0, or that of a part of the ranks that does the same */
    plmr_trace_event *events = is_first ? malloc((size_t)trace->most * sizeof *events) : NULL;
    plmr_status status = PLMR_OK;
    plmr_clock_settle(region->clock);
    if (!events && is_first)
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for a trace: choose fewer --trace-events");
    status = plmr_agree(status);
    if (!status)
        plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_chosen && !status; i++) {
        plmr_trace_track track;
        bring(trace, trace->chosen[i], events, &track);
        status = plmr_agree(plmr_rank() == 0 ? visit(context, trace, &track) : PLMR_OK);
    }
    free(events);
    return status;
}
