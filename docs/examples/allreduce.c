/* An allreduce of one's own, by recursive doubling: in step s every core of a row swaps sums with the one whose number differs
 * in bit s. Beside it, for comparison, the cycles of a built-in one: cycles_doubling and cycles_two_phase in the record.
 * Build: cc allreduce.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { ROWS = 8, COLS = 8, VALUES = 16 };

static plmr_tiles *sums, *theirs, *reference;
static int wrong;

static void start(void *context, int row, int col)
{
    (void)context;
    for (int i = 0; i < VALUES; i++)
        plmr_tiles_at(sums, row, col)[i] = plmr_tiles_at(reference, row, col)[i] = (float)(row * COLS + col + i);
}

static void add(void *context, int row, int col)
{
    (void)context;
    for (int i = 0; i < VALUES; i++)
        plmr_tiles_at(sums, row, col)[i] += plmr_tiles_at(theirs, row, col)[i];
}

static void check(void *context, int row, int col)
{
    (void)context;
    for (int i = 0; i < VALUES; i++) {
        float expected = (float)(COLS * (row * COLS + i) + COLS * (COLS - 1) / 2);
        wrong += plmr_tiles_at(sums, row, col)[i] != expected || plmr_tiles_at(reference, row, col)[i] != expected;
    }
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d sums are wrong", wrong) : PLMR_OK;
}

static plmr_status double_up(plmr_region *region, int bit, void *context)
{
    int32_t partner[ROWS * COLS];
    plmr_points *swap;
    for (int core = 0; core < ROWS * COLS; core++)
        partner[core] = core ^ bit; /* COLS is a power of two: in the same row */
    PLMR_TRY(plmr_points_permutation(region, "swap", partner, VALUES, &swap));
    PLMR_TRY(plmr_points_run(swap, sums, theirs));
    plmr_points_destroy(swap);
    return plmr_compute(region, VALUES, add, context);
}

static plmr_status run(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_tiles_create(region, "sums", VALUES, &sums));
    PLMR_TRY(plmr_tiles_create(region, "partners' sums", VALUES, &theirs));
    PLMR_TRY(plmr_tiles_create(region, "sums by a built-in", VALUES, &reference));
    PLMR_TRY(plmr_each(region, start, context));
    for (int bit = 1; bit < COLS; bit *= 2)
        PLMR_TRY(double_up(region, bit, context));
    PLMR_TRY(plmr_region_mark(region, "doubling"));
    PLMR_TRY(plmr_tiles_allreduce(reference, PLMR_X, "two-phase"));
    return plmr_region_mark(region, "two_phase");
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "allreduce", .rows = ROWS, .cols = COLS, .run = run, .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
