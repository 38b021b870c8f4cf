/* A 25-point stencil, as seismic codes have it: of a block of N x N x DEPTH points, core (row, col) has a column. Eighth order
 * needs four columns in each direction, which lines pass on: after k shifts a core has that of its k-th neighbour.
 * Build: cc stencil25.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { N = 12, DEPTH = 16, REACH = 4, STEPS = 3 };
static plmr_tiles *u, *before, *near[4][REACH]; /* now, a step ago; what came from the west, east, north, south */
static const float weight[] = {-2.75f, 0.5f, -0.125f, 0.0625f, -0.03125f};

static float value(int t, int row, int col, int z)
{
    bool outside = row < 0 || row >= N || col < 0 || col >= N || z < 0 || z >= DEPTH;
    if (t < 1 || outside)
        return t < 0 || outside ? 0 : (float)((row * 3 + col * 5 + z * 7) % 9 - 4);
    float sum = weight[0] * value(t - 1, row, col, z);
    for (int k = 1; k <= REACH; k++)
        sum +=
            weight[k] * (value(t - 1, row, col, z - k) + value(t - 1, row, col, z + k) + value(t - 1, row, col - k, z) +
                         value(t - 1, row, col + k, z) + value(t - 1, row - k, col, z) + value(t - 1, row + k, col, z));
    return 2 * value(t - 1, row, col, z) - value(t - 2, row, col, z) + 0.125f * sum;
}

static void start(void *context, int row, int col)
{
    (void)context;
    for (int z = 0; z < DEPTH; z++)
        plmr_tiles_at(u, row, col)[z] = value(0, row, col, z);
}

static void step(void *context, int row, int col)
{
    float *now = plmr_tiles_at(u, row, col), *last = plmr_tiles_at(before, row, col);
    (void)context;
    for (int z = 0; z < DEPTH; z++) {
        float sum = weight[0] * now[z];
        for (int k = 1; k <= REACH; k++) {
            float around = (z >= k ? now[z - k] : 0) + (z + k < DEPTH ? now[z + k] : 0);
            for (int side = 0; side < 4; side++)
                around += plmr_tiles_at(near[side][k - 1], row, col)[z];
            sum += weight[k] * around;
        }
        last[z] = 2 * now[z] - last[z] + 0.125f * sum;
    }
}

static int check(void *context, int row, int col)
{
    int wrong = 0;
    (void)context;
    for (int z = 0; z < DEPTH; z++)
        wrong += plmr_tiles_at(u, row, col)[z] != value(STEPS, row, col, z);
    return wrong;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_ring *line[2];
    PLMR_TRY(plmr_tiles_create(region, "u", DEPTH, &u));
    PLMR_TRY(plmr_tiles_create(region, "u a step ago", DEPTH, &before));
    for (int i = 0; i < 4 * REACH; i++)
        PLMR_TRY(plmr_tiles_create(region, "a neighbour's column", DEPTH, &near[i / REACH][i % REACH]));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, PLMR_LINE, 1, &line[0]));
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, PLMR_LINE, 1, &line[1]));
    PLMR_TRY(plmr_each(region, start, context));
    for (int t = 0; t < STEPS; t++) {
        for (int i = 0; i < 4 * REACH; i++) {
            int side = i / REACH, k = i % REACH;
            PLMR_TRY(plmr_tiles_shift(k ? near[side][k - 1] : u, near[side][k], line[side / 2], side % 2 ? -1 : 1));
        }
        PLMR_TRY(plmr_compute(region, DEPTH * (25 + 6), step, context));
        plmr_tiles *next = before;
        before = u, u = next;
    }
    plmr_ring_destroy(line[0]);
    plmr_ring_destroy(line[1]);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "stencil25", .rows = N, .cols = N, .run = run, .check = check};
    return plmr_program_main(argc, argv, &program);
}
