#include "run/trace.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"
#include "time/trace.h"

enum { DEFAULT_CORES = 16, DEFAULT_EVENTS = 200000, MOST_CORES = 4096 };

/* ---- reading ---- */

static const char form[] = "R,C;R,C;... with rows and columns from 0, or sample:N with N from 1 to 4096";

/* "R,C" and what ends it; NULL: it is not that. */
static const char *read_core(const char *text, plmr_trace_core *core)
{
    int64_t row, col;
    if (!plmr_scan_whole(&text, INT_MAX, &row) || !plmr_scan_text(&text, ",") || !plmr_scan_whole(&text, INT_MAX, &col))
        return NULL;
    core->row = (int)row;
    core->col = (int)col;
    return *text == '\0' || *text == ';' ? text : NULL;
}

/* Of "sample:N"; 0: it is something else. */
static int sample_size(const char *text)
{
    static const char prefix[] = "sample:";
    if (strncmp(text, prefix, sizeof prefix - 1) != 0)
        return 0;
    const char *digits = text + sizeof prefix - 1;
    long n = strspn(digits, "0123456789") == strlen(digits) ? strtol(digits, NULL, 10) : 0;
    return n <= MOST_CORES ? (int)n : 0;
}

static plmr_status read_list(const char *text, plmr_trace_core *cores, int *n_cores)
{
    const char *at = text;
    for (*n_cores = 0; at; at = *at ? at + 1 : NULL) {
        PLMR_CHECK(*n_cores < MOST_CORES, PLMR_ERROR_INPUT, "--trace-cores: more than %d cores", MOST_CORES);
        at = read_core(at, &cores[(*n_cores)++]);
        PLMR_CHECK(at, PLMR_ERROR_INPUT, "--trace-cores: '%.60s' is not %s", text, form);
    }
    return PLMR_OK;
}

plmr_status plmr_trace_options_check(const plmr_trace_options *options, bool plan)
{
    PLMR_CHECK(options->path || (!options->cores && !options->n_events), PLMR_ERROR_INPUT,
               "--trace-%s is for a trace: say where it goes, with --trace FILE", options->cores ? "cores" : "events");
    PLMR_CHECK(!options->path || !plan, PLMR_ERROR_INPUT,
               "--plan runs nothing, so there is nothing for --trace: leave one of them out");
    return PLMR_OK;
}

/* ---- choosing ---- */

static int compare_cores(const void *a, const void *b)
{
    const plmr_trace_core *x = a, *y = b;
    return x->row != y->row ? x->row - y->row : x->col - y->col;
}

/* Sorts; each core once. Returns how many there are. */
static int sort_cores(plmr_trace_core *cores, int n)
{
    int kept = 0;
    qsort(cores, (size_t)n, sizeof *cores, compare_cores);
    for (int i = 0; i < n; i++)
        if (i == 0 || compare_cores(&cores[i], &cores[kept - 1]) != 0)
            cores[kept++] = cores[i];
    return kept;
}

/* Away from the middle, lest rounding goes there. */
static int along(int size, int part, int n_parts)
{
    int at = (int)(((int64_t)size * part + (2 * part > n_parts ? n_parts - 1 : 0)) / n_parts);
    return at < size ? at : size - 1;
}

/* The i-th of n points that are spread over the region: its corners, its middle, then the diagonal's, in an odd number
 * of parts, so that none is the middle again where there are as many rows and columns. */
static plmr_trace_core point(int i, int n, int rows, int cols)
{
    plmr_trace_core corners[] = {{0, 0}, {rows - 1, cols - 1}, {0, cols - 1}, {rows - 1, 0}, {rows / 2, cols / 2}};
    int n_parts = (n - 4) | 1, part = i - 4;
    if (i < 5)
        return corners[i];
    return (plmr_trace_core){along(rows, part, n_parts), along(cols, part, n_parts)};
}

static int sample(int n, int rows, int cols, plmr_trace_core *cores)
{
    int64_t n_all = (int64_t)rows * cols;
    for (int i = 0; i < n; i++)
        cores[i] = n < n_all ? point(i, n, rows, cols) : (plmr_trace_core){i % (int)n_all / cols, i % cols};
    return sort_cores(cores, n);
}

static plmr_status choose(const plmr_trace_options *o, int rows, int cols, plmr_trace_core *cores, int *n_cores)
{
    int n_sample = o->cores ? sample_size(o->cores) : DEFAULT_CORES;
    if (n_sample) {
        *n_cores = sample(n_sample, rows, cols, cores);
        return PLMR_OK;
    }
    PLMR_TRY(read_list(o->cores, cores, n_cores));
    for (int i = 0; i < *n_cores; i++)
        PLMR_CHECK(cores[i].row < rows && cores[i].col < cols, PLMR_ERROR_INPUT,
                   "--trace-cores: core %d,%d is outside the region of %dx%d cores, whose last is %d,%d", cores[i].row,
                   cores[i].col, rows, cols, rows - 1, cols - 1);
    *n_cores = sort_cores(cores, *n_cores);
    return PLMR_OK;
}

plmr_status plmr_trace_options_attach(const plmr_trace_options *o, plmr_region *region, int n_regions)
{
    if (!o->path || !region)
        return PLMR_OK;
    int n_cores;
    plmr_trace_core *cores = plmr_take(MOST_CORES * sizeof *cores);
    plmr_status status = choose(o, region->extent[PLMR_Y], region->extent[PLMR_X], cores, &n_cores);
    if (!status) {
        int64_t each = (o->n_events ? o->n_events : DEFAULT_EVENTS) / n_regions / n_cores;
        status = plmr_trace_attach(region, cores, n_cores, each < 2 ? 2 : each);
    }
    free(cores);
    return status;
}
