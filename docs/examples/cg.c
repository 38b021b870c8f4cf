/* Conjugate gradients: a 5-point Laplace equation, one unknown a core. A product with the matrix is an exchange with four
 * neighbours, a dot product an allreduce along x, then y; every core has the scalars, and does its part.
 * Build: cc cg.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <math.h>
#include <plmr/plmr.h>

enum { N = 16, STEPS = 60, X = 0, R, AP, P, AROUND, VALUES = AROUND + 4 };

static plmr_tiles *vectors, *dot; /* elements of the vectors, and of p's neighbours; a dot product */
static float old[N][N];           /* of a core's: r r before */

static float solution(int row, int col)
{
    return row < 0 || row >= N || col < 0 || col >= N ? 0 : (float)((row * 5 + col * 3) % 7 - 3);
}

static void start(void *context, int row, int col)
{
    float *v = plmr_tiles_at(vectors, row, col);
    (void)context;
    v[X] = 0;
    v[R] = v[P] = 4 * solution(row, col) - solution(row - 1, col) - solution(row + 1, col) - solution(row, col - 1) -
                  solution(row, col + 1);
    *plmr_tiles_at(dot, row, col) = v[R] * v[R];
}

static void multiply(void *context, int row, int col)
{
    float *v = plmr_tiles_at(vectors, row, col), *d = plmr_tiles_at(dot, row, col);
    (void)context;
    old[row][col] = *d;
    v[AP] = 4 * v[P] - v[AROUND] - v[AROUND + 1] - v[AROUND + 2] - v[AROUND + 3];
    *d = v[P] * v[AP];
}

static void step(void *context, int row, int col)
{
    float *v = plmr_tiles_at(vectors, row, col), *d = plmr_tiles_at(dot, row, col);
    float alpha = *d > 0 ? old[row][col] / *d : 0;
    (void)context;
    v[X] += alpha * v[P];
    v[R] -= alpha * v[AP];
    *d = v[R] * v[R];
}

static void turn(void *context, int row, int col)
{
    float *v = plmr_tiles_at(vectors, row, col), *d = plmr_tiles_at(dot, row, col);
    (void)context;
    v[P] = v[R] + (old[row][col] > 0 ? *d / old[row][col] : 0) * v[P];
}

static int check(void *context, int row, int col)
{
    (void)context;
    return !(fabsf(plmr_tiles_at(vectors, row, col)[X] - solution(row, col)) < 1e-4f);
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_points *neighbours;
    plmr_halo halo[8] = {{P, AROUND, 1}, {P, AROUND + 1, 1}, {P, AROUND + 2, 1}, {P, AROUND + 3, 1}};
    PLMR_TRY(plmr_tiles_create(region, "vectors", VALUES, &vectors));
    PLMR_TRY(plmr_tiles_create(region, "dot product", 1, &dot));
    PLMR_TRY(plmr_points_halo(region, "neighbours", halo, &neighbours));
    PLMR_TRY(plmr_compute(region, 5, start, context));
    PLMR_TRY(plmr_tiles_sum(dot, "two-phase"));
    for (int i = 0; i < STEPS; i++) {
        PLMR_TRY(plmr_points_run(neighbours, vectors, vectors));
        PLMR_TRY(plmr_compute(region, 6, multiply, context));
        PLMR_TRY(plmr_tiles_sum(dot, "two-phase"));
        PLMR_TRY(plmr_compute(region, 20, step, context)); /* a division is long */
        PLMR_TRY(plmr_tiles_sum(dot, "two-phase"));
        PLMR_TRY(plmr_compute(region, 18, turn, context));
    }
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "cg", .rows = N, .cols = N, .run = run, .check = check};
    return plmr_program_main(argc, argv, &program);
}
