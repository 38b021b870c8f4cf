/* A matrix transpose as a mesh program that only ever talks to ring neighbours: element (r, c) sits on core (r, c) and
 * has to reach core (c, r). Two alignments bring it to core (c, c - r); then every row of cores turns once round, and
 * each core keeps the element that is its own (all by place on the rings). 2 N shifts of two hops, O(1) routes, two
 * tiles of SRAM. Build: cc transpose.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { N = 48 };

struct matrix {
    plmr_tiles *a, *t;
    plmr_ring *x, *y;
    int step, wrong;
};

static int place(const plmr_ring *ring, int core, int by)
{
    return (plmr_ring_position(ring, core) + by % N + N) % N;
}

static void start(void *context, int row, int col)
{
    struct matrix *m = context;
    *plmr_tiles_at(m->a, row, col) = (float)(plmr_ring_position(m->y, row) * N + plmr_ring_position(m->x, col));
}

/* After `step` turns, the core at place p of its row has what was at place p + step: column c - r of row c. */
static void keep(void *context, int row, int col)
{
    struct matrix *m = context;
    int c = plmr_ring_position(m->y, row), r = plmr_ring_position(m->x, col);
    if (place(m->x, col, m->step) == (c - r + N) % N)
        *plmr_tiles_at(m->t, row, col) = *plmr_tiles_at(m->a, row, col);
}

static void check(void *context, int row, int col)
{
    struct matrix *m = context;
    float transposed = (float)(plmr_ring_position(m->x, col) * N + plmr_ring_position(m->y, row));
    m->wrong += *plmr_tiles_at(m->t, row, col) != transposed;
}

static plmr_status run(plmr_region *region, void *context)
{
    struct matrix *m = context;
    PLMR_TRY(plmr_tiles_create(region, "A", 1, &m->a));
    PLMR_TRY(plmr_tiles_create(region, "its transpose", 1, &m->t));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, PLMR_INTERLEAVED, 1, &m->x));
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, PLMR_INTERLEAVED, 1, &m->y));
    PLMR_TRY(plmr_compute(region, 1, start, m));
    PLMR_TRY(plmr_tiles_align(m->a, m->x, m->y, -1)); /* element (r, c) goes to core (r, c - r) ... */
    PLMR_TRY(plmr_tiles_align(m->a, m->y, m->x, 1));  /* ... and from there to (c, c - r) */
    for (m->step = 0; m->step < N; m->step++) {
        PLMR_TRY(plmr_compute(region, 2, keep, m));
        PLMR_TRY(plmr_tiles_shift(m->a, m->a, m->x, -1));
    }
    PLMR_TRY(plmr_compute(region, 0, check, m));
    plmr_tiles_destroy(m->a);
    plmr_tiles_destroy(m->t);
    plmr_ring_destroy(m->x);
    plmr_ring_destroy(m->y);
    PLMR_CHECK(m->wrong == 0, PLMR_ERROR_SYSTEM, "%d elements are in the wrong place", m->wrong);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    struct matrix matrix = {0};
    plmr_program program = {.name = "transpose", .rows = N, .cols = N, .run = run, .context = &matrix};
    return plmr_program_main(argc, argv, &program);
}
