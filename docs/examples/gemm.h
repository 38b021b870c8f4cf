/* What the programs for C (m, n) = A (m, k) B (k, n) on a square of cores share: sizes, values, the check, options. */
#include <plmr/plmr.h>

static struct gemm {
    int m, k, n;
    enum plmr_dtype dtype;
    plmr_tiles *a, *b, *c;
    int mt, kt, nt, side; /* rows, depth, columns of tiles; cores along an axis */
    int wrong;
} g = {.m = 256, .k = 256, .n = 256, .dtype = PLMR_F16};

#define GEMM_OPTIONS                                                                                                   \
    {"m", "M", "Rows of A and C (default 256)", PLMR_OPTION_COUNT, &g.m},                                              \
        {"k", "K", "Columns of A, rows of B (default 256)", PLMR_OPTION_COUNT, &g.k},                                  \
    {                                                                                                                  \
        "n", "N", "Columns of B and C (default 256)", PLMR_OPTION_COUNT, &g.n                                          \
    }

/* Small whole numbers, so that sums are exact; zeros where the last tiles stick out. */
static float element(int row, int col, int rows, int cols, int seed)
{
    return row < rows && col < cols ? (float)((row * 7 + col * 3 + seed) % 5 - 2) : 0;
}

/* The tiles of A and B that lie at a core: by rows and columns of tiles. */
static void load_tiles(int row, int col, int a_row, int a_col, int b_row, int b_col)
{
    for (int i = 0; i < g.mt * g.kt; i++)
        plmr_tiles_at(g.a, row, col)[i] = element(a_row * g.mt + i / g.kt, a_col * g.kt + i % g.kt, g.m, g.k, 1);
    for (int i = 0; i < g.kt * g.nt; i++)
        plmr_tiles_at(g.b, row, col)[i] = element(b_row * g.kt + i / g.nt, b_col * g.nt + i % g.nt, g.k, g.n, 2);
}

/* Compares the tile of C at a core, which is tile (y, x), with a plain loop. */
static void check_tile(int row, int col, int y, int x)
{
    for (int i = 0; i < g.mt * g.nt; i++) {
        float sum = 0;
        for (int k = 0; k < g.k; k++)
            sum += element(y * g.mt + i / g.nt, k, g.m, g.k, 1) * element(k, x * g.nt + i % g.nt, g.k, g.n, 2);
        g.wrong += plmr_tiles_at(g.c, row, col)[i] != sum;
    }
}

static void check(void *context, int row, int col); /* the program's */

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return g.wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d elements of C are wrong", g.wrong) : PLMR_OK;
}

/* Tiles' sizes, and keys of the record. */
static plmr_status find_sizes(plmr_region *region)
{
    g.side = plmr_region_extent(region, PLMR_X);
    PLMR_CHECK(g.side == plmr_region_extent(region, PLMR_Y), PLMR_ERROR_INPUT, "--cores: choose a square");
    g.mt = (int)plmr_ceil_div(g.m, g.side), g.kt = (int)plmr_ceil_div(g.k, g.side);
    g.nt = (int)plmr_ceil_div(g.n, g.side);
    PLMR_TRY(plmr_region_record(region, "m", g.m));
    PLMR_TRY(plmr_region_record(region, "k", g.k));
    return plmr_region_record(region, "n", g.n);
}
