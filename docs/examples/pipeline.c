/* A wafer's left half smooths pictures, and its right half adds them up, a frame behind: two parts that exchange.
 * Build: cc pipeline.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { ROWS = 10, COLS = 24, HALF = COLS / 2, FRAMES = 8 };

static plmr_tiles *pixel, *west, *east; /* of the left part: a pixel, and its neighbours in the row */
static plmr_tiles *came, *total;        /* of the right part: what has come, and sums of rows over all frames */
static plmr_tiles *result;              /* of both together */
static int frame;

static float picture(int n, int row, int col)
{
    return (float)((n * 7 + row * 5 + col * 3) % 11);
}

static void look(void *context, int row, int col)
{
    (void)context;
    *plmr_tiles_at(pixel, row, col) = picture(frame, row, col);
    *plmr_tiles_at(west, row, col) = *plmr_tiles_at(east, row, col) = 0;
}

static void smooth(void *context, int row, int col)
{
    float *p = plmr_tiles_at(pixel, row, col);
    (void)context;
    *p = 2 * *p + *plmr_tiles_at(west, row, col) + *plmr_tiles_at(east, row, col);
}

static void add(void *context, int row, int col)
{
    (void)context;
    *plmr_tiles_at(total, row, col) += *plmr_tiles_at(came, row, col);
}

static int check(void *context, int row, int col)
{
    float sum = 0;
    (void)context;
    for (int n = 0; n < FRAMES; n++)
        for (int c = 0; c < HALF; c++)
            sum += ((c > 0) + 2 + (c < HALF - 1)) * picture(n, row, c); /* to itself and its neighbours */
    return col >= HALF && *plmr_tiles_at(result, row, col) != sum;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_region *left, *right;
    plmr_ring *line;
    plmr_points *on;
    int32_t from[ROWS * HALF], to[ROWS * HALF], n_values[ROWS * HALF];
    for (int i = 0; i < ROWS * HALF; i++) {
        from[i] = i / HALF * COLS + i % HALF;
        to[i] = from[i] + HALF;
        n_values[i] = 1;
    }
    PLMR_TRY(plmr_part_create(region, "left", &(plmr_rectangle){0, 0, ROWS, HALF}, &left));
    PLMR_TRY(plmr_part_create(region, "right", &(plmr_rectangle){0, HALF, ROWS, HALF}, &right));
    plmr_tiles **all[] = {&pixel, &west, &east, &came, &total, &result};
    for (int i = 0; i < 6; i++)
        PLMR_TRY(plmr_tiles_create(i < 3 ? left : i < 5 ? right : region, "a value", 1, all[i]));
    PLMR_TRY(plmr_ring_create(left, PLMR_X, PLMR_LINE, 1, &line));
    PLMR_TRY(plmr_points_create(region, "on", &(plmr_parts){ROWS * HALF, from, to, NULL, NULL, n_values}, &on));
    for (frame = 0; frame < FRAMES; frame++) {
        PLMR_TRY(plmr_compute(left, 500, look, context));
        PLMR_TRY(plmr_tiles_shift(pixel, west, line, 1));
        PLMR_TRY(plmr_tiles_shift(pixel, east, line, -1));
        PLMR_TRY(plmr_compute(left, 300, smooth, context));
        PLMR_TRY(plmr_points_run(on, pixel, came)); /* left goes on with the next frame meanwhile */
        PLMR_TRY(plmr_tiles_allreduce(came, PLMR_X, "chain"));
        PLMR_TRY(plmr_compute(right, 400, add, context));
    }
    PLMR_TRY(plmr_tiles_copy(total, result));
    plmr_ring_destroy(line);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    return plmr_program_main(
        argc, argv, &(plmr_program){.name = "pipeline", .rows = ROWS, .cols = COLS, .run = run, .check = check});
}
