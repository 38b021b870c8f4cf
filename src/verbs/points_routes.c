/* Where the messages of a flow go: links, and on static routers routes, or what relays have to do. */
#include "verbs/points.h"

#include <math.h>
#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "ranks/deal.h"
#include "verbs/tiles_routes.h"

struct ends {
    int x, y, to_x, to_y;
};

static struct ends ends_of(const plmr_points *points, int64_t i)
{
    plmr_core_place from = points->messages.from[i], to = points->messages.to[i];
    return (struct ends){from.x, from.y, to.x, to.y};
}

/* ---- links ---- */

/* Words more on links [low, high) of a direction; sums are taken at the end. */
static void add_between(uint64_t *links, int low, int high, uint64_t words)
{
    links[low] += words;
    links[high] -= words;
}

/* The same for one message along a line of n cores, both of whose directions are given. What goes round a ring crosses
 * the last link for all that are beyond. */
static void add_links(uint64_t *const links[2], int n, int from, int to, int n_links, uint64_t words)
{
    if (from <= to && n_links == to - from) {
        add_between(links[PLMR_LINK_UP], from, to, words);
    } else if (n_links == from - to) {
        add_between(links[PLMR_LINK_DOWN], to, from, words);
    } else {
        uint64_t *up = links[PLMR_LINK_UP];
        int beyond = n_links - (n - 1 - from) - to;
        add_between(up, from, n - 1, words);
        add_between(up, 0, to, words);
        up[n - 1] += words * (uint64_t)beyond;
    }
}

/* From differences to sums; the last link, that of a torus, has its own. All ranks' together, unless each has all. */
static void sum_links(plmr_ranks *ranks, plmr_profile *profile)
{
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++) {
            uint64_t *links = profile->links[axis][way], sum = 0;
            int n = profile->extent[axis];
            for (int i = 0; i + 1 < n; i++)
                links[i] = sum += links[i];
            links[n - 1] = n > 1 ? links[n - 1] + sum : 0;
            if (ranks)
                plmr_ranks_sum(ranks, links, n);
        }
}

/* How far a fan's tree reaches from its row, along a column, or from its sender along that row: up and down. */
struct reach {
    int to[2], links[2];
};

static void reach_out(const plmr_device *device, enum plmr_axis axis, struct reach *reach, int from, int to)
{
    int way = device->ring_cols > 0 || to >= from ? PLMR_LINK_UP : PLMR_LINK_DOWN;
    int links = plmr_way_links(device, axis, from, to);
    if (links > reach->links[way])
        *reach = way == PLMR_LINK_UP ? (struct reach){{to, reach->to[1]}, {links, reach->links[1]}}
                                     : (struct reach){{reach->to[0], to}, {reach->links[0], links}};
}

/* Words that go along a line over so many links. */
struct stretch {
    enum plmr_axis axis;
    int line, from, to, n_links;
    uint64_t words;
};

typedef void (*visit_stretch)(plmr_points *points, const struct stretch *stretch);

static void visit_reach(plmr_points *points, enum plmr_axis axis, int line, const struct reach *reach, int from,
                        visit_stretch visit)
{
    for (int way = 0; way < 2; way++)
        if (reach->links[way])
            visit(points, &(struct stretch){axis, line, from, reach->to[way], reach->links[way],
                                            (uint64_t)points->messages.words[0]});
}

/* The tree's links, once each. */
static void visit_fan(plmr_points *points, visit_stretch visit)
{
    const plmr_region *region = points->region;
    struct reach row = {{0}, {0}};
    struct reach *column = plmr_take_zeroed((size_t)region->extent[PLMR_X], sizeof *column);
    for (int64_t i = 0; i < points->messages.n; i++) {
        struct ends e = ends_of(points, i);
        reach_out(region->device, PLMR_X, &row, e.x, e.to_x);
        reach_out(region->device, PLMR_Y, &column[e.to_x], e.y, e.to_y);
    }
    if (points->messages.n)
        visit_reach(points, PLMR_X, points->messages.from[0].y, &row, points->messages.from[0].x, visit);
    for (int x = 0; x < region->extent[PLMR_X] && points->messages.n; x++)
        visit_reach(points, PLMR_Y, x, &column[x], points->messages.from[0].y, visit);
    free(column);
}

/* Returns the links of the longest way. */
static double visit_links(plmr_points *points, visit_stretch visit)
{
    const plmr_device *device = points->region->device;
    double longest = 0;
    for (int64_t i = 0; i < points->messages.n; i++) {
        struct ends e = ends_of(points, i);
        uint64_t words = (uint64_t)points->messages.words[i];
        int x = plmr_way_links(device, PLMR_X, e.x, e.to_x), y = plmr_way_links(device, PLMR_Y, e.y, e.to_y);
        longest = plmr_larger(x + y, longest);
        if (x && !points->messages.fans)
            visit(points, &(struct stretch){PLMR_X, e.y, e.x, e.to_x, x, words});
        if (y && !points->messages.fans)
            visit(points, &(struct stretch){PLMR_Y, e.to_x, e.y, e.to_y, y, words});
    }
    if (points->messages.fans)
        visit_fan(points, visit);
    return longest;
}

static void count_stretch(plmr_points *points, const struct stretch *s)
{
    const plmr_region *region = points->region;
    uint64_t words = s->words * (points->alike ? (uint64_t)region->extent[!points->axis] : 1);
    points->n_links += words * (uint64_t)s->n_links;
    points->n_borders += words * (uint64_t)plmr_way_borders(region->device, s->axis, s->from, s->to);
    if (points->links)
        add_links(points->links->links[s->axis], region->extent[s->axis], s->from, s->to, s->n_links, words);
}

static void count_links(plmr_points *points)
{
    const plmr_region *region = points->region;
    if (region->profile)
        points->links = plmr_profile_create(region->extent);
    double longest = visit_links(points, count_stretch);
    if (!points->alike) {
        plmr_ranks_sum(region->ranks, &points->n_links, 1);
        plmr_ranks_sum(region->ranks, &points->n_borders, 1);
    }
    plmr_ranks_max(region->ranks, &longest, 1);
    points->hops = (int64_t)longest;
    if (points->links)
        sum_links(points->alike ? NULL : region->ranks, points->links);
}

/* On the lines of the whole, where the region is a part. */
static void note_stretch(plmr_points *points, const struct stretch *s)
{
    const plmr_region *region = points->region, *whole = region->whole ? region->whole : region;
    int n = whole->extent[s->axis], at = region->at[s->axis], n_lines = points->alike ? region->extent[!s->axis] : 1;
    for (int i = 0; i < n_lines; i++) {
        size_t line = (size_t)(region->at[!s->axis] + s->line + i) * (size_t)n;
        uint64_t *const *all = whole->profile->ways[s->axis], *const ways[2] = {all[0] + line, all[1] + line};
        add_links(ways, n, at + s->from, at + s->to, s->n_links, s->words);
    }
}

/* Of ranks that have the same cores, or the same messages, the first. */
static bool notes(const plmr_points *points)
{
    const plmr_region *region = points->region, *whole = region->whole ? region->whole : region;
    bool is_first = true;
    for (int axis = 0; axis < 2; axis++)
        is_first = is_first && plmr_ranks_place(whole->ranks, axis) < plmr_ranks_extent(region->ranks, axis);
    return is_first && (!points->alike || plmr_deal_me(region->ranks) == 0);
}

void plmr_points_note_ways(plmr_points *points)
{
    const plmr_region *region = points->region;
    plmr_profile_take_ways((region->whole ? region->whole : region)->profile);
    if (notes(points))
        visit_links(points, note_stretch);
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++)
            for (int i = 0; i < region->extent[axis]; i++) {
                region->profile->links[axis][way][i] += points->links->links[axis][way][i];
                region->profile->strewn[axis][way][i] += points->links->links[axis][way][i];
            }
}

/* ---- what passes each core ---- */

/* Differences along rows and along columns, for the whole region; each (rows + 1) x (cols + 1). */
struct cover {
    int rows, cols;
    double *along_x, *along_y;
};

static size_t cover_at(const struct cover *c, int x, int y)
{
    return (size_t)y * (size_t)(c->cols + 1) + (size_t)x;
}

/* `value` more at all cores of a way; without its ends if `between`. */
static void cover_way(struct cover *c, struct ends e, double value, bool between)
{
    int low = plmr_smaller(e.x, e.to_x), high = plmr_larger(e.x, e.to_x);
    c->along_x[cover_at(c, low, e.y)] += value;
    c->along_x[cover_at(c, high + 1, e.y)] -= value;
    if (e.to_y != e.y) {
        low = e.to_y > e.y ? e.y + 1 : e.to_y;
        high = e.to_y > e.y ? e.to_y : e.y - 1;
        c->along_y[cover_at(c, e.to_x, low)] += value;
        c->along_y[cover_at(c, e.to_x, high + 1)] -= value;
    }
    if (!between)
        return;
    struct ends ends[2] = {{e.x, e.y, 0, 0}, {e.to_x, e.to_y, 0, 0}};
    for (int i = 0; i < (e.x == e.to_x && e.y == e.to_y ? 1 : 2); i++) {
        c->along_x[cover_at(c, ends[i].x, ends[i].y)] -= value;
        c->along_x[cover_at(c, ends[i].x + 1, ends[i].y)] += value;
    }
}

/* From differences to what passes each core, in along_x. */
static void sum_cover(struct cover *c)
{
    for (int y = 0; y < c->rows; y++) {
        double *along_x = c->along_x + cover_at(c, 0, y), *along_y = c->along_y + cover_at(c, 0, y), sum = 0;
        const double *above = y > 0 ? along_y - (c->cols + 1) : NULL;
        for (int x = 0; x < c->cols && above; x++)
            along_y[x] += above[x];
        for (int x = 0; x < c->cols; x++) {
            sum += along_x[x];
            along_x[x] = sum + along_y[x];
        }
    }
}

/* However many of a fan's ways pass a core, it is one message. */
static void cover_once(const plmr_points *points, struct cover *c,
                       double (*value)(const plmr_points *points, int64_t i))
{
    for (size_t i = 0; i < cover_at(c, 0, c->rows) && points->messages.n; i++)
        c->along_x[i] = c->along_x[i] > 0 ? value(points, 0) : 0;
}

/* The cores of every rank's block, rank by rank, as this rank's messages cover them; n[rank] of them. */
static double *cut_cover(const plmr_region *region, const struct cover *c, int64_t *n)
{
    double *out = plmr_take((size_t)c->rows * (size_t)c->cols * sizeof *out), *next = out;
    int parts_x = plmr_ranks_extent(region->ranks, PLMR_X), parts_y = plmr_ranks_extent(region->ranks, PLMR_Y);
    for (int rank = 0; rank < parts_x * parts_y; rank++) {
        int first_x, n_x, first_y, n_y;
        plmr_ranks_share(c->cols, parts_x, rank % parts_x, &first_x, &n_x);
        plmr_ranks_share(c->rows, parts_y, rank / parts_x, &first_y, &n_y);
        n[rank] = (int64_t)n_x * n_y;
        for (int y = first_y; y < first_y + n_y; y++)
            for (int x = first_x; x < first_x + n_x; x++)
                *next++ = c->along_x[cover_at(c, x, y)];
    }
    return out;
}

/* What all ranks' messages make of this block's cores, for free(). Values are whole multiples of 1/64, so sums are the
 * same in any order. */
static double *gather_cover(const plmr_region *region, const struct cover *c)
{
    int n_ranks = plmr_deal_count(region->ranks), me = plmr_deal_me(region->ranks);
    int64_t *n = plmr_take(2 * (size_t)n_ranks * sizeof *n), *n_mine = n + n_ranks;
    double *out = cut_cover(region, c, n);
    if (n_ranks == 1) {
        free(n);
        return out;
    }
    for (int rank = 0; rank < n_ranks; rank++)
        n_mine[rank] = n[me];
    double *in = plmr_take((size_t)(n_ranks * n[me]) * sizeof *in);
    plmr_deal_end(plmr_deal_begin(region->ranks, out, n, in, n_mine, sizeof *in));
    for (int rank = 1; rank < n_ranks; rank++)
        for (int64_t i = 0; i < n[me]; i++)
            in[i] += in[rank * n[me] + i];
    free(out);
    free(n);
    return in;
}

static double *cover(const plmr_points *points, double (*value)(const plmr_points *points, int64_t i), bool between)
{
    const plmr_region *region = points->region;
    struct cover c = {region->extent[PLMR_Y], region->extent[PLMR_X], NULL, NULL};
    size_t n = (size_t)(c.rows + 1) * (size_t)(c.cols + 2);
    c.along_x = plmr_take_zeroed(2 * n, sizeof *c.along_x);
    c.along_y = c.along_x + n;
    for (int64_t i = 0; i < points->messages.n; i++)
        cover_way(&c, ends_of(points, i), value(points, i), between);
    sum_cover(&c);
    if (points->messages.fans)
        cover_once(points, &c, value);
    double *block = gather_cover(region, &c);
    free(c.along_x);
    return block;
}

/* The same along a line whose messages all ranks have. */
static double *cover_line(const plmr_points *points, double (*value)(const plmr_points *points, int64_t i),
                          bool between)
{
    int n = points->region->extent[points->axis];
    double *passes = plmr_take_zeroed((size_t)n + 1, sizeof *passes), sum = 0;
    for (int64_t i = 0; i < points->messages.n; i++) {
        struct ends e = ends_of(points, i);
        int from = e.x + e.y, to = e.to_x + e.to_y, low = from < to ? from : to, high = from < to ? to : from;
        passes[between ? low + 1 : low] += low < high || !between ? value(points, i) : 0;
        passes[between ? high : high + 1] -= low < high || !between ? value(points, i) : 0;
    }
    for (int i = 0; i < n; i++)
        passes[i] = sum += passes[i];
    return passes;
}

/* ---- routes or relays ---- */

static double one_route(const plmr_points *points, int64_t i)
{
    (void)points;
    (void)i;
    return 1;
}

static double relay_work(const plmr_points *points, int64_t i)
{
    return plmr_device_quantise(plmr_relay_busy(points->region->device, points->messages.words[i]));
}

static double most_of_block(const plmr_region *region, const double *block)
{
    double most = 0;
    for (int64_t i = 0; i < (int64_t)region->count[PLMR_X] * region->count[PLMR_Y]; i++)
        most = plmr_larger(block[i], most);
    plmr_ranks_max(region->ranks, &most, 1);
    return most;
}

/* Messages, the cores that they cross or end at, and the longest one's words; of all ranks. */
struct totals {
    uint64_t n, cores;
    double words;
};

static struct totals add_up(const plmr_points *points)
{
    uint64_t sums[2] = {(uint64_t)points->messages.n, 0};
    double words = 0;
    for (int64_t i = 0; i < points->messages.n; i++) {
        struct ends e = ends_of(points, i);
        sums[1] += (uint64_t)(abs(e.x - e.to_x) + abs(e.y - e.to_y) + 1);
        words = plmr_larger(points->messages.words[i], words);
    }
    plmr_ranks_sum(points->region->ranks, sums, 2);
    plmr_ranks_max(points->region->ranks, &words, 1);
    return (struct totals){sums[0], sums[1], words};
}

/* Routes at the core that most messages cross; where their mean is too many already, that many. */
static double most_routes(const plmr_points *points, const struct totals *totals, double limit)
{
    const plmr_region *region = points->region;
    double mean = (double)totals->cores / region->extent[PLMR_X] / region->extent[PLMR_Y];
    if (mean > limit && !points->messages.fans)
        return ceil(mean);
    double *block = cover(points, one_route, false), most = most_of_block(region, block);
    free(block);
    return most;
}

static plmr_status relay(plmr_points *points, const struct totals *totals)
{
    plmr_region *region = points->region;
    int64_t n_bytes = (int64_t)(totals->words * region->device->wavelet);
    PLMR_TRY(plmr_tiles_route_relays(region, points->name, n_bytes));
    points->messages.relayed = true;
    points->relay_bytes = n_bytes;
    points->messages.busy = (points->alike ? cover_line : cover)(points, relay_work, true);
    return PLMR_OK;
}

/* The ledger knows routes by coordinate: the most that any core has, at all of them. */
static plmr_status route_all(plmr_points *points, int most, uint64_t n)
{
    plmr_region *region = points->region;
    int *cores = plmr_take((size_t)region->extent[PLMR_X] * sizeof *cores);
    for (int i = 0; i < region->extent[PLMR_X]; i++)
        cores[i] = most;
    plmr_status status = plmr_region_route(region, points->name, PLMR_X, cores, (int)n);
    free(cores);
    return status;
}

static plmr_status route_alike(plmr_points *points, double limit)
{
    plmr_region *region = points->region;
    int n = region->extent[points->axis], most = 0;
    double *passes = cover_line(points, one_route, false), words = 0;
    int *cores = plmr_take((size_t)n * sizeof *cores);
    for (int i = 0; i < n; i++) {
        cores[i] = (int)passes[i];
        most = plmr_larger(cores[i], most);
    }
    for (int64_t i = 0; i < points->messages.n; i++)
        words = plmr_larger(points->messages.words[i], words);
    plmr_status status = most > limit
                             ? relay(points, &(struct totals){.words = words})
                             : plmr_region_route(region, points->name, points->axis, cores, (int)points->messages.n);
    free(cores);
    free(passes);
    return status;
}

plmr_status plmr_points_route(plmr_points *points)
{
    plmr_region *region = points->region;
    count_links(points);
    if (region->device->router == PLMR_XY)
        return PLMR_OK;
    double limit = region->options.allow_routes ? 1e9 : plmr_region_routes_left(region);
    if (points->alike)
        return route_alike(points, limit);
    struct totals totals = add_up(points);
    double most = most_routes(points, &totals, limit);
    if (most > limit)
        return relay(points, &totals);
    return route_all(points, (int)most, points->messages.fans ? 1 : totals.n);
}
