#include "region/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

plmr_profile *plmr_profile_create(const int extent[2])
{
    plmr_profile *profile = plmr_take_zeroed(1, sizeof *profile);
    memcpy(profile->extent, extent, sizeof profile->extent);
    profile->n = (size_t)extent[PLMR_X] + (size_t)extent[PLMR_Y];
    profile->all_links = plmr_take_zeroed(4 * profile->n, sizeof *profile->all_links);
    profile->all_adding = plmr_take_zeroed(profile->n, sizeof *profile->all_adding);
    for (int axis = 0; axis < 2; axis++) {
        size_t before = axis == PLMR_X ? 0 : (size_t)extent[PLMR_X];
        profile->links[axis][PLMR_LINK_UP] = profile->all_links + 2 * before;
        profile->links[axis][PLMR_LINK_DOWN] = profile->links[axis][PLMR_LINK_UP] + extent[axis];
        for (int way = 0; way < 2; way++)
            profile->strewn[axis][way] = profile->links[axis][way] + 2 * profile->n;
        profile->adding_cycles[axis] = profile->all_adding + before;
    }
    return profile;
}

void plmr_profile_destroy(plmr_profile *profile)
{
    if (!profile)
        return;
    free(profile->all_links);
    free(profile->all_adding);
    for (int i = 0; i < profile->n_routed; i++)
        free(profile->routed[i].cores);
    free(profile->routed);
    free(profile->peak);
    free(profile->held);
    for (int i = 0; i < 4; i++)
        free(profile->ways[i / 2][i % 2]);
    while (profile->parts) {
        plmr_profiled_part *part = profile->parts;
        profile->parts = part->next;
        plmr_profile_destroy(part->profile);
        free(part);
    }
    free(profile);
}

plmr_profile *plmr_profile_of_part(plmr_profile *whole, const char *name, const int at[2], const int extent[2])
{
    plmr_profiled_part *part = plmr_take(sizeof *part);
    *part = (plmr_profiled_part){.at = {at[0], at[1]}, .profile = plmr_profile_create(extent), .next = whole->parts};
    snprintf(part->name, sizeof part->name, "%s", name);
    whole->parts = part;
    return part->profile;
}

void plmr_profile_take_ways(plmr_profile *profile)
{
    size_t n = (size_t)profile->extent[PLMR_X] * (size_t)profile->extent[PLMR_Y];
    for (int i = 0; i < 4 && !profile->ways[1][1]; i++)
        profile->ways[i / 2][i % 2] = plmr_take_zeroed(n, sizeof(uint64_t));
}

/* ---- cycles and wavelets ---- */

/* to += (now - since) * times, for all that is counted. */
static void add(plmr_profile *to, const plmr_profile *now, const plmr_profile *since, int64_t times)
{
    for (size_t i = 0; i < 4 * to->n; i++)
        to->all_links[i] += (now->all_links[i] - since->all_links[i]) * (uint64_t)times;
    for (size_t i = 0; i < to->n; i++)
        to->all_adding[i] += (now->all_adding[i] - since->all_adding[i]) * (double)times;
    to->compute_cycles += (now->compute_cycles - since->compute_cycles) * (double)times;
    to->multiply_adds += (now->multiply_adds - since->multiply_adds) * (double)times;
    for (int i = 0; i < PLMR_N_MOVES; i++)
        to->moving_cycles[i] += (now->moving_cycles[i] - since->moving_cycles[i]) * (double)times;
}

void plmr_profile_reset(plmr_profile *profile)
{
    if (!profile)
        return;
    plmr_profile *nothing = plmr_profile_create(profile->extent);
    add(profile, profile, nothing, -1);
    plmr_profile_destroy(nothing);
}

plmr_profile *plmr_profile_mark(const plmr_profile *profile)
{
    plmr_profile *mark = plmr_profile_create(profile->extent);
    memcpy(mark->all_links, profile->all_links, 4 * profile->n * sizeof *mark->all_links);
    memcpy(mark->all_adding, profile->all_adding, profile->n * sizeof *mark->all_adding);
    memcpy(mark->moving_cycles, profile->moving_cycles, sizeof mark->moving_cycles);
    mark->compute_cycles = profile->compute_cycles;
    mark->multiply_adds = profile->multiply_adds;
    return mark;
}

void plmr_profile_repeat(plmr_profile *profile, const plmr_profile *mark, int64_t times)
{
    add(profile, profile, mark, times);
}

/* ---- memory and routes ---- */

static void remember_peak(plmr_profile *profile)
{
    profile->n_peak = profile->n_held;
    profile->peak = plmr_take_more(profile->peak, (size_t)profile->n_held * sizeof *profile->peak);
    memcpy(profile->peak, profile->held, (size_t)profile->n_held * sizeof *profile->peak);
}

void plmr_profile_hold(plmr_profile *profile, const char *what, int64_t n_bytes, bool is_peak)
{
    plmr_held *held = plmr_take_more(profile->held, ((size_t)profile->n_held + 1) * sizeof *held);
    profile->held = held;
    snprintf(held[profile->n_held].what, sizeof held->what, "%s", what);
    held[profile->n_held++].n_bytes = n_bytes;
    if (is_peak)
        remember_peak(profile);
}

/* A release does not say of what: it is of the last that was charged as many bytes. */
void plmr_profile_release(plmr_profile *profile, int64_t n_bytes)
{
    int i = profile->n_held - 1;
    while (i >= 0 && profile->held[i].n_bytes != n_bytes)
        i--;
    if (i < 0)
        return;
    memmove(&profile->held[i], &profile->held[i + 1], (size_t)(profile->n_held - 1 - i) * sizeof *profile->held);
    profile->n_held--;
}

static bool is_noted(const plmr_profile *profile, const plmr_routed *routed)
{
    size_t n = (size_t)profile->extent[routed->axis];
    for (int i = 0; i < profile->n_routed; i++) {
        const plmr_routed *other = &profile->routed[i];
        if (other->axis == routed->axis && strcmp(other->what, routed->what) == 0 &&
            memcmp(other->cores, routed->cores, n * sizeof(int)) == 0)
            return true;
    }
    return false;
}

void plmr_profile_route(plmr_profile *profile, const char *what, enum plmr_axis axis, const int *cores, int n_program,
                        bool once)
{
    size_t n_bytes = (size_t)profile->extent[axis] * sizeof(int);
    plmr_routed entry = {.axis = axis, .n_program = n_program, .cores = plmr_take(n_bytes)};
    snprintf(entry.what, sizeof entry.what, "%s", what);
    memcpy(entry.cores, cores, n_bytes);
    if (once && is_noted(profile, &entry)) {
        free(entry.cores);
        return;
    }
    profile->routed = plmr_take_more(profile->routed, ((size_t)profile->n_routed + 1) * sizeof *profile->routed);
    profile->routed[profile->n_routed++] = entry;
}
