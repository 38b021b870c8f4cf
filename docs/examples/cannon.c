/* Cannon's algorithm, and MeshGEMM with --interleaved, as `plmr gemm` has them: C (m, n) = A (m, k) B (k, n) on a square of
 * cores. Tiles go round rings of cores, one step at a time, while cores multiply what they hold.
 * Build: cc cannon.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include "gemm.h"

static bool interleaved;
static plmr_ring *ring_x, *ring_y;

/* A lies as it is dealt; B as if it had been aligned: core (x, y), by places on the rings, has chunk x + y of k. */
static void load(void *context, int row, int col)
{
    int y = plmr_ring_position(ring_y, row), x = plmr_ring_position(ring_x, col);
    (void)context;
    load_tiles(row, col, y, x, (x + y) % g.side, x);
}

static void check(void *context, int row, int col)
{
    (void)context;
    check_tile(row, col, plmr_ring_position(ring_y, row), plmr_ring_position(ring_x, col));
}

static plmr_status run(plmr_region *region, void *context)
{
    enum plmr_ring_kind kind = interleaved ? PLMR_INTERLEAVED : PLMR_NATURAL;
    PLMR_TRY(find_sizes(region));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, kind, 1, &ring_x));
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, kind, 1, &ring_y));
    PLMR_TRY(plmr_tiles_make(region, "A", g.dtype, g.mt, g.kt, &g.a));
    PLMR_TRY(plmr_tiles_make(region, "B", g.dtype, g.kt, g.nt, &g.b));
    PLMR_TRY(plmr_tiles_make(region, "C", PLMR_F32, g.mt, g.nt, &g.c));
    PLMR_TRY(plmr_each(region, load, context));
    PLMR_TRY(plmr_tiles_align(g.a, ring_x, ring_y, -1));
    for (int step = 0; step < g.side; step++) {
        PLMR_TRY(plmr_tiles_shift_begin(g.a, g.a, ring_x, -1));
        PLMR_TRY(plmr_tiles_shift_begin(g.b, g.b, ring_y, -1));
        PLMR_TRY(plmr_tiles_multiply_add(g.a, g.b, g.c));
        PLMR_TRY(plmr_tiles_end(g.a));
        PLMR_TRY(plmr_tiles_end(g.b));
    }
    return PLMR_OK;
}

static void destroy(void *context)
{
    (void)context;
    plmr_ring_destroy(ring_x);
    plmr_ring_destroy(ring_y);
}

int main(int argc, char **argv)
{
    const plmr_program_option options[] = {
        GEMM_OPTIONS,
        {"interleaved", NULL, "MeshGEMM: rings whose neighbours are two hops apart", PLMR_OPTION_FLAG, &interleaved},
        {0}};
    plmr_program program = {.name = "cannon",
                            .rows = 16,
                            .cols = 16,
                            .run = run,
                            .any_cores = true,
                            .dtype = &g.dtype,
                            .options = options,
                            .verify = verify,
                            .close = destroy};
    return plmr_program_main(argc, argv, &program);
}
