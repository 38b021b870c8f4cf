/* Flows that are patterns: lists of messages that follow from a few numbers. */
#include "verbs/points.h"

#include <stdlib.h>

#include "base/given.h"
#include "base/memory.h"

/* ---- lists ---- */

static void grow(const int32_t **numbers, int64_t room)
{
    *numbers = plmr_take_more((void *)*numbers, (size_t)room * sizeof **numbers);
}

static void take_room(plmr_parts_list *list, int64_t room)
{
    plmr_parts *p = &list->parts;
    list->room = room;
    grow(&p->from, room);
    grow(&p->to, room);
    grow(&p->first_from, room);
    grow(&p->first_to, room);
    grow(&p->n_values, room);
}

void plmr_parts_add(plmr_parts_list *list, int32_t from, int32_t to, int32_t first_from, int32_t first_to,
                    int32_t n_values)
{
    plmr_parts *p = &list->parts;
    if (p->n == list->room)
        take_room(list, 2 * list->room + 64);
    ((int32_t *)p->from)[p->n] = from;
    ((int32_t *)p->to)[p->n] = to;
    ((int32_t *)p->first_from)[p->n] = first_from;
    ((int32_t *)p->first_to)[p->n] = first_to;
    ((int32_t *)p->n_values)[p->n] = n_values;
    p->n++;
}

static void free_list(plmr_parts_list *list)
{
    free((void *)list->parts.from);
    free((void *)list->parts.to);
    free((void *)list->parts.first_from);
    free((void *)list->parts.first_to);
    free((void *)list->parts.n_values);
}

plmr_status plmr_parts_flow(plmr_parts_list *list, plmr_region *region, const char *name, plmr_points **points)
{
    plmr_status status = plmr_points_create(region, name, &list->parts, points);
    free_list(list);
    return status;
}

/* Of those, too, that are alike in all lines, so that nobody numbers all cores. */
static plmr_status check_line_pattern(plmr_region *region, const char *name, int n_values, plmr_points *const *points,
                                      const char *verb)
{
    PLMR_TRY(plmr_region_check(region, verb));
    PLMR_CHECK(name && points, PLMR_ERROR_INPUT, "%s: the name and where the flow goes must be given", verb);
    PLMR_CHECK(n_values >= 1, PLMR_ERROR_INPUT, "%s: messages of %d values: give 1 or more", name, n_values);
    return plmr_points_check_words(region, name, "a message", n_values);
}

plmr_status plmr_points_check_pattern(plmr_region *region, const char *name, int n_values, plmr_points *const *points,
                                      const char *verb)
{
    PLMR_TRY(check_line_pattern(region, name, n_values, points, verb));
    return plmr_points_check_size(region, name);
}

static int32_t count_cores(const plmr_region *region)
{
    return region->extent[PLMR_X] * region->extent[PLMR_Y];
}

/* The i-th core of this rank's block; -1: there are not so many. */
static int32_t core_here(const plmr_region *region, int32_t i)
{
    int32_t cols = region->count[PLMR_X], row = i / cols;
    return row < region->count[PLMR_Y]
               ? (region->first[PLMR_Y] + row) * region->extent[PLMR_X] + region->first[PLMR_X] + i - row * cols
               : -1;
}

static plmr_status check_core(const plmr_region *region, const char *name, int core)
{
    PLMR_CHECK(core >= 0 && core < count_cores(region), PLMR_ERROR_INPUT,
               "%s: core %d is not there: the region's %dx%d are 0 to %d", name, core, region->extent[PLMR_Y],
               region->extent[PLMR_X], count_cores(region) - 1);
    return PLMR_OK;
}

/* ---- one, and one each ---- */

plmr_status plmr_points_send(plmr_region *region, const char *name, int from, int to, int n_values,
                             plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_TRY(check_core(region, name, from));
    PLMR_TRY(check_core(region, name, to));
    plmr_parts_list list = {0};
    plmr_parts_add(&list, from, to, 0, 0, n_values);
    return plmr_parts_flow(&list, region, name, points);
}

static plmr_status check_permutation(const plmr_region *region, const char *name, const int32_t *to)
{
    int32_t *sender = plmr_take_zeroed((size_t)count_cores(region), sizeof *sender);
    plmr_status status = PLMR_OK;
    for (int32_t core = 0; core < count_cores(region) && !status; core++) {
        status = check_core(region, name, to[core]);
        if (!status && sender[to[core]])
            status =
                plmr_error_make(PLMR_ERROR_INPUT, "%s: cores %d and %d both send to core %d: that is no permutation",
                                name, sender[to[core]] - 1, core, to[core]);
        if (!status)
            sender[to[core]] = core + 1;
    }
    free(sender);
    return status;
}

plmr_status plmr_points_permutation(plmr_region *region, const char *name, const int32_t *to, int n_values,
                                    plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_GIVEN(to);
    PLMR_TRY(check_permutation(region, name, to));
    plmr_parts_list list = {0};
    take_room(&list, (int64_t)region->count[PLMR_X] * region->count[PLMR_Y]);
    for (int32_t i = 0, core; (core = core_here(region, i)) >= 0; i++)
        plmr_parts_add(&list, core, to[core], 0, 0, n_values);
    return plmr_parts_flow(&list, region, name, points);
}

plmr_status plmr_points_transpose(plmr_region *region, const char *name, int n_values, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    int side = region->extent[PLMR_X];
    PLMR_CHECK(side == region->extent[PLMR_Y], PLMR_ERROR_INPUT, "%s: %dx%d cores are no square to transpose", name,
               region->extent[PLMR_Y], side);
    plmr_parts_list list = {0};
    for (int32_t i = 0, core; (core = core_here(region, i)) >= 0; i++)
        plmr_parts_add(&list, core, core % side * side + core / side, 0, 0, n_values);
    return plmr_parts_flow(&list, region, name, points);
}

/* ---- one and all ---- */

/* Where the last part of all ends. */
static plmr_status check_parts(const plmr_region *region, const char *name, int n_values)
{
    PLMR_CHECK((int64_t)n_values * count_cores(region) <= INT32_MAX, PLMR_ERROR_INPUT,
               "%s: %d values for each of %d cores are more than a tile can hold", name, n_values, count_cores(region));
    return PLMR_OK;
}

plmr_status plmr_points_scatter(plmr_region *region, const char *name, int root, int n_values, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_TRY(check_core(region, name, root));
    PLMR_TRY(check_parts(region, name, n_values));
    plmr_parts_list list = {0};
    for (int32_t core = 0; core < count_cores(region) && plmr_points_is_here(region, root); core++)
        plmr_parts_add(&list, root, core, core * n_values, 0, n_values);
    return plmr_parts_flow(&list, region, name, points);
}

plmr_status plmr_points_gather(plmr_region *region, const char *name, int root, int n_values, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_TRY(check_core(region, name, root));
    PLMR_TRY(check_parts(region, name, n_values));
    plmr_parts_list list = {0};
    for (int32_t i = 0, core; (core = core_here(region, i)) >= 0; i++)
        plmr_parts_add(&list, core, root, 0, core * n_values, n_values);
    return plmr_parts_flow(&list, region, name, points);
}

/* ---- one to many ---- */

static plmr_status fan(plmr_parts_list *list, plmr_region *region, const char *name, plmr_points **points)
{
    plmr_status status = plmr_points_create_fan(region, name, &list->parts, points);
    free_list(list);
    return status;
}

plmr_status plmr_points_multicast(plmr_region *region, const char *name, int from, const int32_t *to, int n_to,
                                  int n_values, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_GIVEN(to);
    PLMR_TRY(check_core(region, name, from));
    PLMR_CHECK(n_to >= 1, PLMR_ERROR_INPUT, "%s: a multicast to %d cores: give 1 or more", name, n_to);
    for (int i = 0; i < n_to; i++)
        PLMR_TRY(check_core(region, name, to[i]));
    plmr_parts_list list = {0};
    bool *is_there = plmr_take_zeroed((size_t)count_cores(region), sizeof *is_there);
    for (int i = 0; i < n_to; i++) {
        if (!is_there[to[i]])
            plmr_parts_add(&list, from, to[i], 0, 0, n_values);
        is_there[to[i]] = true;
    }
    free(is_there);
    return fan(&list, region, name, points);
}

plmr_status plmr_points_multicast_rectangle(plmr_region *region, const char *name, int from, const plmr_rectangle *to,
                                            int n_values, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, n_values, points, __func__));
    PLMR_GIVEN(to);
    PLMR_TRY(check_core(region, name, from));
    int rows = region->extent[PLMR_Y], cols = region->extent[PLMR_X];
    PLMR_CHECK(to->row >= 0 && to->col >= 0 && to->rows >= 1 && to->cols >= 1 && to->rows <= rows - to->row &&
                   to->cols <= cols - to->col,
               PLMR_ERROR_INPUT,
               "%s: a rectangle of %dx%d cores from core (%d,%d) on does not lie in the region's %dx%d", name, to->rows,
               to->cols, to->row, to->col, rows, cols);
    plmr_parts_list list = {0};
    for (int row = to->row; row < to->row + to->rows; row++)
        for (int col = to->col; col < to->col + to->cols; col++)
            plmr_parts_add(&list, from, row * cols + col, 0, 0, n_values);
    return fan(&list, region, name, points);
}

/* ---- neighbours ---- */

/* Row and column further, of each direction; the opposite of i is (i + 2) % 4 among the first four, and the last. */
static const int step[8][2] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}, {-1, 1}, {1, 1}, {1, -1}, {-1, -1}};

static int opposite(int way)
{
    return way / 4 * 4 + (way + 2) % 4;
}

static plmr_status check_halo(const plmr_region *region, const char *name, const plmr_halo halo[8])
{
    bool any = false;
    for (int way = 0; way < 8; way++) {
        const plmr_halo *h = &halo[way];
        PLMR_CHECK(h->n_values >= 0 && h->first_from >= 0 && h->first_to >= 0, PLMR_ERROR_INPUT,
                   "%s: neighbour %d has %d values from %d to %d: give 0 or more", name, way, h->n_values,
                   h->first_from, h->first_to);
        PLMR_CHECK(h->first_from <= INT32_MAX - h->n_values && h->first_to <= INT32_MAX - h->n_values, PLMR_ERROR_INPUT,
                   "%s: neighbour %d has %d values from %d to %d of a tile, which cannot be there", name, way,
                   h->n_values, h->first_from, h->first_to);
        PLMR_TRY(plmr_points_check_words(region, name, "a message", h->n_values));
        PLMR_CHECK(h->n_values == halo[opposite(way)].n_values, PLMR_ERROR_INPUT,
                   "%s: neighbour %d gets %d values, and the opposite one %d: they must be as many", name, way,
                   h->n_values, halo[opposite(way)].n_values);
        any = any || h->n_values > 0;
    }
    PLMR_CHECK(any, PLMR_ERROR_INPUT, "%s: no neighbour gets any value", name);
    return PLMR_OK;
}

/* What goes north is put where its receiver keeps what comes from the south. */
static void add_neighbours(plmr_parts_list *list, const plmr_region *region, int32_t core, const plmr_halo halo[8])
{
    int cols = region->extent[PLMR_X], row = core / cols, col = core % cols;
    for (int way = 0; way < 8; way++) {
        int to_row = row + step[way][0], to_col = col + step[way][1];
        bool there = to_row >= 0 && to_row < region->extent[PLMR_Y] && to_col >= 0 && to_col < cols;
        if (there && halo[way].n_values > 0)
            plmr_parts_add(list, core, to_row * cols + to_col, halo[way].first_from, halo[opposite(way)].first_to,
                           halo[way].n_values);
    }
}

plmr_status plmr_points_halo(plmr_region *region, const char *name, const plmr_halo halo[8], plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, 1, points, __func__));
    PLMR_GIVEN(halo);
    PLMR_TRY(check_halo(region, name, halo));
    plmr_parts_list list = {0};
    for (int32_t i = 0, core; (core = core_here(region, i)) >= 0; i++)
        add_neighbours(&list, region, core, halo);
    return plmr_parts_flow(&list, region, name, points);
}

/* ---- all to all of a line ---- */

static int32_t core_at(const plmr_region *region, enum plmr_axis axis, int line, int i)
{
    return axis == PLMR_X ? line * region->extent[PLMR_X] + i : i * region->extent[PLMR_X] + line;
}

struct lines {
    plmr_region *region;
    enum plmr_axis axis;
    plmr_count count;
    void *context;
};

/* Counts of a line, and where each message lies at both its ends: [i * n + j]. */
struct table {
    int *count;
    int64_t *first_from, *first_to;
};

static plmr_status fill_table(const struct lines *l, const char *name, int line, struct table *t)
{
    int n = l->region->extent[l->axis];
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            int count = t->count[i * n + j] = l->count(l->context, line, i, j);
            PLMR_CHECK(count >= 0, PLMR_ERROR_INPUT, "%s: core %d of line %d sends core %d %d values: give 0 or more",
                       name, i, line, j, count);
            t->first_from[i * n + j] = j ? t->first_from[i * n + j - 1] + t->count[i * n + j - 1] : 0;
            t->first_to[i * n + j] = i ? t->first_to[(i - 1) * n + j] + t->count[(i - 1) * n + j] : 0;
            PLMR_CHECK(t->first_from[i * n + j] + count <= INT32_MAX && t->first_to[i * n + j] + count <= INT32_MAX,
                       PLMR_ERROR_INPUT, "%s: core %d of line %d has more values than a tile can hold", name, i, line);
            PLMR_TRY(plmr_points_check_words(l->region, name, "a message", count));
        }
    return PLMR_OK;
}

static void add_line(const struct lines *l, int line, const struct table *t, plmr_parts_list *list)
{
    int n = l->region->extent[l->axis];
    for (int i = 0; i < n; i++)
        for (int k = 1; k <= n && plmr_points_is_here(l->region, core_at(l->region, l->axis, line, i)); k++) {
            int j = (i + k) % n, at = i * n + j;
            if (t->count[at] > 0)
                plmr_parts_add(list, core_at(l->region, l->axis, line, i), core_at(l->region, l->axis, line, j),
                               (int32_t)t->first_from[at], (int32_t)t->first_to[at], t->count[at]);
        }
}

static plmr_status all_to_all(const struct lines *l, const char *name, plmr_points **points)
{
    size_t n = (size_t)l->region->extent[l->axis];
    struct table t = {plmr_take(n * n * sizeof *t.count), plmr_take(n * n * sizeof *t.first_from),
                      plmr_take(n * n * sizeof *t.first_to)};
    plmr_parts_list list = {0};
    plmr_status status = PLMR_OK;
    int first = l->region->first[!l->axis], end = first + l->region->count[!l->axis];
    for (int line = first; line < end && !status; line++) {
        status = fill_table(l, name, line, &t);
        if (!status)
            add_line(l, line, &t, &list);
    }
    free(t.count);
    free(t.first_from);
    free(t.first_to);
    status = plmr_agree(status);
    if (status)
        free_list(&list);
    return status ? status : plmr_parts_flow(&list, l->region, name, points);
}

plmr_status plmr_points_all_to_all(plmr_region *region, const char *name, enum plmr_axis axis, int n_values,
                                   plmr_points **points)
{
    PLMR_TRY(check_line_pattern(region, name, n_values, points, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    int n = region->extent[axis];
    PLMR_CHECK((int64_t)n_values * n <= INT32_MAX, PLMR_ERROR_INPUT,
               "%s: %d values for each of %d cores are more than a tile can hold", name, n_values, n);
    plmr_parts_list list = {0};
    for (int i = 0; i < n; i++)
        for (int k = 1; k <= n; k++)
            plmr_parts_add(&list, i, (i + k) % n, (i + k) % n * n_values, i * n_values, n_values);
    plmr_status status = plmr_points_create_alike(region, name, axis, &list.parts, points);
    free_list(&list);
    return status;
}

plmr_status plmr_points_all_to_all_v(plmr_region *region, const char *name, enum plmr_axis axis, plmr_count count,
                                     void *context, plmr_points **points)
{
    PLMR_TRY(plmr_points_check_pattern(region, name, 1, points, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(count);
    return all_to_all(&(struct lines){region, axis, count, context}, name, points);
}
