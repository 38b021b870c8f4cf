/* A 2.5-dimensional GEMM: LAYERS copies of A and B, one above the other on the region, do a part of Cannon's steps each; then
 * the layers' results are added up in the first. Fewer steps for more memory.
 * Build: cc gemm25d.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { LAYERS = 2, SIDE = 8, T = 4, N = SIDE * T, CORES = LAYERS * SIDE * SIDE };

static plmr_tiles *a, *b, *c, *part; /* part: another layer's result */

static float element(int row, int col, int seed)
{
    return (float)((row * 7 + col * 3 + seed) % 5 - 2);
}

/* Layer l begins its part of the steps where those of the layer before end. */
static void load(void *context, int row, int x)
{
    int y = row % SIDE, k = (x + y + row / SIDE * (SIDE / LAYERS)) % SIDE;
    (void)context;
    for (int i = 0; i < T * T; i++) {
        plmr_tiles_at(a, row, x)[i] = element(y * T + i / T, k * T + i % T, 1);
        plmr_tiles_at(b, row, x)[i] = element(k * T + i / T, x * T + i % T, 2);
    }
}

static void add(void *context, int row, int x)
{
    (void)context;
    for (int i = 0; i < T * T && row < SIDE; i++)
        plmr_tiles_at(c, row, x)[i] += plmr_tiles_at(part, row, x)[i];
}

static int check(void *context, int y, int x)
{
    int wrong = 0;
    (void)context;
    for (int i = 0; i < T * T && y < SIDE; i++) {
        float sum = 0;
        for (int k = 0; k < N; k++)
            sum += element(y * T + i / T, k, 1) * element(k, x * T + i % T, 2);
        wrong += plmr_tiles_at(c, y, x)[i] != sum;
    }
    return wrong;
}

static plmr_status run(plmr_region *region, void *context)
{
    static int32_t to_west[CORES], to_north[CORES], to[CORES], from[CORES], size[CORES];
    plmr_parts parts = {.n = CORES - SIDE * SIDE, .from = from, .to = to, .n_values = size};
    plmr_points *west, *north, *down;
    for (int core = 0; core < CORES; core++) {
        int row = core / SIDE, x = core % SIDE, first = row / SIDE * SIDE;
        to_west[core] = row * SIDE + (x + SIDE - 1) % SIDE;
        to_north[core] = (first + (row - first + SIDE - 1) % SIDE) * SIDE + x;
        from[core] = core + SIDE * SIDE, to[core] = core % (SIDE * SIDE), size[core] = T * T;
    }
    plmr_tiles **all[] = {&a, &b, &c, &part};
    for (int i = 0; i < 4; i++)
        PLMR_TRY(plmr_tiles_make(region, i < 2 ? "A, B" : "C", PLMR_F32, T, T, all[i]));
    PLMR_TRY(plmr_points_permutation(region, "west", to_west, T * T, &west));
    PLMR_TRY(plmr_points_permutation(region, "north", to_north, T * T, &north));
    PLMR_TRY(plmr_points_create(region, "down", &parts, &down));
    PLMR_TRY(plmr_each(region, load, context));
    for (int step = 0; step < SIDE / LAYERS; step++) {
        PLMR_TRY(plmr_tiles_multiply_add(a, b, c));
        PLMR_TRY(plmr_points_run(west, a, a));
        PLMR_TRY(plmr_points_run(north, b, b));
    }
    PLMR_TRY(plmr_points_run(down, c, part));
    PLMR_TRY(plmr_compute(region, T * T, add, context));
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "gemm25d", .rows = LAYERS * SIDE, .cols = SIDE, .run = run, .check = check};
    return plmr_program_main(argc, argv, &program);
}
