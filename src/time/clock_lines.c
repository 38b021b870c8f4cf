/* Settling without a pass over all clocks: lines that stand for all that are alike, and steady states. */
#include "time/clock_internal.h"

#include <float.h>

void plmr_clock_spread(plmr_clock *clock)
{
    const double *along_x = clock->line[PLMR_X].t, *along_y = clock->line[PLMR_Y].t;
    for (int r = 0; r < clock->all.rows && clock->in_lines; r++)
        for (int c = 0; c < clock->all.cols; c++)
            clock->all.t[(size_t)r * (size_t)clock->all.cols + (size_t)c] = along_y[r] + along_x[c];
    clock->in_lines = false;
}

/* ---- lines ---- */

/* By how much f->next is later than f->t in the whole region, if by the same everywhere; else -1. */
static double common_advance(const plmr_clock *clock, const struct clocks *f)
{
    double span[2] = {-DBL_MAX, -DBL_MAX}, least = DBL_MAX;
    for (int r = 0; r < f->rows; r++) {
        size_t at = (size_t)r * (size_t)f->cols;
        clock->loops->advance(f->cols, f->t + at, f->next + at, &least, &span[0]);
    }
    span[1] = -least;
    plmr_ranks_max(clock->region->ranks, span, 2);
    return span[0] == -span[1] ? span[0] : -1;
}

/* A pass over the line along one axis, as if there were nothing under way along the other. */
static void pass_line(plmr_clock *clock, enum plmr_axis axis, const struct pattern *now, double lag)
{
    struct pattern alone = {.lag = lag};
    alone.arrival[axis] = now->arrival[axis];
    struct clocks *line = &clock->line[axis], row = {1, line->rows * line->cols, line->t, line->next};
    plmr_clock_pass(clock, &row, axis, &alone);
}

/* A pass that leaves the clocks in lines, and which line has advanced; NULL: there is none. What is under way along one
 * axis changes that line; and where it adds the same everywhere, it is for the other line nothing but so many cycles of
 * work. */
static struct clocks *pass_lines(plmr_clock *clock, const struct pattern *now)
{
    if (now->arrival[PLMR_X].kind == MULTICAST || now->arrival[PLMR_Y].kind == MULTICAST)
        return NULL;
    for (int axis = 0; axis < 2; axis++) {
        double lag = now->lag;
        if (now->arrival[axis].kind == NOTHING)
            continue;
        if (now->arrival[!axis].kind != NOTHING) {
            pass_line(clock, !axis, now, now->lag);
            lag = common_advance(clock, &clock->line[!axis]);
        }
        if (lag < 0)
            continue;
        pass_line(clock, axis, now, lag);
        return &clock->line[axis];
    }
    return NULL;
}

static struct clocks *pass_any(plmr_clock *clock, const struct pattern *now)
{
    struct clocks *advanced = clock->in_lines ? pass_lines(clock, now) : NULL;
    if (advanced)
        return advanced;
    plmr_clock_spread(clock);
    plmr_clock_pass(clock, &clock->all, PLMR_X, now);
    return &clock->all;
}

/* ---- steady states ---- */

static bool same_arrival(const struct arrival *a, const struct arrival *b)
{
    return a->kind == b->kind && a->ring_kind == b->ring_kind && a->begin == b->begin && a->send == b->send &&
           a->transit == b->transit && a->over == b->over && a->relay == b->relay;
}

static bool repeats(const plmr_clock *clock, const struct pattern *p)
{
    bool rings_only = p->arrival[PLMR_X].kind != MULTICAST && p->arrival[PLMR_Y].kind != MULTICAST;
    return rings_only && p->lag == clock->last.lag && same_arrival(&p->arrival[0], &clock->last.arrival[0]) &&
           same_arrival(&p->arrival[1], &clock->last.arrival[1]);
}

/* A pass is a map F on clocks with F(t + c) = F(t) + c. So once a pass has added the same to every clock, each further
 * pass of the same pattern adds just that again, exactly. Looking costs half a pass and a word with all ranks: it is
 * done after 64, 128, 256 ... equal passes. */
enum { STEADY_AFTER = 64 };

static void look_for_steady_state(plmr_clock *clock, const struct clocks *advanced)
{
    int n = clock->n_same;
    if (clock->region->options.every_step || n < STEADY_AFTER || (n & (n - 1)))
        return;
    double advance = common_advance(clock, advanced);
    clock->advance = advance > 0 ? advance : 0;
}

void plmr_clock_settle(plmr_clock *clock)
{
    if (clock->arrival[PLMR_X].kind == NOTHING && clock->arrival[PLMR_Y].kind == NOTHING)
        return;
    struct pattern now = {clock->lag, {clock->arrival[0], clock->arrival[1]}};
    if (clock->n_same && !repeats(clock, &now))
        plmr_clock_forget_pattern(clock);
    if (clock->advance > 0) {
        if (clock->watch)
            clock->watch->steady(clock);
        clock->origin += clock->advance;
    } else {
        struct clocks *advanced = pass_any(clock, &now);
        if (clock->watch)
            clock->watch->pass(clock, advanced);
        clock->n_same++;
        clock->last = now;
        look_for_steady_state(clock, advanced);
        double *t = advanced->t;
        advanced->t = advanced->next;
        advanced->next = t;
    }
    clock->lag = 0;
    plmr_clock_forget_arrivals(clock);
}
