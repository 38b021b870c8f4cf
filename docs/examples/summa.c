/* SUMMA as `plmr gemm` has it: C (m, n) = A (m, k) B (k, n) on a square of cores. In step k the owners of chunk k send their
 * tiles along rows and columns, into a second tile of every core; then all multiply.
 * Build: cc summa.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include "gemm.h"

static plmr_tiles *a_in, *b_in;

static void load(void *context, int row, int col)
{
    (void)context;
    load_tiles(row, col, row, col, row, col);
}

static void check(void *context, int row, int col)
{
    (void)context;
    check_tile(row, col, row, col);
}

static plmr_status run(plmr_region *region, void *context)
{
    PLMR_TRY(find_sizes(region));
    PLMR_TRY(plmr_tiles_make(region, "A", g.dtype, g.mt, g.kt, &g.a));
    PLMR_TRY(plmr_tiles_make(region, "B", g.dtype, g.kt, g.nt, &g.b));
    PLMR_TRY(plmr_tiles_make(region, "A that comes", g.dtype, g.mt, g.kt, &a_in));
    PLMR_TRY(plmr_tiles_make(region, "B that comes", g.dtype, g.kt, g.nt, &b_in));
    PLMR_TRY(plmr_tiles_make(region, "C", PLMR_F32, g.mt, g.nt, &g.c));
    PLMR_TRY(plmr_each(region, load, context));
    PLMR_TRY(plmr_tiles_senders(region, PLMR_X, g.side));
    PLMR_TRY(plmr_tiles_senders(region, PLMR_Y, g.side));
    for (int step = 0; step < g.side; step++) {
        PLMR_TRY(plmr_tiles_multicast_begin(g.a, a_in, PLMR_X, step));
        PLMR_TRY(plmr_tiles_multicast_begin(g.b, b_in, PLMR_Y, step));
        PLMR_TRY(plmr_tiles_end(a_in));
        PLMR_TRY(plmr_tiles_end(b_in));
        PLMR_TRY(plmr_tiles_multiply_add(a_in, b_in, g.c));
    }
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    const plmr_program_option options[] = {GEMM_OPTIONS, {0}};
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
