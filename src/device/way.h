/* way.h - what words meet between two cores of a line: the one place that knows ramps, hops and links.
 *
 * A word goes down a ramp into the fabric, from router to router, and up a ramp; those behind it follow at the pace of
 * the slowest link. On wse2 (ramp 2, hop 1, link 1), 8 words from core 3 to core 7 of a row:
 *
 *     plmr_way way = plmr_way_between(device, PLMR_X, 3, 7);      hops 4, flight 2 + 4 * 1 + 2 = 8, word 1
 *     way.flight + way.word * 8                                   16 cycles until the last word is there
 *
 * Where borders lie, every border_cols columns from core 0 of the region on or every border_rows rows, links over them
 * are of another kind: slower to cross, and at another pace. On dies of 20 columns a word from core 3 to core 47 crosses
 * two. What crosses a die's edge shares its lanes: each line of cores has its part of them, whether others use theirs or
 * not. So ways depend on both coordinates along their axis, not on their distance alone: whoever has many ask, asks for
 * each pair, or where it may say that all of a kind are alike.
 */
#pragma once

#include "plmr/device.h"

#include <stdlib.h>

typedef struct plmr_way {
    double flight; /* cycles of the first word */
    double word;   /* of each one */
    int hops;      /* of which */
    int borders;   /* over so many */
} plmr_way;

/* Cores from border to border; 0: there are none. */
static inline int plmr_way_pitch(const plmr_device *device, enum plmr_axis axis)
{
    return (int)(axis == PLMR_X ? device->border_cols : device->border_rows);
}

/* Borders between two cores of a line. */
static inline int plmr_way_borders(const plmr_device *device, enum plmr_axis axis, int from, int to)
{
    int pitch = plmr_way_pitch(device, axis), first = device->first[axis];
    return pitch > 0 ? abs((first + to) / pitch - (first + from) / pitch) : 0;
}

/* Cycles for each word of a line over a border that is crossed along the axis: its part of the edge's lanes. */
static inline double plmr_way_border_word(const plmr_device *device, enum plmr_axis axis)
{
    double whole = axis == PLMR_X ? device->rows : device->cols, die = plmr_way_pitch(device, (enum plmr_axis) !axis);
    double edge = die > 0 && die < whole ? die : whole, lanes = device->border_lanes;
    double word = device->border_link * (lanes > 0 && lanes < edge ? edge / lanes : 1);
    return word > device->link ? word : device->link;
}

/* Over `hops` links within a die. */
static inline plmr_way plmr_way_of(const plmr_device *device, int hops)
{
    return (plmr_way){plmr_device_quantise(2 * device->ramp + device->hop * hops), device->link, hops, 0};
}

/* The same, of which `borders` cross one. */
static inline plmr_way plmr_way_over(const plmr_device *device, enum plmr_axis axis, int hops, int borders)
{
    plmr_way way = plmr_way_of(device, hops);
    if (borders > 0) {
        way.flight =
            plmr_device_quantise(2 * device->ramp + device->hop * (hops - borders) + device->border_hop * borders);
        way.word = plmr_way_border_word(device, axis);
        way.borders = borders;
    }
    return way;
}

/* Straight from core to core along the axis; to itself it is down the ramp and up. */
static inline plmr_way plmr_way_between(const plmr_device *device, enum plmr_axis axis, int from, int to)
{
    return plmr_way_over(device, axis, abs(to - from), plmr_way_borders(device, axis, from, to));
}

/* Is the way between two of n cores shorter round a torus that they span than straight? And the shorter of the two. */
static inline bool plmr_way_wraps(const plmr_device *device, enum plmr_axis axis, int n, int from, int to)
{
    int straight = abs(to - from), whole = (int)(axis == PLMR_X ? device->cols : device->rows);
    return device->topology == PLMR_TORUS && whole == n && n - straight < straight;
}

static inline plmr_way plmr_way_round(const plmr_device *device, enum plmr_axis axis, int n, int from, int to)
{
    if (!plmr_way_wraps(device, axis, n, from, to))
        return plmr_way_between(device, axis, from, to);
    int all = plmr_way_pitch(device, axis) > 0 ? plmr_way_borders(device, axis, 0, n - 1) + 1 : 0;
    return plmr_way_over(device, axis, n - abs(to - from), all - plmr_way_borders(device, axis, from, to));
}

/* Links between two cores of a line over which a message goes from any core to any core: straight, or on one-way rings of
 * the device's routers round the end. */
static inline int plmr_way_links(const plmr_device *device, enum plmr_axis axis, int from, int to)
{
    int ring = (int)(axis == PLMR_X ? device->ring_cols : device->ring_rows);
    return device->router == PLMR_XY && ring > 0 ? (to - from + ring) % ring : abs(to - from);
}

/* Cycles in which so many words follow each other over a link, as clocks count them. */
static inline double plmr_way_stream(const plmr_device *device, int64_t words)
{
    return plmr_device_quantise(device->link * (double)words);
}

/* How many cycles more they take over a border along the axis; 0 where there is none. */
static inline double plmr_way_stream_more(const plmr_device *device, enum plmr_axis axis, int64_t words)
{
    return plmr_way_pitch(device, axis) > 0 ? plmr_device_quantise(plmr_way_border_word(device, axis) * (double)words) -
                                                  plmr_way_stream(device, words)
                                            : 0;
}

/* What a core on the way adds whose software passes words on as they come: a stage; up a ramp, a stage, down again. */
static inline double plmr_way_forward(const plmr_device *device)
{
    return plmr_device_quantise(device->stage);
}

static inline double plmr_way_stage(const plmr_device *device)
{
    return plmr_device_quantise(2 * device->ramp + device->stage);
}
