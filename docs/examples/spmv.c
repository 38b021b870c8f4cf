/* A sparse matrix times a vector, over and over: core i has row i of A and element i of x. Which elements a row needs is known
 * beforehand: one flow brings each to where it is needed. Build: cc spmv.c $(pkg-config --cflags --libs plmr); run: mpirun
 * -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { SIDE = 16, N = SIDE * SIDE, PER_ROW = 5, TIMES = 4 };

static plmr_tiles *x, *needed; /* an element; those that the row needs */
static int wrong;

static int column(int row, int i)
{
    return (int)((uint32_t)(row * PER_ROW + i) * 2654435761u >> 8) % N;
}

static float element(int row, int i)
{
    return (float)((row + i) % 3 - 1);
}

static void start(void *context, int row, int col)
{
    (void)context;
    *plmr_tiles_at(x, row, col) = (float)((row * SIDE + col) % 4);
}

static void multiply(void *context, int row, int col)
{
    float sum = 0;
    (void)context;
    for (int i = 0; i < PER_ROW; i++)
        sum += element(row * SIDE + col, i) * plmr_tiles_at(needed, row, col)[i];
    *plmr_tiles_at(x, row, col) = sum;
}

static float reference[2][N];

static void check(void *context, int row, int col)
{
    (void)context;
    wrong += *plmr_tiles_at(x, row, col) != reference[TIMES % 2][row * SIDE + col];
}

static plmr_status verify(plmr_region *region, void *context)
{
    for (int row = 0; row < N; row++)
        reference[0][row] = (float)(row % 4);
    for (int t = 0; t < TIMES; t++)
        for (int row = 0; row < N; row++) {
            reference[(t + 1) % 2][row] = 0;
            for (int i = 0; i < PER_ROW; i++)
                reference[(t + 1) % 2][row] += element(row, i) * reference[t % 2][column(row, i)];
        }
    PLMR_TRY(plmr_each(region, check, context));
    return wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d elements are wrong", wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    static int32_t from[N * PER_ROW], to[N * PER_ROW], slot[N * PER_ROW], one[N * PER_ROW];
    plmr_points *fetch;
    for (int i = 0; i < N * PER_ROW; i++)
        from[i] = column(i / PER_ROW, i % PER_ROW), to[i] = i / PER_ROW, slot[i] = i % PER_ROW, one[i] = 1;
    plmr_parts parts = {.n = N * PER_ROW, .from = from, .to = to, .first_to = slot, .n_values = one};
    PLMR_TRY(plmr_tiles_create(region, "x", 1, &x));
    PLMR_TRY(plmr_tiles_create(region, "elements that a row needs", PER_ROW, &needed));
    PLMR_TRY(plmr_region_charge(region, "A", PER_ROW * (4 + 2)));
    PLMR_TRY(plmr_points_create(region, "fetch", &parts, &fetch));
    PLMR_TRY(plmr_each(region, start, context));
    for (int t = 0; t < TIMES; t++) {
        PLMR_TRY(plmr_points_run(fetch, x, needed));
        PLMR_TRY(plmr_compute(region, 2 * PER_ROW, multiply, context));
    }
    plmr_points_destroy(fetch);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "spmv", .rows = SIDE, .cols = SIDE, .run = run, .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
