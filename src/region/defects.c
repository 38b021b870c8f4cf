#include "region/defects.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "device/defect_lists.h"

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
    return (device->yield < 1 && draw(device, row, col, 0) >= device->yield) ||
           plmr_device_defect(&device->dead, row, col);
}

bool plmr_defects_any_dead(const plmr_device *device)
{
    return device->yield < 1 || device->dead.n > 0 || device->dead_links.n > 0;
}

double plmr_defects_slowness(const plmr_device *device, int row, int col)
{
    const plmr_defect *named = plmr_device_defect(&device->slow, row, col);
    if (named)
        return named->factor;
    return device->slow_share > 0 && draw(device, row, col, 1) < device->slow_share ? device->slow_factor : 1;
}

int *plmr_defects_working(const plmr_device *device)
{
    if (device->yield >= 1 && device->dead.n == 0)
        return NULL;
    int *working = plmr_take_zeroed((size_t)device->rows, sizeof *working);
    for (int row = 0; row < (int)device->rows; row++)
        for (int col = 0; col < (int)device->cols; col++)
            working[row] += !plmr_defects_is_dead(device, row, col);
    return working;
}

static int rows_with(const plmr_device *device, const int *working, int cols)
{
    int n = 0;
    for (int row = 0; row < (int)device->rows; row++)
        n += working[row] >= cols;
    return n;
}

plmr_tiling plmr_defects_tiling(const plmr_device *device, const int *working, int rows, int cols)
{
    plmr_tiling best = {(int)device->rows / rows, (int)device->cols / cols};
    if (!working)
        return best.down > 0 && best.across > 0 ? best : (plmr_tiling){0, 0};
    int most = best.across;
    best = (plmr_tiling){0, 0};
    for (int across = most; across > 0; across--) {
        int down = rows_with(device, working, across * cols) / rows;
        if (down * across > best.down * best.across)
            best = (plmr_tiling){down, across};
    }
    return best;
}

int plmr_defects_regions(const plmr_device *device, int rows, int cols)
{
    int *working = plmr_defects_working(device);
    plmr_tiling tiling = plmr_defects_tiling(device, working, rows, cols);
    free(working);
    return tiling.down * tiling.across;
}

int64_t plmr_defects_cores(const plmr_device *device)
{
    int *working = plmr_defects_working(device);
    int64_t n = working ? 0 : (int64_t)device->rows * (int64_t)device->cols;
    for (int row = 0; working && row < (int)device->rows; row++)
        n += working[row];
    free(working);
    return n;
}

int plmr_defects_square(const plmr_device *device, const int *working)
{
    int side = (int)(device->rows < device->cols ? device->rows : device->cols);
    while (working && side > 0 && rows_with(device, working, side) < side)
        side--;
    return side;
}

/* Finds a place for every core of logical row `row` in a physical one; returns how many have one, and the last dead core
 * that was passed over. */
static int place_row(const plmr_device *device, plmr_defects *d, int row, int physical, int *last_dead)
{
    int n = 0;
    for (int col = 0; col < (int)device->cols && n < d->cols; col++) {
        if (plmr_defects_is_dead(device, physical, col)) {
            *last_dead = col;
            continue;
        }
        size_t at = (size_t)row * (size_t)d->cols + (size_t)n;
        d->shift[at] = col - n++;
        if (d->slow)
            d->slow[at] = plmr_defects_slowness(device, physical, col);
    }
    d->row[row] = physical;
    return n;
}

/* The first row that had to be passed over. */
struct passed {
    int row, dead, n_working, n_rows;
};

static plmr_status refuse(const plmr_device *device, const plmr_defects *d, const struct passed *passed)
{
    return plmr_error_make(
        PLMR_ERROR_INPUT,
        "core (%d,%d) of %s is dead, and row %d has %d working cores of %.0f: %d columns have no place there, and %d "
        "rows are passed over with %.0f to spare; choose fewer rows or columns of cores%s",
        passed->row, passed->dead, device->name, passed->row, passed->n_working, device->cols, d->cols, passed->n_rows,
        device->rows - d->rows, device->yield < 1 ? ", or another seed" : "");
}

static plmr_status place_rows(const plmr_device *device, plmr_defects *d)
{
    struct passed passed = {0};
    int row = 0;
    for (int physical = 0; row < d->rows && physical < (int)device->rows; physical++) {
        int last_dead = -1, n = place_row(device, d, row, physical, &last_dead);
        if (n == d->cols)
            row++;
        else if (passed.n_rows++ == 0)
            passed = (struct passed){physical, last_dead, n, 1};
    }
    return row < d->rows ? refuse(device, d, &passed) : PLMR_OK;
}

/* A link lies before all cores of its line beyond it. */
static void count_dead_links(const plmr_device *device, plmr_defects *d)
{
    size_t cols = (size_t)device->cols, n = (size_t)device->rows * cols;
    for (int axis = 0; axis < 2; axis++)
        d->dead_links[axis] = plmr_take_zeroed(n, sizeof *d->dead_links[axis]);
    for (int i = 0; i < device->dead_links.n; i++) {
        const plmr_defect *link = &device->dead_links.at[i];
        enum plmr_axis axis = link->to_col > link->col ? PLMR_X : PLMR_Y;
        int end = (int)(axis == PLMR_X ? device->cols : device->rows);
        for (int at = axis == PLMR_X ? link->to_col : link->to_row; at < end; at++)
            d->dead_links[axis][axis == PLMR_X ? (size_t)link->row * cols + (size_t)at
                                               : (size_t)at * cols + (size_t)link->col]++;
    }
}

static plmr_status check(const plmr_device *device, bool dead)
{
    PLMR_CHECK(!dead || device->topology == PLMR_MESH, PLMR_ERROR_INPUT,
               "%s: dead cores and links of a torus are not bridged: give a mesh, or none (yield=1)", device->name);
    return plmr_device_check_defects(device);
}

static double find_slowest(const plmr_defects *d)
{
    double most = 1;
    for (size_t i = 0; i < (size_t)d->rows * (size_t)d->cols && d->slow; i++)
        most = d->slow[i] > most ? d->slow[i] : most;
    return most;
}

plmr_status plmr_defects_create(const plmr_device *device, int rows, int cols, plmr_defects **defects)
{
    bool slow = (device->slow_share > 0 && device->slow_factor > 1) || device->slow.n > 0,
         dead = plmr_defects_any_dead(device);
    *defects = NULL;
    if (!dead && !slow)
        return PLMR_OK;
    PLMR_TRY(check(device, dead));
    size_t n = (size_t)rows * (size_t)cols;
    plmr_defects *d = plmr_take(sizeof *d);
    *d = (plmr_defects){.rows = rows,
                        .cols = cols,
                        .device_rows = (int)device->rows,
                        .device_cols = (int)device->cols,
                        .row = plmr_take_zeroed((size_t)rows, sizeof *d->row),
                        .shift = plmr_take_zeroed(n, sizeof *d->shift),
                        .slow = slow ? plmr_take_zeroed(n, sizeof *d->slow) : NULL};
    if (device->dead_links.n > 0)
        count_dead_links(device, d);
    plmr_status status = place_rows(device, d);
    d->slowest = find_slowest(d);
    if (status)
        plmr_defects_destroy(d);
    else
        *defects = d;
    return status;
}

/* A core lies more columns beyond its own where that is counted from the rectangle's first. */
plmr_defects *plmr_defects_cut(const plmr_defects *whole, const int at[2], const int extent[2])
{
    size_t rows = (size_t)extent[PLMR_Y], cols = (size_t)extent[PLMR_X],
           n_device = (size_t)whole->device_rows * (size_t)whole->device_cols;
    plmr_defects *d = plmr_take(sizeof *d);
    *d = *whole;
    d->rows = extent[PLMR_Y];
    d->cols = extent[PLMR_X];
    d->row = plmr_take(rows * sizeof *d->row);
    d->shift = plmr_take(rows * cols * sizeof *d->shift);
    d->slow = whole->slow ? plmr_take(rows * cols * sizeof *d->slow) : NULL;
    for (size_t r = 0; r < rows; r++) {
        size_t from = ((size_t)at[PLMR_Y] + r) * (size_t)whole->cols + (size_t)at[PLMR_X];
        d->row[r] = whole->row[(size_t)at[PLMR_Y] + r];
        for (size_t c = 0; c < cols; c++)
            d->shift[r * cols + c] = whole->shift[from + c] + at[PLMR_X];
        if (d->slow)
            memcpy(d->slow + r * cols, whole->slow + from, cols * sizeof *d->slow);
    }
    d->slowest = find_slowest(d);
    for (int axis = 0; axis < 2 && whole->dead_links[axis]; axis++) {
        d->dead_links[axis] = plmr_take(n_device * sizeof *d->dead_links[axis]);
        memcpy(d->dead_links[axis], whole->dead_links[axis], n_device * sizeof *d->dead_links[axis]);
    }
    return d;
}

void plmr_defects_destroy(plmr_defects *d)
{
    if (!d)
        return;
    free(d->dead_links[PLMR_X]);
    free(d->dead_links[PLMR_Y]);
    free(d->row);
    free(d->shift);
    free(d->slow);
    free(d);
}

/* Dead links between two physical cores of a line. */
static int dead_between(const plmr_defects *d, enum plmr_axis axis, int row, int col, int to_row, int to_col)
{
    const int32_t *before = d->dead_links[axis];
    size_t cols = (size_t)d->device_cols;
    return before ? abs(before[(size_t)to_row * cols + (size_t)to_col] - before[(size_t)row * cols + (size_t)col]) : 0;
}

static inline int more_hops(const plmr_defects *d, int row, int col, int to_row, int to_col)
{
    int y = d->row[row], to_y = d->row[to_row], x = col + d->shift[(size_t)row * (size_t)d->cols + (size_t)col],
        to_x = to_col + d->shift[(size_t)to_row * (size_t)d->cols + (size_t)to_col];
    int n_dead = dead_between(d, PLMR_X, y, x, y, to_x) + dead_between(d, PLMR_Y, y, to_x, to_y, to_x);
    return abs(to_x - x) + abs(to_y - y) + 2 * n_dead - abs(to_col - col) - abs(to_row - row);
}

int plmr_defects_more(const plmr_defects *d, int row, int col, int to_row, int to_col)
{
    return more_hops(d, row, col, to_row, to_col);
}

int plmr_defects_detour(const plmr_defects *d, enum plmr_axis axis, int from, int to)
{
    int n_lines = axis == PLMR_X ? d->rows : d->cols, most = 0;
    for (int i = 0; i < n_lines; i++) {
        int more = axis == PLMR_X ? more_hops(d, i, from, i, to) : more_hops(d, from, i, to, i);
        most = more > most ? more : most;
    }
    return most;
}
