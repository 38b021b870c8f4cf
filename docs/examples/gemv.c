/* MeshGEMV as `plmr gemv` has it: y (n) = x (k) B (k, n). Core (row, col) multiplies its part of x by its tile of B; the
 * partial results are added up along y by a K-tree (or, with --alg, by another allreduce that `plmr list` names).
 * Build: cc gemv.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

static struct gemv {
    int k, n, kt, nt, wrong;
    enum plmr_dtype dtype;
    const char *alg;
    plmr_tiles *x, *b, *y;
} g = {.k = 512, .n = 512, .dtype = PLMR_F16, .alg = "ktree"};

static float element(int row, int col, int rows, int cols, int seed)
{
    return row < rows && col < cols ? (float)((row * 7 + col * 3 + seed) % 5 - 2)
                                    : 0; /* small whole numbers; padding */
}

static void load(void *context, int row, int col)
{
    (void)context;
    for (int i = 0; i < g.kt; i++)
        plmr_tiles_at(g.x, row, col)[i] = element(0, row * g.kt + i, 1, g.k, 1);
    for (int i = 0; i < g.kt * g.nt; i++)
        plmr_tiles_at(g.b, row, col)[i] = element(row * g.kt + i / g.nt, col * g.nt + i % g.nt, g.k, g.n, 2);
}

static void check(void *context, int row, int col)
{
    (void)context;
    for (int i = 0; i < g.nt; i++) {
        float sum = 0;
        for (int k = 0; k < g.k; k++)
            sum += element(0, k, 1, g.k, 1) * element(k, col * g.nt + i, g.k, g.n, 2);
        g.wrong += plmr_tiles_at(g.y, row, col)[i] != sum;
    }
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return g.wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d elements of y are wrong", g.wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    g.kt = (int)plmr_ceil_div(g.k, plmr_region_extent(region, PLMR_Y));
    g.nt = (int)plmr_ceil_div(g.n, plmr_region_extent(region, PLMR_X));
    PLMR_TRY(plmr_region_record(region, "m", 1));
    PLMR_TRY(plmr_region_record(region, "k", g.k));
    PLMR_TRY(plmr_region_record(region, "n", g.n));
    PLMR_TRY(plmr_tiles_make(region, "x", g.dtype, 1, g.kt, &g.x));
    PLMR_TRY(plmr_tiles_make(region, "B", g.dtype, g.kt, g.nt, &g.b));
    PLMR_TRY(plmr_tiles_make(region, "y", PLMR_F32, 1, g.nt, &g.y));
    PLMR_TRY(plmr_each(region, load, context));
    PLMR_TRY(plmr_tiles_multiply_vector(g.x, g.b, g.y));
    return plmr_tiles_allreduce_as(g.y, PLMR_Y, g.alg, g.dtype);
}

int main(int argc, char **argv)
{
    const plmr_program_option options[] = {
        {"k", "K", "Elements of x, rows of B (default 512)", PLMR_OPTION_COUNT, &g.k},
        {"n", "N", "Elements of y, columns of B (default 512)", PLMR_OPTION_COUNT, &g.n},
        {"alg", "NAME", "The allreduce (default ktree)", PLMR_OPTION_TEXT, &g.alg},
        {0}};
    plmr_program program = {.name = "gemv",
                            .rows = 16,
                            .cols = 16,
                            .run = run,
                            .any_cores = true,
                            .dtype = &g.dtype,
                            .options = options,
                            .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
