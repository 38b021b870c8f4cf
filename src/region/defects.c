#include "region/defects.h"

#include <stdlib.h>

#include "base/hint.h"
#include "base/memory.h"

/* A number in [0, 1) of a core and a question, by the mixing steps of SplitMix64. */
static double draw(const plmr_device *device, int row, int col, uint64_t question)
{
    uint64_t x = (uint64_t)device->seed * 2 + question;
    uint64_t parts[2] = {(uint64_t)row, (uint64_t)col};
    for (int i = 0; i < 2; i++) {
        x = (x ^ parts[i]) + UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
    }
    return (double)(x >> 11) * 0x1p-53;
}

bool plmr_defects_is_dead(const plmr_device *device, int row, int col)
{
    return draw(device, row, col, 0) >= device->yield;
}

bool plmr_defects_is_slow(const plmr_device *device, int row, int col)
{
    return draw(device, row, col, 1) < device->slow_share;
}

/* Finds a place for every core of a row. */
static plmr_status place_row(const plmr_device *device, plmr_defects *d, int row)
{
    int whole = (int)device->cols, last_dead = -1, n = 0;
    for (int col = 0; col < whole && n < d->cols; col++) {
        if (plmr_defects_is_dead(device, row, col)) {
            last_dead = col;
            continue;
        }
        size_t at = (size_t)row * (size_t)d->cols + (size_t)n;
        d->shift[at] = (int16_t)(col - n++);
        if (d->slow)
            d->slow[at] = plmr_defects_is_slow(device, row, col);
    }
    PLMR_CHECK(
        n == d->cols, PLMR_ERROR_INPUT,
        "core (%d,%d) of %s is dead, and row %d has %d working cores of %d: %d columns have no place there; choose %s",
        row, last_dead, device->name, row, n, whole, d->cols,
        plmr_hint("fewer --cores in a row, or another seed", "fewer columns, or another seed"));
    return PLMR_OK;
}

static plmr_status check(const plmr_device *device)
{
    PLMR_CHECK(device->yield >= 1 || device->topology == PLMR_MESH, PLMR_ERROR_INPUT,
               "%s: dead cores of a torus are not bridged: give a mesh, or yield=1", device->name);
    return PLMR_OK;
}

plmr_status plmr_defects_create(const plmr_device *device, int rows, int cols, plmr_defects **defects)
{
    bool slow = device->slow_share > 0 && device->slow_factor > 1;
    *defects = NULL;
    if (device->yield >= 1 && !slow)
        return PLMR_OK;
    PLMR_TRY(check(device));
    size_t n = (size_t)rows * (size_t)cols;
    plmr_defects *d = plmr_take(sizeof *d);
    *d = (plmr_defects){rows, cols, plmr_take_zeroed(n, sizeof *d->shift),
                        slow ? plmr_take_zeroed(n, sizeof *d->slow) : NULL, device->slow_factor};
    plmr_status status = PLMR_OK;
    for (int row = 0; row < rows && !status; row++)
        status = place_row(device, d, row);
    if (status)
        plmr_defects_destroy(d);
    else
        *defects = d;
    return status;
}

void plmr_defects_destroy(plmr_defects *d)
{
    if (!d)
        return;
    free(d->shift);
    free(d->slow);
    free(d);
}

int plmr_defects_detour(const plmr_defects *d, enum plmr_axis axis, int from, int to)
{
    int n_lines = axis == PLMR_X ? d->rows : d->cols, most = 0;
    size_t pitch = (size_t)d->cols, line = axis == PLMR_X ? pitch : 1, step = axis == PLMR_X ? 1 : pitch;
    for (int i = 0; i < n_lines; i++) {
        const int16_t *shift = d->shift + (size_t)i * line;
        int more = abs(shift[(size_t)to * step] - shift[(size_t)from * step]);
        most = more > most ? more : most;
    }
    return most;
}
