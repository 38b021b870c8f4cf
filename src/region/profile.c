#include "region/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

plmr_profile *plmr_profile_create(const int extent[2])
{
    plmr_profile *profile = plmr_take_zeroed(1, sizeof *profile);
    memcpy(profile->extent, extent, sizeof profile->extent);
    for (int axis = 0; axis < 2; axis++) {
        size_t n = (size_t)extent[axis];
        profile->links[axis][PLMR_LINK_UP] = plmr_take_zeroed(n, sizeof(uint64_t));
        profile->links[axis][PLMR_LINK_DOWN] = plmr_take_zeroed(n, sizeof(uint64_t));
        profile->adding_cycles[axis] = plmr_take_zeroed(n, sizeof(double));
    }
    return profile;
}

void plmr_profile_destroy(plmr_profile *profile)
{
    if (!profile)
        return;
    for (int axis = 0; axis < 2; axis++) {
        free(profile->links[axis][PLMR_LINK_UP]);
        free(profile->links[axis][PLMR_LINK_DOWN]);
        free(profile->adding_cycles[axis]);
    }
    for (int i = 0; i < profile->n_routed; i++)
        free(profile->routed[i].cores);
    free(profile->routed);
    free(profile->peak);
    free(profile->held);
    free(profile);
}

/* ---- cycles and wavelets ---- */

void plmr_profile_reset(plmr_profile *profile)
{
    if (!profile)
        return;
    for (int axis = 0; axis < 2; axis++) {
        size_t n = (size_t)profile->extent[axis];
        memset(profile->links[axis][PLMR_LINK_UP], 0, n * sizeof(uint64_t));
        memset(profile->links[axis][PLMR_LINK_DOWN], 0, n * sizeof(uint64_t));
        memset(profile->adding_cycles[axis], 0, n * sizeof(double));
    }
    profile->compute_cycles = profile->multiply_adds = 0;
    memset(profile->moving_cycles, 0, sizeof profile->moving_cycles);
}

/* to += (now - since) * times, for all that is counted. */
static void add(plmr_profile *to, const plmr_profile *now, const plmr_profile *since, int64_t times)
{
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < to->extent[axis]; i++) {
            for (int way = 0; way < 2; way++)
                to->links[axis][way][i] += (now->links[axis][way][i] - since->links[axis][way][i]) * (uint64_t)times;
            to->adding_cycles[axis][i] += (now->adding_cycles[axis][i] - since->adding_cycles[axis][i]) * (double)times;
        }
    to->compute_cycles += (now->compute_cycles - since->compute_cycles) * (double)times;
    to->multiply_adds += (now->multiply_adds - since->multiply_adds) * (double)times;
    for (int i = 0; i < PLMR_N_MOVES; i++)
        to->moving_cycles[i] += (now->moving_cycles[i] - since->moving_cycles[i]) * (double)times;
}

plmr_profile *plmr_profile_mark(const plmr_profile *profile)
{
    plmr_profile *mark = plmr_profile_create(profile->extent), *nothing = plmr_profile_create(profile->extent);
    add(mark, profile, nothing, 1);
    plmr_profile_destroy(nothing);
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
