/* A triangular solve, L x = b, as a wavefront: core (i, j) has tile (i, j) of L. The solution x_j goes down column j, sums
 * L_ij x_j go along row i to the diagonal; in wave i + j a core adds its part, or solves for its x_i. The others wait.
 * Build: cc trisolve.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>

enum { SIDE = 12, T = 8, MOST = 2 * SIDE * SIDE };

static plmr_tiles *passing, *solution; /* x_j, then the row's sums so far; x_i, on the diagonal */

static float element(int row, int col)
{
    return row == col ? 2 : (float)((row * 7 + col * 3) % 5 - 2);
}

static float expected(int row)
{
    return (float)(row % 7 - 3);
}

static bool works(const int *wave, int row, int col)
{
    return row + col == *wave && col <= row;
}

static double cycles(void *wave, int row, int col)
{
    return !works(wave, row, col) ? 0 : row == col ? T * (T + 20) : 2 * T * T; /* a division is long */
}

static void solve(void *wave, int row, int col)
{
    float *x = plmr_tiles_at(passing, row, col), *sum = x + T, *own = plmr_tiles_at(solution, row, col);
    for (int i = 0; i < T && works(wave, row, col); i++) {
        for (int k = 0; k < (row == col ? i : T); k++)
            sum[i] += element(row * T + i, col * T + k) * x[k];
        float right_side = 0;
        for (int k = 0; k <= row * T + i; k++)
            right_side += element(row * T + i, k) * expected(k);
        if (row == col)
            own[i] = x[i] = (right_side - sum[i]) / element(row * T + i, row * T + i);
    }
}

static int check(void *context, int row, int col)
{
    int wrong = 0;
    (void)context;
    for (int i = 0; i < T && row == col; i++)
        wrong += plmr_tiles_at(solution, row, col)[i] != expected(row * T + i);
    return wrong;
}

static plmr_status run(plmr_region *region, void *context)
{
    static int32_t from[MOST], to[MOST], first[MOST], n_values[MOST];
    plmr_parts parts = {0, from, to, first, first, n_values};
    plmr_points *onwards;
    (void)context;
    for (int i = 0; i < MOST; i++) { /* down, and to the right */
        int core = i / 2, row = core / SIDE, col = core % SIDE, right = i % 2;
        from[parts.n] = core, to[parts.n] = right ? core + 1 : core + SIDE;
        first[parts.n] = right ? T : 0, n_values[parts.n] = T;
        parts.n += col + right <= row && row + !right < SIDE;
    }
    PLMR_TRY(plmr_tiles_create(region, "x and sums", 2 * T, &passing));
    PLMR_TRY(plmr_tiles_create(region, "solution", T, &solution));
    PLMR_TRY(plmr_region_charge(region, "L", T * T * 4));
    PLMR_TRY(plmr_points_create(region, "onwards", &parts, &onwards));
    for (int wave = 0; wave < 2 * SIDE - 1; wave++) {
        PLMR_TRY(plmr_compute_each(region, cycles, solve, &wave));
        PLMR_TRY(plmr_points_run(onwards, passing, passing));
    }
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "trisolve", .rows = SIDE, .cols = SIDE, .run = run, .check = check};
    return plmr_program_main(argc, argv, &program);
}
