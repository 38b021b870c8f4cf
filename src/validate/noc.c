/* Writes and reads between the cores of a chip, in patterns, the whole batch with its acknowledgements: as vendors'
 * tables of NoC latencies have them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plmr/points.h"
#include "validate/validate.h"

enum { SIDE = 8 }; /* of the block of cores that such tables use, where nothing says more */

struct batch {
    int rows, cols; /* of the region */
    int n_partners; /* of each core */
    int n_each;     /* messages that a core sends */
    int n_values;   /* floats in each */
    int32_t *from, *to, *values;
    int64_t n;
};

static void add(struct batch *b, int from, int to)
{
    b->from[b->n] = from;
    b->to[b->n] = to;
    b->values[b->n++] = b->n_values;
}

/* Core i of a block of whole rows of `cols`. */
static int core_of(const struct batch *b, int cols, int i)
{
    return i / cols * b->cols + i % cols;
}

/* The first core with the others of the smallest square block that has so many. */
static void one_with_block(struct batch *b)
{
    int cols = (int)fmin(ceil(sqrt(b->n_partners + 1)), b->cols);
    for (int i = 0; i < b->n_each; i++)
        add(b, 0, core_of(b, cols, 1 + i % b->n_partners));
}

/* All cores of a block with each other, themselves included, in one order. */
static void all_with_all(struct batch *b)
{
    int n = b->n_partners, cols = (int)fmin(ceil(sqrt(n)), b->cols);
    for (int core = 0; core < n; core++)
        for (int i = 0; i < b->n_each; i++)
            add(b, core_of(b, cols, core), core_of(b, cols, i % n));
}

/* Cores of the first line along x or y with all of it, in one order; or its first with the others. */
static void line_with_line(struct batch *b, bool along_x, bool one)
{
    int step = along_x ? 1 : b->cols, n = b->n_partners;
    for (int i = 0; i < (one ? 1 : n); i++)
        for (int k = 0; k < b->n_each; k++)
            add(b, i * step, (one ? 1 + k % n : k % n) * step);
}

/* One axis is y: of a single write's 206 cycles 108 are its ring's, which has 12 routers (see `send_launch`). */
static void one_with_one(struct batch *b, bool same_axis)
{
    for (int i = 0; i < b->n_each; i++)
        add(b, 0, same_axis ? b->cols : b->cols + 1);
}

/* Reads are as writes by who asks: a request and its data go once round the rings, too. False: the pattern is none that
 * is known. */
static bool fill(struct batch *b, const char *pattern, bool same_axis)
{
    if (plmr_has_word(pattern, "row"))
        line_with_line(b, true, strncmp(pattern, "one", 3) == 0);
    else if (plmr_has_word(pattern, "column"))
        line_with_line(b, false, strncmp(pattern, "one", 3) == 0);
    else if (strncmp(pattern, "all", 3) == 0)
        all_with_all(b);
    else if (strcmp(pattern, "one_to_one") == 0 || strcmp(pattern, "one_from_one") == 0)
        one_with_one(b, same_axis);
    else if (strcmp(pattern, "one_to_all") == 0 || strcmp(pattern, "one_from_all") == 0)
        one_with_block(b);
    else
        return false;
    return true;
}

static plmr_status flow(plmr_region *region, const struct batch *b)
{
    plmr_tiles *tiles;
    plmr_points *points;
    plmr_parts parts = {.n = b->n, .from = b->from, .to = b->to, .n_values = b->values};
    PLMR_TRY(plmr_tiles_create(region, "batch", b->n_values, &tiles));
    plmr_status status = plmr_points_create(region, "batch", &parts, &points);
    if (!status) {
        status = plmr_points_run(points, tiles, tiles);
        plmr_points_destroy(points);
    }
    plmr_tiles_destroy(tiles);
    return status;
}

static plmr_status time_batch(const plmr_device *device, const struct batch *b, double *cycles)
{
    plmr_ranks *ranks;
    plmr_region *region;
    plmr_region_options options = {.allow_memory = true, .allow_routes = true};
    PLMR_TRY(plmr_ranks_create(0, 0, b->rows, b->cols, &ranks));
    plmr_status status = plmr_region_create(ranks, device, b->rows, b->cols, &options, &region);
    if (!status) {
        plmr_cost cost = {0};
        status = flow(region, b);
        if (!status)
            status = plmr_region_cost(region, &cost);
        *cycles = cost.t_cycles;
        plmr_region_destroy(region);
    }
    plmr_ranks_destroy(ranks);
    return status;
}

/* A path to all cores of a square is reserved there and back, before each packet; the last acknowledgement goes round
 * both rings. Linked ones keep the path of the one before. A sender that is not among its receivers stands at the other
 * side of the block. */
static double multicast_cycles(const plmr_trial_run *run, const struct batch *b, bool linked)
{
    const plmr_device *d = &run->device;
    double side = ceil(sqrt(b->n_partners)), words = (double)plmr_device_wavelets(d, 4 * (int64_t)b->n_values);
    double far = plmr_config_number(run->config, "loopback", 1) ? 2 * (side - 1) : side - 1 + SIDE - 1;
    double reserve = 2 * (2 * d->ramp + far * d->hop), round = 4 * d->ramp + (d->ring_rows + d->ring_cols) * d->hop;
    double packets = d->packet > 0 ? ceil(words / d->packet) : 1;
    double kept = linked ? d->collective_launch + 2 * d->send_message - d->ramp : reserve;
    double each = packets * reserve + words * d->link, next = packets * kept + words * d->link;
    return d->send_launch + round + each + (b->n_each - 1) * (b->n_each > 1 ? next : 0);
}

static struct batch batch_of(const plmr_trial_run *run)
{
    struct batch b = {
        .n_partners = (int)plmr_config_number(run->config, "subordinates", 1),
        .n_each = (int)plmr_config_number(run->config, "transactions", 1),
        .n_values = (int)ceil(plmr_config_number(run->config, "bytes_per_transaction", 0) / 4),
    };
    bool fits = b.n_partners <= SIDE * SIDE;
    b.rows = (int)fmin(fits ? SIDE : INFINITY, run->device.rows);
    b.cols = (int)fmin(fits ? SIDE : INFINITY, run->device.cols);
    return b;
}

/* Numbers are whole, and what is said of the way is what is known here. */
static bool is_understood(const plmr_trial_run *run, const char *how)
{
    static const char *const counts[] = {"subordinates", "transactions", "bytes_per_transaction"};
    bool understood = !*how || plmr_has_word(how, "unicast") || plmr_has_word(how, "multicast");
    for (int i = 0; i < 3; i++) {
        double n = plmr_config_number(run->config, counts[i], 1);
        understood = understood && n >= 1 && n <= 1 << 26 && n == floor(n);
    }
    return understood &&
           (!json_object_get(run->config, "same_axis") || !isnan(plmr_config_number(run->config, "same_axis", NAN)));
}

static plmr_status run_noc(plmr_trial_run *run)
{
    const char *pattern = plmr_config_text(run->config, "pattern"), *how = plmr_config_text(run->config, "mechanism");
    if (!is_understood(run, how))
        return PLMR_OK;
    struct batch b = batch_of(run);
    plmr_status status = PLMR_OK;
    if (b.n_values < 1 || b.n_partners < 1 || b.n_each < 1 || b.n_partners > b.rows * b.cols || b.n_values > 1 << 24 ||
        (int64_t)b.n_each * b.n_partners > 1 << 20)
        return PLMR_OK;
    if (plmr_has_word(how, "multicast")) {
        run->cycles = multicast_cycles(run, &b, plmr_has_word(how, "linked"));
        return PLMR_OK;
    }
    size_t most = (size_t)b.n_each * (size_t)b.n_partners;
    b.from = plmr_take(most * sizeof *b.from), b.to = plmr_take(most * sizeof *b.to);
    b.values = plmr_take(most * sizeof *b.values);
    if (fill(&b, pattern, plmr_config_number(run->config, "same_axis", 0) != 0))
        status = time_batch(&run->device, &b, &run->cycles);
    free(b.from);
    free(b.to);
    free(b.values);
    return status;
}

const plmr_trial plmr_trial_noc = {"noc", "writes and reads between cores, in patterns, with acknowledgements",
                                   run_noc};
