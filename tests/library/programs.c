/* Random programs of verbs, flows of messages and work, one a line: what each costs and when each core is done. PROGRAMS says
 * how many; programs.py compares the lines on any grid of ranks. */
#include <stdio.h>
#include <stdlib.h>

#include "plmr/plmr.h"

enum { ROWS = 6, COLS = 8, CORES = ROWS * COLS, VALUES = 40, N_STEPS = 12, MOST_MESSAGES = 100 };

struct run {
    plmr_region *region;
    plmr_tiles *a, *b;
    uint32_t state;
};

static int draw(struct run *r, int n)
{
    r->state = r->state * 1664525u + 1013904223u;
    return (int)((r->state >> 8) % (uint32_t)n);
}

static plmr_status shift(struct run *r, enum plmr_axis axis)
{
    plmr_ring *ring;
    PLMR_TRY(plmr_ring_create(r->region, axis, draw(r, 2) ? PLMR_INTERLEAVED : PLMR_LINE, 1, &ring));
    plmr_status status = plmr_tiles_shift(r->a, draw(r, 2) ? r->a : r->b, ring, draw(r, 2) ? 1 : -1);
    plmr_ring_destroy(ring);
    return status;
}

static plmr_status allreduce(struct run *r, enum plmr_axis axis)
{
    static const char *const names[] = {"chain", "two-phase", "ring", "star", "tree", "ktree", "scatter"};
    return plmr_tiles_allreduce(r->a, axis, names[draw(r, 7)]);
}

static double cycles(void *context, int row, int col)
{
    struct run own = {.state = *(uint32_t *)context + (uint32_t)(row * COLS + col) * 2654435761u};
    return draw(&own, 1 << 20) / 1024.0;
}

/* Some cores to some, each line of cores to the next one, or one core to all. */
static plmr_status make_flow(struct run *r, enum plmr_axis axis, plmr_points **points)
{
    int32_t from[MOST_MESSAGES], to[MOST_MESSAGES], n_values[MOST_MESSAGES];
    int kind = draw(r, 4), n = 0, length = 1 + draw(r, VALUES), line = draw(r, 4);
    if (kind == 3)
        return plmr_points_multicast_rectangle(r->region, "many", draw(r, CORES),
                                               &(plmr_rectangle){0, 0, 1 + line, COLS}, length, points);
    for (int i = 0; kind == 2 && i < (axis == PLMR_X ? ROWS : COLS); i++) {
        from[n] = axis == PLMR_X ? i * COLS + line : line * COLS + i;
        to[n] = from[n] + (axis == PLMR_X ? 1 : COLS);
        n_values[n++] = length;
    }
    for (int most = kind == 1 ? 1 + draw(r, MOST_MESSAGES) : 1; kind < 2 && n < most; n++) {
        from[n] = draw(r, CORES);
        to[n] = draw(r, CORES);
        n_values[n] = 1 + draw(r, VALUES);
    }
    return plmr_points_create(r->region, "flow", &(plmr_parts){.n = n, .from = from, .to = to, .n_values = n_values},
                              points);
}

static plmr_status flow(struct run *r, enum plmr_axis axis)
{
    plmr_points *points;
    PLMR_TRY(make_flow(r, axis, &points));
    uint32_t seed = r->state;
    plmr_status status = plmr_points_begin(points, r->a, r->b);
    if (!status && draw(r, 2))
        status = plmr_compute_each(r->region, cycles, NULL, &seed);
    if (!status)
        status = plmr_points_end(points);
    plmr_points_destroy(points);
    return status;
}

static plmr_status step(struct run *r)
{
    enum plmr_axis axis = draw(r, 2) ? PLMR_X : PLMR_Y;
    uint32_t seed = r->state;
    switch (draw(r, 6)) {
    case 0:
        return shift(r, axis);
    case 1:
        return allreduce(r, axis);
    case 2:
        return plmr_tiles_multicast(r->a, axis, draw(r, ROWS));
    case 3:
        return plmr_compute_each(r->region, cycles, NULL, &seed);
    default:
        return flow(r, axis);
    }
}

static plmr_status tell(const struct run *r, uint32_t seed)
{
    plmr_cost cost;
    uint64_t hash = UINT64_C(1469598103934665603);
    PLMR_TRY(plmr_region_cost(r->region, &cost));
    for (int core = 0; core < CORES; core++) {
        double t_cycles;
        PLMR_TRY(plmr_region_clock(r->region, core / COLS, core % COLS, &t_cycles));
        hash = (hash ^ (uint64_t)(t_cycles * 64)) * UINT64_C(1099511628211);
    }
    if (plmr_rank() == 0)
        printf("program %u: %.6f cycles, %.6f at work, %lld hops, %lld stages, %llu wavelet-hops, clocks %016llx\n",
               seed, cost.t_cycles, cost.compute_cycles, (long long)cost.hops_critical, (long long)cost.stages_critical,
               (unsigned long long)cost.wavelet_hops, (unsigned long long)hash);
    return PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    struct run r = {.region = region};
    int n = atoi(getenv("PROGRAMS"));
    (void)context;
    PLMR_TRY(plmr_tiles_create(region, "a", VALUES, &r.a));
    PLMR_TRY(plmr_tiles_create(region, "b", VALUES, &r.b));
    for (int i = 0; i < n; i++) {
        r.state = (uint32_t)i * 2246822519u;
        for (int k = 0; k < N_STEPS; k++)
            PLMR_TRY(step(&r));
        PLMR_TRY(tell(&r, (unsigned)i));
    }
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    return plmr_program_main(argc, argv, &(plmr_program){.name = "programs", .rows = ROWS, .cols = COLS, .run = run});
}
