/* Cannon's algorithm, and MeshGEMM with --interleaved, as `plmr gemm` has them: C (m, n) = A (m, k) B (k, n) on a square of
 * cores. Tiles go round rings of cores, one step at a time, while cores multiply what they hold.
 * Build: cc cannon.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

static struct gemm {
    int m, k, n;
    bool interleaved;
    enum plmr_dtype dtype;
    plmr_tiles *a, *b, *c;
    plmr_ring *x, *y;
    int mt, kt, nt, side; /* rows, depth, columns of tiles; cores along an axis */
    int wrong;
} g = {.m = 256, .k = 256, .n = 256, .dtype = PLMR_F16};

static float element(int row, int col, int rows, int cols, int seed)
{
    return row < rows && col < cols ? (float)((row * 7 + col * 3 + seed) % 5 - 2)
                                    : 0; /* small whole numbers; padding */
}

/* A lies as it is dealt; B as if it had been aligned: core (x, y), by places on the rings, has chunk x + y of k. */
static void load(void *context, int row, int col)
{
    int y = plmr_ring_position(g.y, row), x = plmr_ring_position(g.x, col), k = (x + y) % g.side;
    for (int i = 0; i < g.mt * g.kt; i++)
        plmr_tiles_at(g.a, row, col)[i] = element(y * g.mt + i / g.kt, x * g.kt + i % g.kt, g.m, g.k, 1);
    for (int i = 0; i < g.kt * g.nt; i++)
        plmr_tiles_at(g.b, row, col)[i] = element(k * g.kt + i / g.nt, x * g.nt + i % g.nt, g.k, g.n, 2);
}

static void check(void *context, int row, int col)
{
    int y = plmr_ring_position(g.y, row), x = plmr_ring_position(g.x, col);
    for (int i = 0; i < g.mt * g.nt; i++) {
        float sum = 0;
        for (int k = 0; k < g.k; k++)
            sum += element(y * g.mt + i / g.nt, k, g.m, g.k, 1) * element(k, x * g.nt + i % g.nt, g.k, g.n, 2);
        g.wrong += plmr_tiles_at(g.c, row, col)[i] != sum;
    }
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return g.wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d elements of C are wrong", g.wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    enum plmr_ring_kind kind = g.interleaved ? PLMR_INTERLEAVED : PLMR_NATURAL;
    g.side = plmr_region_extent(region, PLMR_X);
    PLMR_CHECK(g.side == plmr_region_extent(region, PLMR_Y), PLMR_ERROR_INPUT, "--cores: choose a square");
    g.mt = (int)plmr_ceil_div(g.m, g.side), g.kt = (int)plmr_ceil_div(g.k, g.side);
    g.nt = (int)plmr_ceil_div(g.n, g.side);
    PLMR_TRY(plmr_region_record(region, "m", g.m));
    PLMR_TRY(plmr_region_record(region, "k", g.k));
    PLMR_TRY(plmr_region_record(region, "n", g.n));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, kind, 1, &g.x));
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, kind, 1, &g.y));
    PLMR_TRY(plmr_tiles_make(region, "A", g.dtype, g.mt, g.kt, &g.a));
    PLMR_TRY(plmr_tiles_make(region, "B", g.dtype, g.kt, g.nt, &g.b));
    PLMR_TRY(plmr_tiles_make(region, "C", PLMR_F32, g.mt, g.nt, &g.c));
    PLMR_TRY(plmr_each(region, load, context));
    PLMR_TRY(plmr_tiles_align(g.a, g.x, g.y, -1));
    for (int step = 0; step < g.side; step++) {
        PLMR_TRY(plmr_tiles_shift_begin(g.a, g.a, g.x, -1));
        PLMR_TRY(plmr_tiles_shift_begin(g.b, g.b, g.y, -1));
        PLMR_TRY(plmr_tiles_multiply_add(g.a, g.b, g.c));
        PLMR_TRY(plmr_tiles_end(g.a));
        PLMR_TRY(plmr_tiles_end(g.b));
    }
    return PLMR_OK;
}

static void destroy(void *context)
{
    plmr_ring_destroy(g.x);
    plmr_ring_destroy(g.y);
}

int main(int argc, char **argv)
{
    const plmr_program_option options[] = {
        {"m", "M", "Rows of A and C (default 256)", PLMR_OPTION_COUNT, &g.m},
        {"k", "K", "Columns of A, rows of B (default 256)", PLMR_OPTION_COUNT, &g.k},
        {"n", "N", "Columns of B and C (default 256)", PLMR_OPTION_COUNT, &g.n},
        {"interleaved", NULL, "MeshGEMM: rings whose neighbours are two hops apart", PLMR_OPTION_FLAG, &g.interleaved},
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
