/* Messages that are the same in every line: one line is settled for all while their clocks are alike, as that of a region
 * of one line. */
#include "time/points_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Do all lines along the axis have the same clocks, kept as one? */
static bool lines_are_alike(plmr_clock *clock, enum plmr_axis axis)
{
    const struct clocks *across = &clock->line[!axis];
    double span[2] = {-INFINITY, -INFINITY};
    if (!clock->in_lines)
        return false;
    for (int i = 0; i < across->rows * across->cols; i++) {
        span[0] = plmr_latest(span[0], across->t[i]);
        span[1] = plmr_latest(span[1], -across->t[i]);
    }
    plmr_ranks_max(clock->region->ranks, span, 2);
    return span[0] == -span[1];
}

/* The clocks of a whole line, on all ranks that have cores of it: of local line `line`, or where they are alike of any. */
static void gather_line(const plmr_clock *clock, enum plmr_axis axis, int line, double *t)
{
    const plmr_region *region = clock->region;
    for (int i = 0; i < region->extent[axis]; i++)
        t[i] = -INFINITY;
    for (int i = 0; i < region->count[axis]; i++)
        t[region->first[axis] + i] = plmr_clock_at(clock, axis == PLMR_X ? line : i, axis == PLMR_X ? i : line);
    plmr_ranks_line_max(region->ranks, axis, t, region->extent[axis]);
}

/* Settles one line whose cores begin at t; t is then when each has all that is its own. */
static void settle_one(const plmr_clock *clock, enum plmr_axis axis, const plmr_messages *messages, double *t)
{
    size_t n = (size_t)clock->region->extent[axis];
    plmr_region line = {
        .device = clock->region->device, .defects = clock->region->defects, .extent = {1, 1}, .count = {1, 1}};
    line.extent[axis] = line.count[axis] = (int)n;
    double *due = plmr_take(n * sizeof *due);
    plmr_settle(&line, t, 0, messages, due);
    memcpy(t, due, n * sizeof *due);
    free(due);
}

static size_t core_at(const plmr_region *region, enum plmr_axis axis, int line, int i)
{
    size_t cols = (size_t)region->count[PLMR_X];
    return axis == PLMR_X ? (size_t)line * cols + (size_t)i : (size_t)i * cols + (size_t)line;
}

/* For who watches, by core of the block. */
static void tell(plmr_clock *clock, enum plmr_axis axis, const double *busy)
{
    const plmr_region *region = clock->region;
    double *all = plmr_take((size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y] * sizeof *all);
    for (int line = 0; line < region->count[!axis]; line++)
        for (int i = 0; i < region->count[axis]; i++)
            all[core_at(region, axis, line, i)] = busy[region->first[axis] + i];
    clock->watch->points_sent(clock, all);
    free(all);
}

static void begin_alike(plmr_clock *clock, const plmr_messages *messages, plmr_arrivals *arrivals)
{
    enum plmr_axis axis = arrivals->axis;
    const plmr_region *region = clock->region;
    arrivals->due = plmr_take((size_t)region->extent[axis] * sizeof *arrivals->due);
    gather_line(clock, axis, 0, arrivals->due);
    settle_one(clock, axis, messages, arrivals->due);
    for (int i = 0; i < region->count[axis]; i++)
        clock->line[axis].t[i] += messages->busy[region->first[axis] + i];
}

static void begin_each(plmr_clock *clock, const plmr_messages *messages, plmr_arrivals *arrivals)
{
    enum plmr_axis axis = arrivals->axis;
    const plmr_region *region = clock->region;
    double *t = plmr_take((size_t)region->extent[axis] * sizeof *t);
    size_t n_cores = (size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y];
    arrivals->due = plmr_take(n_cores * sizeof *arrivals->due);
    plmr_clock_spread(clock);
    for (int line = 0; line < region->count[!axis]; line++) {
        gather_line(clock, axis, line, t);
        settle_one(clock, axis, messages, t);
        for (int i = 0; i < region->count[axis]; i++) {
            size_t core = core_at(region, axis, line, i);
            arrivals->due[core] = t[region->first[axis] + i];
            clock->all.t[core] += messages->busy[region->first[axis] + i];
        }
    }
    free(t);
}

plmr_arrivals plmr_clock_points_alike(plmr_clock *clock, enum plmr_axis axis, const plmr_messages *messages)
{
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_arrivals arrivals = {
        .messages = messages, .label = clock->watch ? clock->watch->verb(clock) : 0, .axis = axis};
    arrivals.alike = lines_are_alike(clock, axis);
    (arrivals.alike ? begin_alike : begin_each)(clock, messages, &arrivals);
    if (clock->watch)
        tell(clock, axis, messages->busy);
    return arrivals;
}

bool plmr_points_wait_alike(plmr_clock *clock, const plmr_arrivals *arrivals)
{
    enum plmr_axis axis = arrivals->axis;
    if (!lines_are_alike(clock, axis))
        return false;
    double rest = clock->line[!axis].t[0] + clock->origin + clock->lag, *t = clock->line[axis].t;
    for (int i = 0; i < clock->region->count[axis]; i++)
        t[i] = plmr_latest(t[i], arrivals->due[clock->region->first[axis] + i] - rest);
    return true;
}
