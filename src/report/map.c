
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "region/profile.h"
#include "report/base64.h"
#include "report/jsonl.h"
#include "report/map_inside.h"
#include "time/clock.h"

/* Whole numbers as such: a reader then sees what was counted. */
json_t *plmr_map_number(double value)
{
    if (!isfinite(value))
        return json_null();
    return value == floor(value) && fabs(value) < 0x1p53 ? json_integer((json_int_t)value) : json_real(value);
}

json_t *plmr_map_numbers(const double *values, size_t n)
{
    bool alike = n > 0;
    for (size_t i = 1; i < n && alike; i++)
        alike = values[i] == values[0];
    if (alike)
        return plmr_map_number(values[0]);
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, plmr_map_number(values[i]));
    return array;
}

/* ---- clocks ---- */

enum { MOST_VALUES = 65536 };

static size_t drop_repeated(double *values, size_t n)
{
    size_t kept = 1;
    qsort(values, n, sizeof *values, plmr_compare_doubles);
    for (size_t i = 1; i < n; i++)
        if (values[i] != values[kept - 1])
            values[kept++] = values[i];
    return kept;
}

static size_t place_of(const double *values, size_t n, double value)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static json_t *codes(const uint16_t *code, size_t n, int bits)
{
    size_t width = (size_t)bits / 8;
    uint8_t *bytes = plmr_take(n * width);
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < width; b++)
            bytes[i * width + b] = (uint8_t)(code[i] >> (8 * b));
    char *text = plmr_base64(bytes, n * width);
    json_t *json = json_string_nocheck(text);
    free(text);
    free(bytes);
    return json;
}

static json_t *exact_clocks(const double *clocks, size_t n, const double *values, size_t n_values, uint16_t *code)
{
    int bits = n_values <= 256 ? 8 : 16;
    for (size_t i = 0; i < n; i++)
        code[i] = (uint16_t)place_of(values, n_values, clocks[i]);
    return json_pack("{s:o, s:i, s:o}", "values", plmr_map_numbers(values, n_values), "bits", bits, "cores",
                     codes(code, n, bits));
}

static json_t *rough_clocks(const double *clocks, size_t n, double least, double most, uint16_t *code)
{
    double step = (most - least) / (MOST_VALUES - 1);
    for (size_t i = 0; i < n; i++)
        code[i] = (uint16_t)lround((most - clocks[i]) / step);
    return json_pack("{s:f, s:f, s:i, s:o}", "most", most, "step", step, "bits", 16, "cores", codes(code, n, 16));
}

/* Whether every clock is what its column has in the first row and what its row has beyond that in the first column. */
static bool are_sums(const double *clocks, int rows, int cols)
{
    for (int r = 1; r < rows; r++)
        for (int c = 1; c < cols; c++) {
            const double *row = clocks + (size_t)r * (size_t)cols;
            if (row[c] - row[0] != clocks[c] - clocks[0])
                return false;
        }
    return true;
}

static json_t *summed_clocks(const double *clocks, int rows, int cols)
{
    double *beyond = plmr_take((size_t)rows * sizeof *beyond);
    for (int r = 0; r < rows; r++)
        beyond[r] = clocks[(size_t)r * (size_t)cols] - clocks[0];
    json_t *json = json_pack("{s:o, s:o}", "x", plmr_map_numbers(clocks, (size_t)cols), "y",
                             plmr_map_numbers(beyond, (size_t)rows));
    free(beyond);
    return json;
}

json_t *plmr_map_clocks(const double *clocks, int rows, int cols)
{
    if (are_sums(clocks, rows, cols))
        return summed_clocks(clocks, rows, cols);
    size_t n = (size_t)rows * (size_t)cols;
    double *values = plmr_take(n * sizeof *values);
    uint16_t *code = plmr_take(n * sizeof *code);
    memcpy(values, clocks, n * sizeof *values);
    size_t n_values = drop_repeated(values, n);
    json_t *json = n_values <= MOST_VALUES ? exact_clocks(clocks, n, values, n_values, code)
                                           : rough_clocks(clocks, n, values[0], values[n_values - 1], code);
    free(code);
    free(values);
    return json;
}

/* ---- what lies along the axes ---- */

/* Sums over all lines of an axis as what one line has. */
static json_t *per_line(const plmr_profile *profile, enum plmr_axis axis, const double *sums)
{
    size_t n = (size_t)profile->extent[axis];
    double *each = plmr_take(n * sizeof *each);
    for (size_t i = 0; i < n; i++)
        each[i] = sums[i] / profile->extent[!axis];
    json_t *json = plmr_map_numbers(each, n);
    free(each);
    return json;
}

static json_t *whole_numbers(const int *values, int n)
{
    double *copy = plmr_take((size_t)n * sizeof *copy);
    for (int i = 0; i < n; i++)
        copy[i] = values[i];
    json_t *json = plmr_map_numbers(copy, (size_t)n);
    free(copy);
    return json;
}

static json_t *block_starts(const plmr_region *region, enum plmr_axis axis)
{
    int parts = plmr_ranks_extent(region->ranks, axis), first, count;
    json_t *starts = json_array();
    for (int place = 0; place < parts; place++) {
        plmr_ranks_share(region->extent[axis], parts, place, &first, &count);
        json_array_append_new(starts, json_integer(first));
    }
    return starts;
}

/* ---- what was charged ---- */

static json_t *held(const plmr_profile *profile)
{
    json_t *list = json_array();
    for (int i = 0; i < profile->n_peak; i++)
        json_array_append_new(list, json_pack("{s:o, s:I}", "what", plmr_json_name(profile->peak[i].what), "bytes",
                                              (json_int_t)profile->peak[i].n_bytes));
    return list;
}

static json_t *routed(const plmr_profile *profile)
{
    json_t *list = json_array();
    for (int i = 0; i < profile->n_routed; i++) {
        const plmr_routed *r = &profile->routed[i];
        json_array_append_new(list, json_pack("{s:o, s:s, s:i, s:o}", "what", plmr_json_name(r->what), "axis",
                                              r->axis == PLMR_X ? "x" : "y", "program", r->n_program, "cores",
                                              whole_numbers(r->cores, profile->extent[r->axis])));
    }
    return list;
}

static json_t *moving(const plmr_profile *profile)
{
    return json_pack("{s:o, s:o, s:o}", "shift", plmr_map_number(profile->moving_cycles[PLMR_MOVE_SHIFT]), "multicast",
                     plmr_map_number(profile->moving_cycles[PLMR_MOVE_MULTICAST]), "reduce",
                     plmr_map_number(profile->moving_cycles[PLMR_MOVE_REDUCE]));
}

/* What cores of parts do, hold and route beside what the whole's do. */
static json_t *parts(const plmr_region *region, enum plmr_dtype dtype)
{
    json_t *list = json_array();
    for (const plmr_profiled_part *part = region->profile->parts; part; part = part->next) {
        const plmr_profile *p = part->profile;
        plmr_energy own = plmr_device_energy(region->device, dtype, p->multiply_adds, 0, 0);
        json_array_append_new(
            list, plmr_take_made(json_pack("{s:o, s:i, s:i, s:i, s:i, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o}", "name",
                                           plmr_json_name(part->name), "row", part->at[PLMR_Y], "col", part->at[PLMR_X],
                                           "rows", p->extent[PLMR_Y], "cols", p->extent[PLMR_X], "compute",
                                           plmr_map_number(p->compute_cycles), "moving", moving(p), "adding", "x",
                                           per_line(p, PLMR_X, p->adding_cycles[PLMR_X]), "y",
                                           per_line(p, PLMR_Y, p->adding_cycles[PLMR_Y]), "routed", routed(p), "held",
                                           held(p), "core_j", plmr_map_number(own.compute_j + own.sram_j))));
    }
    return list;
}

/* From the bottom up, where the device's file has what it takes: arithmetic, SRAM, and a share of what the wafer draws
 * idle; else a share of its power for as long as the program runs. */
static json_t *energy(const plmr_region *region, enum plmr_dtype dtype, double t_cycles)
{
    const plmr_device *d = region->device;
    double cores = d->rows * d->cols;
    plmr_energy own = plmr_device_energy(d, dtype, region->profile->multiply_adds, 0, t_cycles);
    bool estimate = isfinite(own.compute_j);
    double by_power_j = d->power > 0 ? d->power / cores * t_cycles / d->clock : NAN;
    double core_j = estimate ? own.compute_j + own.sram_j + own.idle_j / cores : by_power_j;
    return json_pack("{s:o, s:o, s:b}", "core_j", plmr_map_number(core_j), "wavelet_j",
                     plmr_map_number(estimate ? d->hop_energy * 1e-12 : 0), "estimate", estimate);
}

static json_t *make_map(const plmr_region *region, const char *name, enum plmr_dtype dtype, double t_cycles,
                        const double *clocks, json_t *links)
{
    const plmr_profile *profile = region->profile;
    const plmr_ledger *ledger = &region->ledger;
    int cols = region->extent[PLMR_X], rows = region->extent[PLMR_Y];
    return plmr_take_made(json_pack(
        "{s:o, s:i, s:i, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:{s:o, s:o}, s:o, s:I, s:o, s:o, "
        "s:{s:o, s:o}, s:o, s:o, s:o}",
        "name", plmr_json_name(name), "rows", rows, "cols", cols, "cycles", plmr_map_number(t_cycles), "compute",
        plmr_map_number(profile->compute_cycles), "moving", moving(profile), "adding", "x",
        per_line(profile, PLMR_X, profile->adding_cycles[PLMR_X]), "y",
        per_line(profile, PLMR_Y, profile->adding_cycles[PLMR_Y]), "clock", plmr_map_clocks(clocks, rows, cols),
        "links", links, "routes", "x", whole_numbers(ledger->routes[PLMR_X], cols), "y",
        whole_numbers(ledger->routes[PLMR_Y], rows), "routed", routed(profile), "sram",
        (json_int_t)ledger->sram_peak_bytes, "held", held(profile), "energy", energy(region, dtype, t_cycles), "ranks",
        "x", block_starts(region, PLMR_X), "y", block_starts(region, PLMR_Y), "borders", plmr_map_borders(region),
        "defects", plmr_map_defects(region), "parts", parts(region, dtype)));
}

plmr_status plmr_map_collect(plmr_region *region, const char *name, enum plmr_dtype dtype, json_t **map)
{
    double t_cycles = plmr_clock_max(region->clock), *clocks;
    PLMR_TRY(plmr_clock_gather(region->clock, &clocks));
    json_t *links = plmr_map_links(region);
    *map = clocks ? make_map(region, name, dtype, t_cycles, clocks, links) : NULL;
    free(clocks);
    return PLMR_OK;
}
