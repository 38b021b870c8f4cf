/* Two-dimensional FFTs: every row of cores has a picture of N x N complex numbers, every core one of its rows. All rows are
 * transformed where they are, the picture is turned by all to all, rows are transformed again; it stays turned.
 * Build: cc fft.c $(pkg-config --cflags --libs plmr) -lm; run: mpirun -n 2 ./a.out [--help] */
#include <complex.h>
#include <plmr/plmr.h>

enum { N = 32, PICTURES = 6 };
static const double PI = 3.14159265358979323846;

static plmr_tiles *rows;
static int wrong;

static float complex pixel(int picture, int row, int col)
{
    return (float)((picture + row * 7 + col * 3 + row * col) % 11 - 5);
}

static void start(void *context, int picture, int row)
{
    float complex *x = (float complex *)plmr_tiles_at(rows, picture, row);
    (void)context;
    for (int i = 0; i < N; i++)
        x[i] = pixel(picture, row, i);
}

static void transform(void *context, int picture, int row)
{
    float complex *x = (float complex *)plmr_tiles_at(rows, picture, row);
    (void)context;
    for (int i = 0, j = 0; i < N; i++) { /* by bits turned round */
        float complex t = x[i];
        if (i < j)
            x[i] = x[j], x[j] = t;
        for (int bit = N / 2; (j ^= bit) < bit && bit > 0; bit /= 2)
            ;
    }
    for (int n = 2; n <= N; n *= 2)
        for (int i = 0; i < N; i++)
            if (i % n < n / 2) {
                float complex even = x[i], odd = x[i + n / 2] * (float complex)cexp(-2 * PI * I * (i % n) / n);
                x[i] = even + odd;
                x[i + n / 2] = even - odd;
            }
}

static void check(void *context, int picture, int col)
{
    const float complex *x = (const float complex *)plmr_tiles_at(rows, picture, col);
    (void)context;
    for (int row = picture; row < N; row += 5) {
        double complex sum = 0;
        for (int i = 0; i < N * N; i++)
            sum += pixel(picture, i / N, i % N) * cexp(-2 * PI * I * ((i / N * row + i % N * col) % N) / N);
        wrong += !(cabs(sum - x[row]) < 0.01);
    }
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d values are wrong", wrong) : PLMR_OK;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_points *turn;
    PLMR_TRY(plmr_tiles_create(region, "rows", 2 * N, &rows));
    PLMR_TRY(plmr_points_all_to_all(region, "turn", PLMR_X, 2, &turn));
    PLMR_TRY(plmr_each(region, start, context));
    PLMR_TRY(plmr_compute(region, 5 * N * 5, transform, context)); /* 5 N log2 N operations */
    PLMR_TRY(plmr_points_run(turn, rows, rows));
    PLMR_TRY(plmr_compute(region, 5 * N * 5, transform, context));
    plmr_points_destroy(turn);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "fft", .rows = PICTURES, .cols = N, .run = run, .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
