/* way.h - what words meet between two cores of a line: the one place that knows ramps, hops and links.
 *
 * A word goes down a ramp into the fabric, from router to router, and up a ramp; those behind it follow at the pace of
 * the slowest link. On wse2 (ramp 2, hop 1, link 1), 8 words from core 3 to core 7 of a row:
 *
 *     plmr_way way = plmr_way_between(device, PLMR_X, 3, 7);      hops 4, flight 2 + 4 * 1 + 2 = 8, word 1
 *     way.flight + way.word * 8                                   16 cycles until the last word is there
 *
 * Ways depend on both coordinates along their axis, not on their distance alone: whoever has many ask, asks for each
 * pair, or where it may say that all of a kind are alike. So a device whose links differ from place to place along an
 * axis is a matter of this file: the cycles of links from core 0 to each core, and their difference.
 */
#pragma once

#include "plmr/device.h"

#include <stdlib.h>

typedef struct plmr_way {
    double flight; /* cycles of the first word */
    double word;   /* of each one */
    int hops;
} plmr_way;

/* Over `hops` links. */
static inline plmr_way plmr_way_of(const plmr_device *device, int hops)
{
    return (plmr_way){2 * device->ramp + device->hop * hops, device->link, hops};
}

/* Straight from core to core along the axis; to itself it is down the ramp and up. */
static inline plmr_way plmr_way_between(const plmr_device *device, enum plmr_axis axis, int from, int to)
{
    (void)axis; /* links are alike along both */
    return plmr_way_of(device, abs(to - from));
}

/* Is the way between two of n cores shorter round a torus that they span than straight? And the shorter of the two. */
static inline bool plmr_way_wraps(const plmr_device *device, enum plmr_axis axis, int n, int from, int to)
{
    int straight = abs(to - from), whole = (int)(axis == PLMR_X ? device->cols : device->rows);
    return device->topology == PLMR_TORUS && whole == n && n - straight < straight;
}

static inline plmr_way plmr_way_round(const plmr_device *device, enum plmr_axis axis, int n, int from, int to)
{
    bool wraps = plmr_way_wraps(device, axis, n, from, to);
    return wraps ? plmr_way_of(device, n - abs(to - from)) : plmr_way_between(device, axis, from, to);
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

/* What a core on the way adds whose software passes words on as they come: up a ramp, a stage, down again. */
static inline double plmr_way_stage(const plmr_device *device)
{
    return 2 * device->ramp + device->stage;
}
