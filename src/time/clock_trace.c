/* What the clocks tell a trace: where the time between two readings of a chosen core's clock went. */
#include "time/trace_internal.h"

#include <stdlib.h>

#include "base/memory.h"

static int verb(const plmr_clock *clock)
{
    return clock->region->trace->label;
}

static void busy(plmr_clock *clock, bool sends, double t_cycles)
{
    plmr_trace *trace = clock->region->trace;
    if (trace->n_pieces == trace->capacity) {
        int capacity = trace->capacity ? 2 * trace->capacity : 16;
        trace->pieces = plmr_take_more(trace->pieces, (size_t)capacity * sizeof *trace->pieces);
        trace->capacity = capacity;
    }
    trace->pieces[trace->n_pieces++] =
        (struct plmr_trace_piece){sends ? PLMR_TRACE_SEND : PLMR_TRACE_COMPUTE, trace->label, t_cycles};
}

/* ---- passes over all clocks ---- */

/* The verb that a core has waited for, and for how long its message was under way. */
struct cause {
    double until, flight;
    int label;
};

static void consider(struct cause *latest, const struct arrival *a, double ready, double latency)
{
    if (ready + latency > latest->until)
        *latest = (struct cause){ready + latency, latency - a->begin, a->label};
}

/* Where clocks are kept as lines, what the other line adds to those along the axis; else nothing. */
static double across(const plmr_clock *clock, enum plmr_axis axis, int r, int c)
{
    if (!clock->in_lines)
        return 0;
    return axis == PLMR_X ? clock->line[PLMR_Y].t[r] : clock->line[PLMR_X].t[c];
}

/* The clock, before a pass, of core `index` along the axis from core (r, c), or of ghost ~index. */
static double clock_of(const plmr_clock *clock, enum plmr_axis axis, int r, int c, int index)
{
    const struct clocks *f = clock->in_lines ? &clock->line[axis] : &clock->all;
    size_t rows = (size_t)f->rows, cols = (size_t)f->cols;
    size_t row = clock->in_lines && axis == PLMR_X ? 0 : (size_t)r,
           col = clock->in_lines && axis == PLMR_Y ? 0 : (size_t)c;
    double t;
    if (axis == PLMR_X)
        t = index >= 0 ? f->t[row * cols + (size_t)index] : clock->ghost[axis][(size_t)~index * rows + row];
    else
        t = index >= 0 ? f->t[(size_t)index * cols + col] : clock->ghost[axis][(size_t)~index * cols + col];
    return t + across(clock, axis, r, c);
}

/* The clock that a pass has made. */
static double next_of(const plmr_clock *clock, const struct clocks *advanced, int r, int c)
{
    if (!clock->in_lines)
        return advanced->next[(size_t)r * (size_t)advanced->cols + (size_t)c];
    enum plmr_axis axis = advanced == &clock->line[PLMR_X] ? PLMR_X : PLMR_Y;
    return advanced->next[axis == PLMR_X ? c : r] + across(clock, axis, r, c);
}

/* As settle_cores in clock_pass.c has it. */
static void consider_axis(const plmr_clock *clock, enum plmr_axis axis, int r, int c, struct cause *latest)
{
    const struct arrival *a = &clock->arrival[axis];
    int at = axis == PLMR_X ? c : r;
    double own = clock_of(clock, axis, r, c, at);
    if (a->kind == MULTICAST && axis == PLMR_X)
        consider(latest, a, clock->latest[axis][r],
                 a->begin + clock->after[axis][(size_t)r * clock->after_pitch + (size_t)c]);
    if (a->kind == MULTICAST && axis == PLMR_Y)
        consider(latest, a, clock->latest[axis][c], a->begin + clock->after[axis][r]);
    if (a->kind == EXCHANGE || a->kind == STREAM) {
        double after = clock_of(clock, axis, r, c, a->ring->after[at]);
        consider(latest, a, a->kind == EXCHANGE ? plmr_latest(own, after) : after,
                 plmr_latency(a, a->ring->way_after[at]));
    }
    if (a->kind == EXCHANGE)
        consider(latest, a, plmr_latest(own, clock_of(clock, axis, r, c, a->ring->before[at])),
                 plmr_latency(a, a->ring->way_before[at]));
}

/* Cycles for which a stream keeps core (r, c) sending beyond what it is busy with. */
static double still_sending(const plmr_clock *clock, int r, int c, int *label)
{
    double longest = 0;
    for (int axis = 0; axis < 2; axis++) {
        const struct arrival *a = &clock->arrival[axis];
        int at = axis == PLMR_X ? c : r;
        double rest = a->kind == STREAM ? plmr_sent(a, a->ring->way_before[at]) - clock->lag : 0;
        if (rest > longest) {
            longest = rest;
            *label = a->label;
        }
    }
    return longest;
}

/* What is left until `until` is waiting for a partner, then for its message. */
static void put_rest(const plmr_trace *trace, struct plmr_traced *core, double until, double flight, int label)
{
    double rest = until - core->at;
    plmr_trace_put(trace, core, PLMR_TRACE_WAIT, label, rest - flight);
    plmr_trace_put(trace, core, PLMR_TRACE_RECEIVE, label, rest < flight ? rest : flight);
}

static void put_pass(plmr_clock *clock, const struct clocks *advanced, struct plmr_traced *core, int step)
{
    const plmr_trace *trace = clock->region->trace;
    struct cause cause = {.until = -1};
    struct plmr_trace_open open = plmr_trace_open_turn(core);
    int label = 0;
    consider_axis(clock, PLMR_X, core->row, core->col, &cause);
    consider_axis(clock, PLMR_Y, core->row, core->col, &cause);
    plmr_trace_put_pieces(trace, core);
    double send = still_sending(clock, core->row, core->col, &label);
    plmr_trace_put(trace, core, PLMR_TRACE_SEND, label, send);
    double next = next_of(clock, advanced, core->row, core->col);
    put_rest(trace, core, trace->base + clock->origin + next, cause.flight, cause.label);
    plmr_trace_close_turn(trace, core, &open, &core->pass, step);
}

static void pass(plmr_clock *clock, const struct clocks *advanced)
{
    plmr_trace *trace = clock->region->trace;
    int step = plmr_trace_intern(trace, "step", NULL);
    for (int i = 0; i < trace->n_here; i++)
        put_pass(clock, advanced, &trace->here[i], step);
    trace->n_pieces = 0;
}

static void steady(plmr_clock *clock)
{
    plmr_trace *trace = clock->region->trace;
    int label = plmr_trace_intern(trace, "step", NULL);
    for (int i = 0; i < trace->n_here; i++)
        plmr_trace_put_skipped(trace, &trace->here[i], label, 1, clock->advance, &trace->here[i].pass);
    trace->n_pieces = 0;
}

/* ---- reductions along legs ---- */

static void phase(plmr_clock *clock)
{
    plmr_trace *trace = clock->region->trace;
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++)
        trace->here[i].streamed = -1;
}

/* The next chosen core from *i on that the end of a leg is at; NULL: no more. */
static struct plmr_traced *next_met(plmr_trace *trace, const struct leg_end *end, int *i, int *line)
{
    for (; trace->on[end->axis][end->at] && *i < trace->n_here; ++*i) {
        struct plmr_traced *core = &trace->here[*i];
        int along = end->axis == PLMR_X ? core->col : core->row;
        *line = trace->region->clock->in_lines ? 0 : (end->axis == PLMR_X ? core->row : core->col) - end->first;
        if (along == end->at && *line >= 0 && *line < end->n) {
            ++*i;
            return core;
        }
    }
    return NULL;
}

/* A core's clock, in the trace's time, where t is what the clocks along the axis hold. */
static double time_of(const plmr_clock *clock, enum plmr_axis axis, const struct plmr_traced *core, double t)
{
    return clock->region->trace->base + clock->origin + clock->lag + t + across(clock, axis, core->row, core->col);
}

static void received(plmr_clock *clock, const struct leg_end *end)
{
    plmr_trace *trace = clock->region->trace;
    struct plmr_traced *core;
    for (int i = 0, line; (core = next_met(trace, end, &i, &line));) {
        put_rest(trace, core, time_of(clock, end->axis, core, end->free[line]), end->flight + end->stream,
                 trace->label);
        core->streamed = end->stream;
    }
}

/* Who passes words on as they come has relayed them rather than received and sent: as long as they came, which before a
 * border is faster than they go on. */
static void sent(plmr_clock *clock, const struct leg_end *end)
{
    plmr_trace *trace = clock->region->trace;
    struct plmr_traced *core;
    bool relays = end->forward != end->stream || end->forward == plmr_way_forward(clock->region->device);
    for (int i = 0, line; (core = next_met(trace, end, &i, &line));) {
        enum plmr_trace_kind kind = core->streamed >= 0 && relays ? PLMR_TRACE_RELAY : PLMR_TRACE_SEND;
        if (kind == PLMR_TRACE_RELAY)
            plmr_trace_take_back(core, PLMR_TRACE_RECEIVE, core->streamed);
        plmr_trace_put(trace, core, kind, trace->label, time_of(clock, end->axis, core, end->free[line]) - core->at);
        core->streamed = -1;
    }
}

/* ---- chains to roots ---- */

/* What a first word takes from the neighbour on one side. */
static double first_word(const plmr_clock *clock, int col, int side)
{
    return plmr_region_way(clock->region, PLMR_X, col + side, col).flight;
}

static double time_at(const plmr_clock *clock, const struct plmr_traced *core)
{
    return clock->region->trace->base + plmr_clock_at(clock, core->row, core->col);
}

static void chains(plmr_clock *clock, const int *root, double stream, double over)
{
    const plmr_region *region = clock->region;
    plmr_trace *trace = clock->region->trace;
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        int col = core->col + region->first[PLMR_X], last = region->extent[PLMR_X] - 1;
        bool relays = col > 0 && col < last, is_low = col < root[core->row];
        int borders = plmr_way_borders(region->device, PLMR_X, is_low ? 0 : last, is_low ? col + 1 : col - 1);
        double busy = stream + (borders > 0 ? over : 0) + (relays ? plmr_way_forward(region->device) : 0);
        if (col == root[core->row])
            continue;
        put_rest(trace, core, time_at(clock, core) - busy, first_word(clock, col, is_low ? -1 : 1), trace->label);
        plmr_trace_put(trace, core, relays ? PLMR_TRACE_RELAY : PLMR_TRACE_SEND, trace->label, busy);
    }
}

static void root(plmr_clock *clock, int row, int col, int side, double stream)
{
    plmr_trace *trace = clock->region->trace;
    double flight = first_word(clock, clock->region->first[PLMR_X] + col, side);
    for (int i = 0; i < trace->n_here; i++)
        if (trace->here[i].row == row && trace->here[i].col == col)
            put_rest(trace, &trace->here[i], time_at(clock, &trace->here[i]), flight + stream, trace->label);
}

/* ---- each its own ---- */

static void busy_each(plmr_clock *clock)
{
    plmr_trace *trace = clock->region->trace;
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        plmr_trace_put(trace, core, PLMR_TRACE_COMPUTE, trace->label, time_at(clock, core) - core->at);
    }
}

/* ---- from any core to any core ---- */

static void points_sent(plmr_clock *clock, const double *busy)
{
    plmr_trace *trace = clock->region->trace;
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        plmr_trace_put(trace, core, PLMR_TRACE_SEND, trace->label,
                       busy[(size_t)core->row * (size_t)clock->all.cols + (size_t)core->col]);
    }
}

static void points_received(plmr_clock *clock, int label)
{
    plmr_trace *trace = clock->region->trace;
    plmr_trace_flush(trace);
    for (int i = 0; i < trace->n_here; i++) {
        struct plmr_traced *core = &trace->here[i];
        plmr_trace_put(trace, core, PLMR_TRACE_RECEIVE, label, time_at(clock, core) - core->at);
    }
}

const struct clock_watch plmr_trace_watch = {verb,     busy, busy_each, pass, steady,      phase,
                                             received, sent, chains,    root, points_sent, points_received};
