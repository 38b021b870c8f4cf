/* Ways between regions. Regions lie in rows on a wafer, one row from left to right, the next one back. */
#include "infer/between.h"

#include <math.h>
#include <stdlib.h>

#include "base/larger.h"
#include "infer/timing_internal.h"

/* Borders between a core and the one `distance` further, of cores [first, first + n) those that meet most. */
static int most_borders(const plmr_device *device, enum plmr_axis axis, int first, int n, int distance)
{
    int pitch = plmr_way_pitch(device, axis), last = first + n - 1;
    if (pitch <= 0)
        return 0;
    int from = (last + 1) / pitch * pitch - 1; /* that lies before a border */
    from = from < first ? last : from;
    return plmr_way_borders(device, axis, from, from + distance);
}

/* The most hops more, past dead cores, of all such ways along the axis. */
static int most_more(const plmr_defects *d, enum plmr_axis axis, int distance)
{
    int end = axis == PLMR_X ? d->cols : d->rows, most = 0;
    for (int from = 0; from + distance < end; from++)
        most = plmr_larger(most, plmr_defects_detour(d, axis, from, from + distance));
    return most;
}

plmr_status plmr_between_find(const plmr_device *device, const int *working, int rows, int cols,
                              plmr_between_ways *ways)
{
    plmr_defects *d = NULL;
    *ways = (plmr_between_ways){device, rows, cols, plmr_defects_tiling(device, working, rows, cols), {0, 0}};
    if (!plmr_defects_any_dead(device) || ways->tiling.down * ways->tiling.across < 2)
        return PLMR_OK;
    PLMR_TRY(plmr_defects_create(device, rows * ways->tiling.down, cols * ways->tiling.across, &d));
    ways->more[PLMR_X] = most_more(d, PLMR_X, cols);
    ways->more[PLMR_Y] = most_more(d, PLMR_Y, rows);
    plmr_defects_destroy(d);
    return PLMR_OK;
}

/* To the next region; on another wafer it is as within one. */
static plmr_way step_from(const plmr_between_ways *b, int region)
{
    int n = b->tiling.down * b->tiling.across, at = n > 0 ? region % n : 0, across = n > 0 ? b->tiling.across : 1;
    int y = at / across, along = at % across, x = y % 2 ? across - 2 - along : along;
    if (at + 1 >= n)
        return plmr_way_over(b->device, PLMR_X, b->cols, 0);
    bool turns = along == across - 1;
    enum plmr_axis axis = turns ? PLMR_Y : PLMR_X;
    int borders = turns ? most_borders(b->device, PLMR_Y, y * b->rows, b->rows, b->rows)
                        : most_borders(b->device, PLMR_X, x * b->cols, b->cols, b->cols);
    int hops = (borders > b->cols ? borders : b->cols) + b->more[axis];
    return plmr_way_over(b->device, axis, hops, borders);
}

/* Down the ramp and up once. */
plmr_way plmr_between_way(const plmr_between_ways *b, int from, int to)
{
    plmr_way way = {2 * b->device->ramp, b->device->link, 0, 0};
    for (int region = from; region < to; region++) {
        plmr_way step = step_from(b, region);
        way.flight += step.flight - 2 * b->device->ramp;
        way.word = fmax(way.word, step.word);
        way.hops += step.hops;
        way.borders += step.borders;
    }
    way.flight = plmr_device_quantise(way.flight);
    return way;
}

plmr_way plmr_between_worst(const plmr_between_ways *b, int n)
{
    plmr_way worst = plmr_between_way(b, 0, n - 1);
    for (int first = n; first + n <= b->tiling.down * b->tiling.across; first += n) {
        plmr_way way = plmr_between_way(b, first, first + n - 1);
        worst.word = fmax(worst.word, way.word);
        if (way.flight > worst.flight)
            worst = (plmr_way){way.flight, worst.word, way.hops, way.borders};
    }
    return worst;
}
