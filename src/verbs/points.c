#include "verbs/points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/memory.h"
#include "time/busy.h"
#include "time/trace.h"
#include "verbs/tiles_inside.h"

/* Where in this block a core lies, row by row; -1: it is another rank's. */
static inline int64_t place_of(const plmr_region *region, int32_t core)
{
    int cols = region->extent[PLMR_X], y = core / cols, x = core - y * cols;
    unsigned row = (unsigned)(y - region->first[PLMR_Y]), col = (unsigned)(x - region->first[PLMR_X]);
    unsigned n_rows = (unsigned)region->count[PLMR_Y], n_cols = (unsigned)region->count[PLMR_X];
    return row < n_rows && col < n_cols ? (int64_t)row * n_cols + col : -1;
}

bool plmr_points_is_here(const plmr_region *region, int32_t core)
{
    return place_of(region, core) >= 0;
}

/* ---- making ---- */

static int32_t first_of(const int32_t *first, int64_t i)
{
    return first ? first[i] : 0;
}

static int64_t words_of(const plmr_region *region, int32_t n_values)
{
    return plmr_device_wavelets(region->device, (int64_t)n_values * (int64_t)sizeof(float));
}

plmr_status plmr_points_check_words(const plmr_region *region, const char *name, const char *which, int32_t n_values)
{
    PLMR_CHECK(words_of(region, n_values) <= INT32_MAX, PLMR_ERROR_INPUT,
               "%s: %s has %d values, and at most 2^31 words of the fabric go in one: send several", name, which,
               n_values);
    return PLMR_OK;
}

static plmr_status check_message(const plmr_region *region, const char *name, const plmr_parts *p, int64_t i)
{
    int32_t n_cores = region->extent[PLMR_X] * region->extent[PLMR_Y];
    int32_t ends[] = {p->from[i], p->to[i]}, from = first_of(p->first_from, i), to = first_of(p->first_to, i);
    for (int end = 0; end < 2; end++)
        PLMR_CHECK(ends[end] >= 0 && ends[end] < n_cores, PLMR_ERROR_INPUT,
                   "%s: message %lld goes %s core %d, which is not there: the region's %dx%d are 0 to %d", name,
                   (long long)i, end ? "to" : "from", ends[end], region->extent[PLMR_Y], region->extent[PLMR_X],
                   n_cores - 1);
    PLMR_CHECK(p->n_values[i] >= 1, PLMR_ERROR_INPUT, "%s: message %lld has %d values: give 1 or more", name,
               (long long)i, p->n_values[i]);
    PLMR_CHECK(from >= 0 && to >= 0 && from <= INT32_MAX - p->n_values[i] && to <= INT32_MAX - p->n_values[i],
               PLMR_ERROR_INPUT, "%s: message %lld goes from value %d of a tile to value %d, which cannot be there",
               name, (long long)i, from, to);
    char which[40];
    if (words_of(region, p->n_values[i]) <= INT32_MAX)
        return PLMR_OK;
    snprintf(which, sizeof which, "message %lld", (long long)i);
    return plmr_points_check_words(region, name, which, p->n_values[i]);
}

static plmr_status check_rings(const plmr_region *region, const char *name)
{
    const plmr_device *device = region->device;
    bool rings = device->ring_cols > 0 || device->ring_rows > 0;
    PLMR_CHECK(!rings || (device->ring_cols >= region->extent[PLMR_X] && device->ring_rows >= region->extent[PLMR_Y]),
               PLMR_ERROR_INPUT, "%s: %s has rings of %.0fx%.0f routers, and the region has %dx%d cores", name,
               device->name, device->ring_rows, device->ring_cols, region->extent[PLMR_Y], region->extent[PLMR_X]);
    PLMR_CHECK(device->router == PLMR_STATIC || (!rings && device->buffer <= 0 && device->straight <= 0) ||
                   (device->border_rows <= 0 && device->border_cols <= 0),
               PLMR_ERROR_INPUT,
               "%s: %s has borders, and buffer, straight or rings, which do not go together: leave one out", name,
               device->name);
    PLMR_CHECK(device->router == PLMR_STATIC || !plmr_defects_any_dead(device), PLMR_ERROR_INPUT,
               "%s: messages on the xy routers of %s do not go round dead cores or links: name none (yield=1), or give "
               "router=static",
               name, device->name);
    return PLMR_OK;
}

plmr_status plmr_points_check_size(const plmr_region *region, const char *name)
{
    PLMR_CHECK((int64_t)region->extent[PLMR_X] * region->extent[PLMR_Y] <= INT32_MAX, PLMR_ERROR_INPUT,
               "%s: messages are among at most 2^31 cores, and the region has %dx%d: choose a smaller region", name,
               region->extent[PLMR_Y], region->extent[PLMR_X]);
    return PLMR_OK;
}

static plmr_status check_parts(const plmr_region *region, const char *name, const plmr_parts *p)
{
    PLMR_CHECK(p->n >= 0 && (p->n == 0 || (p->from && p->to && p->n_values)), PLMR_ERROR_INPUT,
               "%s: %lld messages need from, to and n_values", name, (long long)p->n);
    PLMR_TRY(plmr_points_check_size(region, name));
    PLMR_TRY(check_rings(region, name));
    for (int64_t i = 0; i < p->n; i++)
        PLMR_TRY(check_message(region, name, p, i));
    return PLMR_OK;
}

static int32_t *take_numbers(int64_t n)
{
    return plmr_take((size_t)(n + 1) * sizeof(int32_t));
}

/* Where the messages of each core of this block begin, once they are sorted by sender; in the last, how many there
 * are. */
static int64_t *count_by_core(const plmr_region *region, const plmr_parts *p)
{
    int64_t n_cores = (int64_t)region->count[PLMR_X] * region->count[PLMR_Y];
    int64_t *first = plmr_take_zeroed((size_t)n_cores + 2, sizeof *first);
    for (int64_t i = 0; i < p->n; i++) {
        int64_t place = place_of(region, p->from[i]);
        if (place >= 0)
            first[place + 1]++;
    }
    for (int64_t core = 0; core < n_cores; core++)
        first[core + 1] += first[core];
    first[n_cores + 1] = first[n_cores];
    return first;
}

static plmr_core_place place_in(const plmr_region *region, int32_t core)
{
    int cols = region->extent[PLMR_X], y = core / cols;
    return (plmr_core_place){(uint16_t)(core - y * cols), (uint16_t)y};
}

/* This rank's messages, by sender, else in their order; returns where in tiles they go, for free(). */
static int32_t *keep_mine(plmr_points *points, const plmr_region *region, const plmr_parts *p)
{
    int64_t *next = count_by_core(region, p), n = next[(int64_t)region->count[PLMR_X] * region->count[PLMR_Y] + 1];
    int32_t *words = take_numbers(n), *first_to = take_numbers(n);
    plmr_core_place *from = plmr_take((size_t)(n + 1) * sizeof *from), *to = plmr_take((size_t)(n + 1) * sizeof *to);
    points->first_from = take_numbers(n);
    points->n_values = take_numbers(n);
    for (int64_t i = 0; i < p->n; i++) {
        int64_t place = place_of(region, p->from[i]);
        if (place < 0)
            continue;
        int64_t at = next[place]++;
        from[at] = place_in(region, p->from[i]);
        to[at] = place_in(region, p->to[i]);
        words[at] = (int32_t)words_of(region, p->n_values[i]);
        points->first_from[at] = first_of(p->first_from, i);
        points->n_values[at] = p->n_values[i];
        first_to[at] = first_of(p->first_to, i);
    }
    points->messages.n = n;
    points->messages.from = from;
    points->messages.to = to;
    points->messages.words = words;
    free(next);
    return first_to;
}

/* Of what messages need at one end: floats of a tile, columns and rows, the latter two also from the other side. */
enum { FLOATS, COLUMNS, ROWS, FROM_RIGHT, FROM_BELOW, N_NEEDS };

static void widen(double most[N_NEEDS], double floats, plmr_core_place core)
{
    const double need[N_NEEDS] = {floats, core.x, core.y, -core.x, -core.y};
    for (int i = 0; i < N_NEEDS; i++)
        most[i] = need[i] > most[i] ? need[i] : most[i];
}

static struct plmr_cores span_of(const double most[N_NEEDS])
{
    return (struct plmr_cores){{-(int)most[FROM_RIGHT], -(int)most[FROM_BELOW]}, {(int)most[COLUMNS], (int)most[ROWS]}};
}

/* What tiles must have. Messages that are alike in all lines are in all of them. */
static void measure(plmr_points *points, const int32_t *first_to)
{
    double most[2][N_NEEDS] = {{0, -1, -1, -1e6, -1e6}, {0, -1, -1, -1e6, -1e6}};
    for (int64_t i = 0; i < points->messages.n; i++) {
        widen(most[0], (double)points->first_from[i] + points->n_values[i], points->messages.from[i]);
        widen(most[1], (double)first_to[i] + points->n_values[i], points->messages.to[i]);
    }
    plmr_ranks_max(points->region->ranks, most[0], 2 * N_NEEDS);
    points->from_size = (int64_t)most[0][FLOATS];
    points->to_size = (int64_t)most[1][FLOATS];
    points->senders = span_of(most[0]);
    points->receivers = span_of(most[1]);
    if (points->alike) {
        points->senders.least[!points->axis] = points->receivers.least[!points->axis] = 0;
        points->senders.most[!points->axis] = points->receivers.most[!points->axis] =
            points->region->extent[!points->axis] - 1;
    }
}

/* Fills points with the parts of a region, or of one of its lines, and gives it to the caller. */
static plmr_status give(plmr_points *points, const plmr_region *of, const plmr_parts *parts, plmr_points **out)
{
    points->older = points->region->flows;
    points->region->flows = points;
    int32_t *first_to = keep_mine(points, of, parts);
    measure(points, first_to);
    plmr_status status = plmr_points_route(points);
    if (!status && !points->messages.busy)
        points->messages.busy = plmr_take_zeroed((size_t)of->count[PLMR_X] * (size_t)of->count[PLMR_Y], sizeof(double));
    if (!status)
        plmr_points_plan(points, of, first_to);
    free(first_to);
    if (status)
        plmr_points_destroy(points);
    else
        *out = points;
    return status;
}

static plmr_status create(plmr_region *region, const char *name, const plmr_parts *parts, bool fans, plmr_points **out)
{
    PLMR_TRY(plmr_agree(check_parts(region, name, parts)));
    plmr_points *points = plmr_take_zeroed(1, sizeof *points);
    *points = (plmr_points){.region = region, .name = plmr_take_copy(name), .messages = {.fans = fans}};
    return give(points, region, parts, out);
}

plmr_status plmr_points_create(plmr_region *region, const char *name, const plmr_parts *parts, plmr_points **out)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(name);
    PLMR_GIVEN(parts);
    PLMR_GIVEN(out);
    return create(region, name, parts, false, out);
}

plmr_status plmr_points_create_fan(plmr_region *region, const char *name, const plmr_parts *parts, plmr_points **out)
{
    return create(region, name, parts, true, out);
}

plmr_status plmr_points_create_alike(plmr_region *region, const char *name, enum plmr_axis axis,
                                     const plmr_parts *parts, plmr_points **out)
{
    PLMR_TRY(check_rings(region, name));
    plmr_points *points = plmr_take_zeroed(1, sizeof *points);
    *points = (plmr_points){.region = region, .name = plmr_take_copy(name), .alike = true, .axis = axis};
    plmr_region line = {.device = region->device, .defects = region->defects, .extent = {1, 1}, .count = {1, 1}};
    line.extent[axis] = line.count[axis] = region->extent[axis];
    return give(points, &line, parts, out);
}

static void leave(plmr_points *points)
{
    plmr_points **link = &points->region->under_way;
    while (*link != points)
        link = &(*link)->next;
    *link = points->next;
    points->into = NULL;
}

/* What has begun can never end, which is an error of its region. */
static void give_up(plmr_points *points, plmr_status error)
{
    plmr_region_complain(points->region, error);
    free(points->arrivals.due);
    leave(points);
}

static void give_up_into(plmr_region *region, const plmr_tiles *tiles)
{
    for (plmr_points *points = region->under_way, *next; points; points = next) {
        next = points->next;
        if (points->into == tiles)
            give_up(points, plmr_error_make(PLMR_ERROR_INPUT,
                                            "%s has begun and brings values to %s: call plmr_points_end before those "
                                            "are destroyed",
                                            points->name, tiles->name));
    }
}

void plmr_points_give_up(const plmr_tiles *tiles)
{
    give_up_into(tiles->region, tiles);
    if (tiles->region->whole)
        give_up_into(tiles->region->whole, tiles);
}

static void forget(plmr_points *points)
{
    plmr_points **link = &points->region->flows;
    while (*link != points)
        link = &(*link)->older;
    *link = points->older;
}

void plmr_points_destroy_all(plmr_region *region)
{
    while (region->flows)
        plmr_points_destroy(region->flows);
}

void plmr_points_destroy(plmr_points *points)
{
    if (!points)
        return;
    plmr_region *region = points->region;
    if (points->into)
        give_up(points, plmr_error_make(PLMR_ERROR_INPUT,
                                        "%s has begun and was never ended: call plmr_points_end before it is destroyed",
                                        points->name));
    forget(points);
    plmr_region_release(region, points->relay_bytes);
    plmr_points_values_free(&points->values);
    plmr_profile_destroy(points->links);
    free((void *)points->messages.from);
    free((void *)points->messages.to);
    free((void *)points->messages.words);
    free(points->first_from);
    free(points->n_values);
    free(points->messages.busy);
    free(points->messages.n_out);
    free(points->messages.sender);
    free(points->messages.receiver);
    free(points->messages.delay);
    free(points->messages.sent);
    plmr_dealing_destroy(points->messages.dealing);
    free(points->name);
    free(points);
}

/* ---- carrying out ---- */

/* Tiles are of the flow's region, or of a part of it in which all their cores are. */
static plmr_status check_region(const plmr_points *points, const plmr_tiles *tiles, const struct plmr_cores *cores,
                                const char *does)
{
    const plmr_region *part = tiles->region;
    if (part == points->region)
        return PLMR_OK;
    PLMR_CHECK(part->whole && part->whole == points->region, PLMR_ERROR_INPUT,
               "%s: %s are tiles of another region than the flow's", points->name, tiles->name);
    for (int axis = 0; axis < 2; axis++)
        PLMR_CHECK(cores->least[axis] > cores->most[axis] || (cores->least[axis] >= part->at[axis] &&
                                                              cores->most[axis] < part->at[axis] + part->extent[axis]),
                   PLMR_ERROR_INPUT, "%s: a core that %s is not in the part %s, of which the tiles of %s are",
                   points->name, does, part->name, tiles->name);
    return PLMR_OK;
}

static plmr_status check_tiles(const plmr_points *points, const plmr_tiles *from, const plmr_tiles *to)
{
    PLMR_CHECK(from && to, PLMR_ERROR_INPUT, "%s: its tiles are NULL, and must be given", points->name);
    PLMR_TRY(check_region(points, from, &points->senders, "sends"));
    PLMR_TRY(check_region(points, to, &points->receivers, "receives"));
    PLMR_CHECK(from->dtype == PLMR_F32 && to->dtype == PLMR_F32, PLMR_ERROR_INPUT,
               "%s: messages carry f32, and %s is of %s", points->name, from->dtype == PLMR_F32 ? to->name : from->name,
               plmr_dtype_name(from->dtype == PLMR_F32 ? to->dtype : from->dtype));
    PLMR_CHECK(from->n_values >= points->from_size, PLMR_ERROR_INPUT,
               "%s sends %lld values of a core, and tiles of %s have %d", points->name, (long long)points->from_size,
               from->name, from->n_values);
    PLMR_CHECK(to->n_values >= points->to_size, PLMR_ERROR_INPUT,
               "%s brings a core values up to %lld, and tiles of %s have %d", points->name, (long long)points->to_size,
               to->name, to->n_values);
    return PLMR_OK;
}

static void charge(plmr_points *points)
{
    plmr_region *region = points->region;
    region->ledger.wavelet_hops += points->n_links;
    region->ledger.border_hops += points->n_borders;
    region->ledger.parts |= PLMR_PART_POINTS | (points->n_borders ? PLMR_PART_BORDERS : 0u) |
                            (points->messages.relayed ? PLMR_PART_RELAY : 0u);
    plmr_region_path(region, PLMR_X, points->hops, points->messages.relayed && points->hops ? points->hops - 1 : 0);
    if (points->links)
        plmr_points_note_ways(points);
}

plmr_status plmr_points_begin(plmr_points *points, const plmr_tiles *from, plmr_tiles *to)
{
    PLMR_GIVEN(points);
    plmr_region *region = points->region;
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_CHECK(!points->into, PLMR_ERROR_INPUT, "%s has begun already: end it before it begins again", points->name);
    PLMR_TRY(check_tiles(points, from, to));
    plmr_trace_verb(region, "send", points->name);
    points->arrivals = points->alike ? plmr_clock_points_alike(region->clock, points->axis, &points->messages)
                                     : plmr_clock_points_begin(region->clock, &points->messages);
    charge(points);
    if (region->options.values)
        plmr_points_values_begin(points, from);
    points->into = to;
    points->next = region->under_way;
    region->under_way = points;
    plmr_region_pace(region);
    return PLMR_OK;
}

plmr_status plmr_points_end(plmr_points *points)
{
    PLMR_GIVEN(points);
    plmr_region *region = points->region;
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_CHECK(points->into, PLMR_ERROR_INPUT, "%s has not begun: it cannot be ended", points->name);
    plmr_clock_points_end(region->clock, &points->arrivals);
    plmr_region_end_path(region, PLMR_X);
    if (region->options.values)
        plmr_points_values_end(points, points->into);
    leave(points);
    return PLMR_OK;
}

plmr_status plmr_points_run(plmr_points *points, const plmr_tiles *from, plmr_tiles *to)
{
    PLMR_GIVEN(points);
    PLMR_TRY(plmr_points_begin(points, from, to));
    return plmr_points_end(points);
}

plmr_status plmr_points_check_ended(const plmr_region *region)
{
    const plmr_points *points = region->under_way;
    return points ? plmr_error_make(PLMR_ERROR_INPUT, "%s has begun and was never ended: call plmr_points_end",
                                    points->name)
                  : PLMR_OK;
}
