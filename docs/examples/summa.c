/* SUMMA as `plmr gemm` has it: C (m, n) = A (m, k) B (k, n) on a square of cores. In step k the owners of chunk k send their
 * tiles along rows and columns, into a second tile of every core; then all multiply.
 * Build: cc summa.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

static struct gemm {
    int m, k, n;
    enum plmr_dtype dtype;
    plmr_tiles *a, *b, *c, *a_in, *b_in;
    int mt, kt, nt, side; /* rows, depth, columns of tiles; cores along an axis */
    int wrong;
} g = {.m = 256, .k = 256, .n = 256, .dtype = PLMR_F16};

static float element(int row, int col, int rows, int cols, int seed)
{
    return row < rows && col < cols ? (float)((row * 7 + col * 3 + seed) % 5 - 2)
                                    : 0; /* small whole numbers; padding */
}

static void load(void *context, int y, int x)
{
    for (int i = 0; i < g.mt * g.kt; i++)
        plmr_tiles_at(g.a, y, x)[i] = element(y * g.mt + i / g.kt, x * g.kt + i % g.kt, g.m, g.k, 1);
    for (int i = 0; i < g.kt * g.nt; i++)
        plmr_tiles_at(g.b, y, x)[i] = element(y * g.kt + i / g.nt, x * g.nt + i % g.nt, g.k, g.n, 2);
}

static void check(void *context, int y, int x)
{
    for (int i = 0; i < g.mt * g.nt; i++) {
        float sum = 0;
        for (int k = 0; k < g.k; k++)
            sum += element(y * g.mt + i / g.nt, k, g.m, g.k, 1) * element(k, x * g.nt + i % g.nt, g.k, g.n, 2);
        g.wrong += plmr_tiles_at(g.c, y, x)[i] != sum;
    }
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return g.wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d elements of C are wrong", g.wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    g.side = plmr_region_extent(region, PLMR_X);
    PLMR_CHECK(g.side == plmr_region_extent(region, PLMR_Y), PLMR_ERROR_INPUT, "--cores: choose a square");
    g.mt = (int)plmr_ceil_div(g.m, g.side), g.kt = (int)plmr_ceil_div(g.k, g.side);
    g.nt = (int)plmr_ceil_div(g.n, g.side);
    PLMR_TRY(plmr_region_record(region, "m", g.m));
    PLMR_TRY(plmr_region_record(region, "k", g.k));
    PLMR_TRY(plmr_region_record(region, "n", g.n));
    PLMR_TRY(plmr_tiles_make(region, "A", g.dtype, g.mt, g.kt, &g.a));
    PLMR_TRY(plmr_tiles_make(region, "B", g.dtype, g.kt, g.nt, &g.b));
    PLMR_TRY(plmr_tiles_make(region, "A that comes", g.dtype, g.mt, g.kt, &g.a_in));
    PLMR_TRY(plmr_tiles_make(region, "B that comes", g.dtype, g.kt, g.nt, &g.b_in));
    PLMR_TRY(plmr_tiles_make(region, "C", PLMR_F32, g.mt, g.nt, &g.c));
    PLMR_TRY(plmr_each(region, load, context));
    PLMR_TRY(plmr_tiles_senders(region, PLMR_X, g.side));
    PLMR_TRY(plmr_tiles_senders(region, PLMR_Y, g.side));
    for (int step = 0; step < g.side; step++) {
        PLMR_TRY(plmr_tiles_multicast_begin(g.a, g.a_in, PLMR_X, step));
        PLMR_TRY(plmr_tiles_multicast_begin(g.b, g.b_in, PLMR_Y, step));
        PLMR_TRY(plmr_tiles_end(g.a_in));
        PLMR_TRY(plmr_tiles_end(g.b_in));
        PLMR_TRY(plmr_tiles_multiply_add(g.a_in, g.b_in, g.c));
    }
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    const plmr_program_option options[] = {{"m", "M", "Rows of A and C (default 256)", PLMR_OPTION_COUNT, &g.m},
                                           {"k", "K", "Columns of A, rows of B (default 256)", PLMR_OPTION_COUNT, &g.k},
                                           {"n", "N", "Columns of B and C (default 256)", PLMR_OPTION_COUNT, &g.n},
                                           {0}};
    plmr_program program = {.name = "summa",
                            .rows = 16,
                            .cols = 16,
                            .run = run,
                            .any_cores = true,
                            .dtype = &g.dtype,
                            .options = options,
                            .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
