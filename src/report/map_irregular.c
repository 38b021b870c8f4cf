/* What is not alike in all lines of a region: links by their loads, borders, dead and slow cores. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "region/profile.h"
#include "report/map_inside.h"

/* ---- links ---- */

/* Per line, of what goes alike in all. */
static double even(const plmr_profile *profile, enum plmr_axis axis, int way, int i)
{
    return (double)(profile->links[axis][way][i] - profile->strewn[axis][way][i]) / profile->extent[!axis];
}

static json_t *alike(const plmr_profile *profile, enum plmr_axis axis, int way)
{
    size_t n = (size_t)profile->extent[axis];
    double *each = plmr_take(n * sizeof *each);
    for (size_t i = 0; i < n; i++)
        each[i] = even(profile, axis, way, (int)i);
    json_t *json = plmr_map_numbers(each, n);
    free(each);
    return json;
}

/* From differences to sums, in each line; the last link of a line has its own. */
static void sum_up(uint64_t *links, int n_lines, int n)
{
    for (int line = 0; line < n_lines; line++, links += n) {
        uint64_t sum = 0;
        for (int i = 0; i + 1 < n; i++)
            links[i] = sum += links[i];
        links[n - 1] = n > 1 ? links[n - 1] + sum : 0;
    }
}

/* What a region, or a part of it, sends alike in all its lines. */
static void add_even(double *each, const plmr_profile *profile, const int at[2], enum plmr_axis axis, int way, int cols)
{
    for (int line = 0; line < profile->extent[!axis]; line++)
        for (int i = 0; i < profile->extent[axis]; i++) {
            size_t row = (size_t)(at[PLMR_Y] + (axis == PLMR_X ? line : i)),
                   col = (size_t)(at[PLMR_X] + (axis == PLMR_X ? i : line));
            each[row * (size_t)cols + col] += even(profile, axis, way, i);
        }
}

static json_t *each_its_own(const plmr_region *region, enum plmr_axis axis, int way)
{
    const plmr_profile *profile = region->profile;
    int rows = region->extent[PLMR_Y], cols = region->extent[PLMR_X], n = region->extent[axis];
    size_t n_cores = (size_t)rows * (size_t)cols;
    uint64_t *links = plmr_take_zeroed(n_cores, sizeof *links);
    if (profile->ways[axis][way]) {
        memcpy(links, profile->ways[axis][way], n_cores * sizeof *links);
        plmr_ranks_sum(region->ranks, links, (int)n_cores);
        sum_up(links, region->extent[!axis], n);
    }
    double *each = plmr_take_zeroed(n_cores, sizeof *each);
    for (size_t i = 0; i < n_cores; i++) {
        size_t line = i / (size_t)n, core = i % (size_t)n;
        each[axis == PLMR_X ? i : core * (size_t)cols + line] = (double)links[i];
    }
    add_even(each, profile, (int[2]){0, 0}, axis, way, cols);
    for (const plmr_profiled_part *part = profile->parts; part; part = part->next)
        add_even(each, part->profile, part->at, axis, way, cols);
    json_t *json = plmr_rank() == 0 ? plmr_map_clocks(each, rows, cols) : NULL;
    free(each);
    free(links);
    return json;
}

json_t *plmr_map_links(const plmr_region *region)
{
    const plmr_profile *profile = region->profile;
    bool irregular = profile->ways[PLMR_X][PLMR_LINK_UP] || profile->parts;
    json_t *links[2][2];
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++)
            links[axis][way] =
                irregular ? each_its_own(region, (enum plmr_axis)axis, way) : alike(profile, (enum plmr_axis)axis, way);
    if (plmr_rank() == 0)
        return json_pack("{s:{s:o, s:o}, s:{s:o, s:o}}", "x", "up", links[PLMR_X][PLMR_LINK_UP], "down",
                         links[PLMR_X][PLMR_LINK_DOWN], "y", "up", links[PLMR_Y][PLMR_LINK_UP], "down",
                         links[PLMR_Y][PLMR_LINK_DOWN]);
    for (int i = 0; i < 4; i++)
        json_decref(links[i / 2][i % 2]);
    return NULL;
}

/* ---- borders and defects ---- */

json_t *plmr_map_borders(const plmr_region *region)
{
    return json_pack("{s:i, s:i}", "x", plmr_way_pitch(region->device, PLMR_X), "y",
                     plmr_way_pitch(region->device, PLMR_Y));
}

/* The dead that are passed over right before each core of a row; slow cores. */
static void list_row(const plmr_defects *d, int row, json_t *dead, json_t *slow)
{
    for (int col = 0; col < d->cols; col++) {
        size_t at = (size_t)row * (size_t)d->cols + (size_t)col;
        int passed = d->shift[at] - (col > 0 ? d->shift[at - 1] : 0);
        if (passed > 0)
            json_array_append_new(dead, json_pack("[i, i, i]", row, col, passed));
        if (d->slow && d->slow[at] > 1)
            json_array_append_new(slow, json_pack("[i, i, f]", row, col, d->slow[at]));
    }
}

/* The first core that lies no less far than a physical one, if there is such in its row. */
static bool find(const plmr_defects *d, int physical_row, int physical_col, int *row, int *col)
{
    for (*row = 0; *row < d->rows && d->row[*row] != physical_row;)
        (*row)++;
    if (*row == d->rows)
        return false;
    for (*col = 0; *col < d->cols && *col + d->shift[(size_t)*row * (size_t)d->cols + (size_t)*col] < physical_col;)
        (*col)++;
    return *col < d->cols;
}

static json_t *list_links(const plmr_region *region)
{
    json_t *list = json_array();
    const plmr_defect_list *dead = &region->device->dead_links;
    int row, col;
    for (int i = 0; i < dead->n; i++)
        if (find(region->defects, dead->at[i].to_row, dead->at[i].to_col, &row, &col))
            json_array_append_new(
                list, json_pack("[i, i, s]", row, col, dead->at[i].to_col > dead->at[i].col ? "west" : "north"));
    return list;
}

json_t *plmr_map_defects(const plmr_region *region)
{
    const plmr_defects *d = region->defects;
    if (!d)
        return json_null();
    json_t *dead = json_array(), *rows = json_array(), *slow = json_array();
    for (int row = 0; row < d->rows; row++) {
        int passed = d->row[row] - (row > 0 ? d->row[row - 1] + 1 : 0);
        if (passed > 0)
            json_array_append_new(rows, json_pack("[i, i]", row, passed));
        list_row(d, row, dead, slow);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "dead", dead, "rows", rows, "links", list_links(region), "slow", slow);
}
