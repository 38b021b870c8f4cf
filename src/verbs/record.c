/* What a program says of itself: clocks, parts, numbers of its own for its record. */
#include "verbs/record.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/memory.h"
#include "time/clock.h"
#include "time/trace.h"

plmr_status plmr_region_clock(plmr_region *region, int row, int col, double *t_cycles)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(t_cycles);
    PLMR_CHECK(row >= 0 && row < region->extent[PLMR_Y] && col >= 0 && col < region->extent[PLMR_X], PLMR_ERROR_INPUT,
               "core (%d,%d) is outside the region of %dx%d cores", row, col, region->extent[PLMR_Y],
               region->extent[PLMR_X]);
    int r = row - region->first[PLMR_Y], c = col - region->first[PLMR_X];
    bool here = r >= 0 && r < region->count[PLMR_Y] && c >= 0 && c < region->count[PLMR_X];
    plmr_clock_settle(region->clock);
    *t_cycles = here ? plmr_clock_at(region->clock, r, c) : -INFINITY;
    plmr_ranks_max(region->ranks, t_cycles, 1);
    return PLMR_OK;
}

/* A part's are its whole's. */
static struct plmr_own **find_own(plmr_region *region, const char *key)
{
    struct plmr_own **at = region->whole ? &region->whole->own : &region->own;
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static struct plmr_own *take_own(plmr_region *region, const char *key)
{
    struct plmr_own **at = find_own(region, key);
    if (!*at) {
        *at = plmr_take_zeroed(1, sizeof **at);
        (*at)->key = plmr_take_copy(key);
    }
    return *at;
}

/* What marks add up and what a program says of itself are not one number. */
static plmr_status check_kind(plmr_region *region, const char *key, bool is_part)
{
    const struct plmr_own *own = *find_own(region, key);
    PLMR_CHECK(!own || own->is_part == is_part, PLMR_ERROR_INPUT, "%s is %s already: choose another name", key,
               is_part ? "a number of the program's own" : "the cycles of a part that plmr_region_mark has told of");
    return PLMR_OK;
}

static plmr_status check_key(const char *key)
{
    bool fine = *key && strlen(key) <= 60;
    for (const char *c = key; *c; c++)
        fine = fine && (isalnum((unsigned char)*c) || *c == '_');
    PLMR_CHECK(fine, PLMR_ERROR_INPUT, "'%.60s' is no key of a record: take letters, digits and _, at most 60", key);
    return PLMR_OK;
}

plmr_status plmr_region_record(plmr_region *region, const char *key, double value)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(key);
    PLMR_TRY(check_key(key));
    PLMR_CHECK(isfinite(value), PLMR_ERROR_INPUT, "%s: %g is no number of a record: give a finite one", key, value);
    const plmr_region *whole = region->whole ? region->whole : region;
    if (whole->check_own)
        PLMR_TRY(whole->check_own(key, value));
    PLMR_TRY(check_kind(region, key, false));
    take_own(region, key)->value = value;
    return PLMR_OK;
}

plmr_status plmr_region_mark(plmr_region *region, const char *name)
{
    plmr_cost cost;
    char key[80];
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(name);
    PLMR_TRY(check_key(name));
    snprintf(key, sizeof key, "cycles_%.60s", name);
    PLMR_TRY(check_kind(region, key, true));
    PLMR_TRY(plmr_region_cost(region, &cost));
    struct plmr_own *own = take_own(region, key);
    own->is_part = true;
    own->value += cost.t_cycles - region->marked_cycles;
    region->marked_cycles = cost.t_cycles;
    if (region->trace)
        plmr_trace_section(region->trace, name);
    return PLMR_OK;
}

void plmr_own_destroy(struct plmr_own *own)
{
    while (own) {
        struct plmr_own *next = own->next;
        free(own->key);
        free(own);
        own = next;
    }
}
