/* The game of life, one cell a core: every generation a core tells its eight neighbours, and hears from them. Nothing lives
 * beyond the rim. Build: cc life.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { ROWS = 24, COLS = 32, GENERATIONS = 20, SELF = 0, AROUND };

static plmr_tiles *cells;                  /* a cell, and what its neighbours were */
static float world[2][ROWS + 2][COLS + 2]; /* the reference: all of it, with a rim of nothing */
static int wrong;

static bool starts_alive(int row, int col)
{
    return (uint32_t)(row * 31 + col * 17 + row * col) * 2654435761u >> 30 == 0;
}

static float next(float self, float neighbours)
{
    return neighbours == 3 || (self == 1 && neighbours == 2);
}

static void start(void *context, int row, int col)
{
    (void)context;
    plmr_tiles_at(cells, row, col)[SELF] = starts_alive(row, col);
}

static void live(void *context, int row, int col)
{
    float *cell = plmr_tiles_at(cells, row, col), neighbours = 0;
    (void)context;
    for (int i = 0; i < 8; i++)
        neighbours += cell[AROUND + i];
    cell[SELF] = next(cell[SELF], neighbours);
}

static void check(void *context, int row, int col)
{
    (void)context;
    wrong += plmr_tiles_at(cells, row, col)[SELF] != world[GENERATIONS % 2][row + 1][col + 1];
}

static plmr_status verify(plmr_region *region, void *context)
{
    for (int i = 0; i < ROWS * COLS; i++)
        world[0][i / COLS + 1][i % COLS + 1] = starts_alive(i / COLS, i % COLS);
    for (int t = 0; t < GENERATIONS; t++)
        for (int row = 1; row <= ROWS; row++)
            for (int col = 1; col <= COLS; col++) {
                float neighbours = -world[t % 2][row][col];
                for (int i = 0; i < 9; i++)
                    neighbours += world[t % 2][row + i / 3 - 1][col + i % 3 - 1];
                world[(t + 1) % 2][row][col] = next(world[t % 2][row][col], neighbours);
            }
    PLMR_TRY(plmr_each(region, check, context));
    return wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d cells are wrong", wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_points *tell;
    plmr_halo halo[8];
    for (int side = 0; side < 8; side++)
        halo[side] = (plmr_halo){.first_from = SELF, .first_to = AROUND + side, .n_values = 1};
    PLMR_TRY(plmr_tiles_create(region, "cells", AROUND + 8, &cells));
    PLMR_TRY(plmr_points_halo(region, "tell", halo, &tell));
    PLMR_TRY(plmr_each(region, start, context));
    for (int t = 0; t < GENERATIONS; t++) {
        PLMR_TRY(plmr_points_run(tell, cells, cells));
        PLMR_TRY(plmr_compute(region, 10, live, context)); /* eight additions, two comparisons */
    }
    plmr_points_destroy(tell);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "life", .rows = ROWS, .cols = COLS, .run = run, .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
