/* A five-point stencil as a mesh program: heat spreads over a plate of one cell per core, with nothing beyond its rim.
 * Build: cc stencil.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>
#include <stdio.h>

enum { ROWS = 48, COLS = 64, STEPS = 100, HEAT = 0, NORTH, SOUTH, EAST, WEST, TILES };

static float *at(void *tiles, int which, int row, int col)
{
    return plmr_tiles_at(((plmr_tiles **)tiles)[which], row, col);
}

static void start(void *tiles, int row, int col)
{
    *at(tiles, HEAT, row, col) = row == ROWS / 2 && col == COLS / 2 ? 1000 : 0;
}

static void spread(void *tiles, int row, int col)
{
    /* Nothing comes over the rim, and so nothing goes. */
    bool is_there[TILES] = {[NORTH] = row > 0, [SOUTH] = row < ROWS - 1, [EAST] = col<COLS - 1, [WEST] = col> 0};
    float flow = 0, heat = *at(tiles, HEAT, row, col);
    for (int side = NORTH; side <= WEST; side++)
        flow += is_there[side] ? *at(tiles, side, row, col) - heat : 0;
    *at(tiles, HEAT, row, col) = heat + 0.2f * flow;
}

static void print(void *tiles, int row, int col)
{
    if (row == 0 && col == 0)
        printf("heat on the plate after %d steps: %.3f\n", STEPS, (double)*at(tiles, HEAT, row, col));
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_tiles *tiles[TILES];
    plmr_ring *x, *y;
    (void)context;
    for (int i = 0; i < TILES; i++)
        PLMR_TRY(plmr_tiles_create(region, "heat and its neighbours", 1, &tiles[i]));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, PLMR_LINE, 1, &x));
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, PLMR_LINE, 1, &y));
    PLMR_TRY(plmr_compute(region, 1, start, tiles));
    for (int step = 0; step < STEPS; step++) {
        PLMR_TRY(plmr_tiles_shift(tiles[HEAT], tiles[WEST], x, 1)); /* what comes from the west goes east */
        PLMR_TRY(plmr_tiles_shift(tiles[HEAT], tiles[EAST], x, -1));
        PLMR_TRY(plmr_tiles_shift(tiles[HEAT], tiles[NORTH], y, 1));
        PLMR_TRY(plmr_tiles_shift(tiles[HEAT], tiles[SOUTH], y, -1));
        PLMR_TRY(plmr_compute(region, 10, spread, tiles)); /* five multiply-adds of two cycles */
    }
    PLMR_TRY(plmr_tiles_allreduce(tiles[HEAT], PLMR_X, "chain"));
    PLMR_TRY(plmr_tiles_allreduce(tiles[HEAT], PLMR_Y, "chain"));
    PLMR_TRY(plmr_compute(region, 0, print, tiles));
    for (int i = 0; i < TILES; i++)
        plmr_tiles_destroy(tiles[i]);
    plmr_ring_destroy(x);
    plmr_ring_destroy(y);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "stencil", .rows = ROWS, .cols = COLS, .run = run};
    return plmr_program_main(argc, argv, &program);
}
