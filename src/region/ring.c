#include "region/ring.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/hint.h"
#include "base/memory.h"

int plmr_ring_slots(const plmr_ring *ring)
{
    return ring ? ring->n * ring->slots : 0;
}

int plmr_ring_position(const plmr_ring *ring, int core)
{
    if (!ring || core < 0 || core >= ring->n)
        return -1;
    if (ring->kind != PLMR_INTERLEAVED)
        return core;
    return core % 2 == 0 ? core / 2 : ring->n - (core + 1) / 2;
}

int plmr_ring_core(const plmr_ring *ring, int position)
{
    if (!ring || position < 0 || position >= ring->n)
        return -1;
    if (ring->kind != PLMR_INTERLEAVED)
        return position;
    return position < (ring->n + 1) / 2 ? 2 * position : 2 * (ring->n - position) - 1;
}

/* At the ends of a line a core is its own neighbour. */
static int neighbour(const plmr_ring *ring, int core, int step)
{
    if (ring->kind == PLMR_LINE && (core + step < 0 || core + step >= ring->n))
        return core;
    return plmr_ring_core(ring, (plmr_ring_position(ring, core) + step + ring->n) % ring->n);
}

int plmr_ring_before(const plmr_ring *ring, int core)
{
    return neighbour(ring, core, -1);
}

static plmr_way way_between(const plmr_ring *ring, int from, int to)
{
    return ring->region->defects ? plmr_region_way(ring->region, ring->axis, from, to)
                                 : plmr_way_round(ring->region->device, ring->axis, ring->n, from, to);
}

static void measure(plmr_ring *ring)
{
    for (int core = 0; core < ring->n; core++) {
        int next = neighbour(ring, core, 1), hops = way_between(ring, next, core).hops;
        ring->longest = hops > ring->longest ? hops : ring->longest;
        ring->total_hops += plmr_way_round(ring->region->device, ring->axis, ring->n, next, core).hops;
    }
}

static int extent(const plmr_ring *ring)
{
    return plmr_ranks_extent(ring->region->ranks, ring->axis);
}

int plmr_ring_owner(const plmr_ring *ring, int slot)
{
    return plmr_region_owner(ring->region, ring->axis, plmr_ring_core(ring, slot / ring->slots));
}

/* Positions that follow each other and are of one place. */
static void list_dealt(plmr_ring *ring)
{
    plmr_run *last = NULL;
    ring->of_place = plmr_take_zeroed((size_t)extent(ring), sizeof *ring->of_place);
    for (int i = 0, before = -1; i < ring->n; i++) {
        int place = plmr_ring_owner(ring, i * ring->slots);
        if (place != before) {
            last = ring->of_place[place];
            last += last->count > 0;
            PLMR_ASSERT(last->count == 0);
            last->first = i;
        }
        last->count++;
        before = place;
    }
}

/* A block of cores holds a run of slots on the way out (even cores) and one on the way back (odd cores). */
static void runs_of_block(const plmr_ring *ring, int place, plmr_run *out, plmr_run *back)
{
    int first, count;
    plmr_region_share(ring->region, ring->axis, place, &first, &count);
    int end = first + count;
    *out = (plmr_run){first, count};
    *back = (plmr_run){0, 0};
    if (ring->kind == PLMR_INTERLEAVED) {
        *out = (plmr_run){(first + 1) / 2, (end + 1) / 2 - (first + 1) / 2};
        *back = (plmr_run){ring->n - end / 2, end / 2 - first / 2};
    }
}

int plmr_ring_runs(const plmr_ring *ring, int place, plmr_run runs[2])
{
    int n_runs = 0;
    plmr_run out, back;
    if (ring->of_place) {
        out = ring->of_place[place][0];
        back = ring->of_place[place][1];
    } else
        runs_of_block(ring, place, &out, &back);
    if (out.count && back.count && out.first + out.count == back.first) {
        out.count += back.count;
        back.count = 0;
    }
    if (out.count)
        runs[n_runs++] = out;
    if (back.count)
        runs[n_runs++] = back;
    for (int i = 0; i < n_runs; i++)
        runs[i] = (plmr_run){runs[i].first * ring->slots, runs[i].count * ring->slots};
    return n_runs;
}

int plmr_ring_local_slots(const plmr_ring *ring)
{
    return ring->runs[0].count + ring->runs[1].count;
}

int plmr_ring_local_slot(const plmr_ring *ring, int i)
{
    const plmr_run *runs = ring->runs;
    return i < runs[0].count ? runs[0].first + i : runs[1].first + i - runs[0].count;
}

int plmr_ring_local_number(const plmr_ring *ring, int slot)
{
    const plmr_run *runs = ring->runs;
    bool in_first = slot >= runs[0].first && slot < runs[0].first + runs[0].count;
    return in_first ? slot - runs[0].first : runs[0].count + slot - runs[1].first;
}

/* Puts a core in its place among n that ascend; false if it is there already. */
static bool insert_core(const plmr_ring *ring, int core, plmr_ring_ghost *ghosts, int n)
{
    int at = n;
    while (at > 0 && ghosts[at - 1].core >= core)
        at--;
    if (at < n && ghosts[at].core == core)
        return false;
    memmove(ghosts + at + 1, ghosts + at, (size_t)(n - at) * sizeof *ghosts);
    ghosts[at] = (plmr_ring_ghost){core, plmr_ranks_owner(ring->n, extent(ring), core)};
    return true;
}

/* Ghosts of the block at `place`: neighbours on the ring that lie outside, in ascending order, so that those of one
 * owner are together. Only cores within two of the block's ends have such. */
static int list_ghosts(const plmr_ring *ring, int place, plmr_ring_ghost ghosts[PLMR_RING_GHOSTS])
{
    int first, count, n = 0;
    plmr_ranks_share(ring->n, extent(ring), place, &first, &count);
    for (int i = 0; i < count; i++) {
        if (i >= 2 && i < count - 2)
            continue;
        for (int step = -1; step <= 1; step += 2) {
            int core = neighbour(ring, first + i, step);
            if (core < first || core >= first + count)
                n += insert_core(ring, core, ghosts, n);
        }
    }
    return n;
}

static void list_wanted(plmr_ring *ring)
{
    int me = plmr_ranks_place(ring->region->ranks, ring->axis);
    ring->n_ghosts = list_ghosts(ring, me, ring->ghosts);
    for (int place = 0; place < extent(ring); place++) {
        plmr_ring_ghost theirs[PLMR_RING_GHOSTS];
        int n = place == me ? 0 : list_ghosts(ring, place, theirs);
        for (int g = 0; g < n; g++)
            if (theirs[g].place == me)
                ring->wanted[ring->n_wanted++] = (plmr_ring_ghost){theirs[g].core, place};
        PLMR_ASSERT(ring->n_wanted <= PLMR_RING_GHOSTS);
    }
}

/* Local index of a core along the axis, or ~g for ghost g. */
static int locate(const plmr_ring *ring, int core)
{
    int local = core - ring->region->first[ring->axis];
    if (local >= 0 && local < ring->region->count[ring->axis])
        return local;
    int g = 0;
    while (ring->ghosts[g].core != core)
        g++;
    return ~g;
}

static void fill_neighbours(plmr_ring *ring)
{
    int first = ring->region->first[ring->axis], count = ring->region->count[ring->axis];
    ring->before = plmr_take(2 * (size_t)count * sizeof *ring->before);
    ring->after = ring->before + count;
    ring->way_before = plmr_take(2 * (size_t)count * sizeof *ring->way_before);
    ring->way_after = ring->way_before + count;
    for (int i = 0; i < count; i++) {
        int before = neighbour(ring, first + i, -1), after = neighbour(ring, first + i, 1);
        ring->before[i] = locate(ring, before);
        ring->after[i] = locate(ring, after);
        ring->way_before[i] = way_between(ring, before, first + i);
        ring->way_after[i] = way_between(ring, after, first + i);
    }
}

plmr_ring *plmr_ring_make(plmr_region *region, enum plmr_axis axis, enum plmr_ring_kind kind, int slots_per_core)
{
    plmr_ring *ring = plmr_take_zeroed(1, sizeof *ring);
    *ring = (plmr_ring){.n_holders = 1,
                        .region = region,
                        .axis = axis,
                        .kind = kind,
                        .n = region->extent[axis],
                        .slots = slots_per_core,
                        .reach = kind == PLMR_INTERLEAVED ? 2 : 1};
    int pitch = plmr_way_pitch(region->device, axis);
    ring->inner = plmr_way_over(region->device, axis, ring->reach, pitch > 0 ? ring->reach / pitch : 0);
    measure(ring);
    if (region->owner[axis]) {
        list_dealt(ring);
    } else {
        list_wanted(ring);
        fill_neighbours(ring);
    }
    ring->n_runs = plmr_ring_runs(ring, plmr_ranks_place(region->ranks, axis), ring->runs);
    return ring;
}

plmr_status plmr_ring_create(plmr_region *region, enum plmr_axis axis, enum plmr_ring_kind kind, int slots_per_core,
                             plmr_ring **out)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(out);
    PLMR_CHECK(kind == PLMR_NATURAL || kind == PLMR_INTERLEAVED || kind == PLMR_LINE, PLMR_ERROR_INPUT,
               "there is no ring of kind %d: give PLMR_NATURAL, PLMR_INTERLEAVED or PLMR_LINE", (int)kind);
    PLMR_CHECK(slots_per_core >= 1 && slots_per_core <= INT_MAX / region->extent[axis], PLMR_ERROR_INPUT,
               "a ring cannot have %d slots per core: give 1 to %d", slots_per_core, INT_MAX / region->extent[axis]);
    PLMR_CHECK(region->extent[axis] >= 3 || kind == PLMR_LINE, PLMR_ERROR_INPUT,
               "a ring needs at least 3 cores along %s, not %d: choose %s", axis == PLMR_X ? "x" : "y",
               region->extent[axis], plmr_hint("a larger --cores", "a larger region, or PLMR_LINE"));
    *out = plmr_ring_make(region, axis, kind, slots_per_core);
    return PLMR_OK;
}

void plmr_ring_hold(const plmr_ring *ring)
{
    ((plmr_ring *)ring)->n_holders++;
}

void plmr_ring_destroy(plmr_ring *ring)
{
    if (!ring || --ring->n_holders > 0)
        return;
    free(ring->of_place);
    free(ring->way_before);
    free(ring->before);
    free(ring);
}
