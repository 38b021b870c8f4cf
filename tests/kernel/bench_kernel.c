/* Rates of the kernels beside OpenBLAS's sgemm with one thread, run by turns on the same machine. bench_kernel [word]:
 * only the cases whose name has the word in it. The best of several runs counts: a shared machine only ever slows down.
 */
#include "kernel/kernel.h"
#include "kernel/vector.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void openblas_set_num_threads(int n);

enum { ROUNDS = 5, SGEMM_SIZE = 4096 };

/* Of this thread alone: what else the machine does must not count. */
static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *allocate(size_t n_bytes)
{
    void *memory = aligned_alloc(64, (n_bytes + 63) / 64 * 64);
    if (!memory) {
        fprintf(stderr, "bench_kernel: out of memory\n");
        exit(1);
    }
    memset(memory, 0x3c, n_bytes); /* as an element of any type an ordinary number */
    return memory;
}

static double max(double a, double b)
{
    return a > b ? a : b;
}

typedef struct sgemm {
    float *a, *b, *c;
} sgemm;

static double sgemm_rate(const sgemm *s)
{
    const int n = SGEMM_SIZE;
    double start = now();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, s->a, n, s->b, n, 0, s->c, n);
    return 2e-9 * n * n * n / (now() - start);
}

typedef struct gemm_case {
    const char *name;
    int n_slots, size;
    enum plmr_dtype dtype, accumulate;
    int n_col_runs;
    plmr_run col_runs[2];
    bool a_aligned, straight;
    int steps, batches; /* of so many steps, so many batches, */
    bool chained;       /* which continue each other */
} gemm_case;

static int count_cols(const gemm_case *g)
{
    int n = 0;
    for (int i = 0; i < g->n_col_runs; i++)
        n += g->col_runs[i].count;
    return n;
}

/* The lines of a slab, which is the caller's to free. Lines apart by a power of two would fall into the same cache
 * sets. */
static const void *const *make_lines(int n_lines, int n_chunks, const gemm_case *g)
{
    enum { GAP = 64 * 5 };
    size_t stride = (size_t)n_chunks * (size_t)(g->size * g->size) * plmr_dtype_bytes(g->dtype) + GAP;
    const void **lines = allocate((size_t)n_lines * sizeof *lines);
    char *slab = allocate((size_t)n_lines * stride);
    for (int i = 0; i < n_lines; i++)
        lines[i] = slab + (size_t)i * stride;
    return lines;
}

static void free_lines(const void *const *lines)
{
    free((void *)lines[0]);
    free((void *)lines);
}

/* C's rows a power of two apart would do the same. */
static plmr_gemm_block make_block(const gemm_case *g)
{
    enum { GAP = 16 };
    int n_cols = count_cols(g);
    plmr_gemm_block b = {
        .n_slots = g->n_slots,
        .kt = g->size,
        .ms = g->size,
        .ns = g->size,
        .rows_skewed = !g->straight,
        .cols_skewed = !g->straight,
        .a_aligned = g->a_aligned,
        .a_dtype = g->dtype,
        .b_dtype = g->dtype,
        .accumulate = g->accumulate,
        .n_row_runs = 1,
        .n_col_runs = g->n_col_runs,
        .col_runs = g->col_runs,
        .a_line = make_lines(g->n_slots, g->n_slots, g),
        .b_line = make_lines(g->n_slots, n_cols, g),
        .ldc = (size_t)(n_cols * g->size) + GAP,
    };
    b.c = allocate((size_t)(g->n_slots * g->size) * b.ldc * sizeof *b.c);
    return b;
}

static double block_rate(const gemm_case *g, plmr_gemm_block *b, plmr_gemm_scratch *scratch)
{
    double start = now();
    for (int batch = 0; batch < g->batches; batch++) {
        b->t0 = batch * g->steps;
        b->t1 = b->t0 + g->steps;
        b->n_before = g->chained ? b->t0 : 0;
        b->open_ended = g->chained && batch + 1 < g->batches;
        plmr_gemm_block_run(b, scratch);
    }
    double core_step = 2e-9 * g->size * g->size * g->size;
    return core_step * g->n_slots * count_cols(g) * g->steps * g->batches / (now() - start);
}

static void bench_gemm(const gemm_case *g, const sgemm *yardstick)
{
    plmr_gemm_block block = make_block(g);
    plmr_run rows = {0, g->n_slots};
    plmr_gemm_scratch *scratch = plmr_gemm_scratch_create(0, 0);
    block.row_runs = &rows;
    double rate = 0, sgemm = 0;
    for (int i = 0; i < ROUNDS; i++) {
        rate = max(rate, block_rate(g, &block, scratch));
        sgemm = max(sgemm, sgemm_rate(yardstick));
    }
    printf("%-30s %6.1f GFLOP/s, sgemm %6.1f: %5.1f %%\n", g->name, rate, sgemm, 100 * rate / sgemm);
    fflush(stdout);
    free_lines(block.a_line);
    free_lines(block.b_line);
    free(block.c);
    plmr_gemm_scratch_destroy(scratch);
}

static const gemm_case gemm_cases[] = {
    {"8x8x8 f32", 512, 8, PLMR_F32, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1, false},
    {"8x8x8 f32 straight", 512, 8, PLMR_F32, PLMR_F32, 1, {{0, 512}}, false, true, 512, 1, false},
    {"8x8x8 f16", 512, 8, PLMR_F16, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1, false},
    {"8x8x8 bf16", 512, 8, PLMR_BF16, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1, false},
    {"8x8x8 f32, 2 ranks", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 512, 1, false},
    {"8x8x8 f32, 2 ranks, 64 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 64, 2, false},
    {"8x8x8 f32, 2 ranks, 64 chained", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 64, 8, true},
    {"8x8x8 f32, 2 ranks, 32 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 32, 4, false},
    {"8x8x8 f32, 2 ranks, 32 chained",
     512,
     8,
     PLMR_F32,
     PLMR_F32,
     2,
     {{0, 128}, {384, 128}},
     true,
     false,
     32,
     16,
     true},
    {"8x8x8 f32, 2 ranks, 16 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 16, 4, false},
    {"8x8x8 f32, 2 ranks, 16 chained",
     512,
     8,
     PLMR_F32,
     PLMR_F32,
     2,
     {{0, 128}, {384, 128}},
     true,
     false,
     16,
     32,
     true},
    {"8x8x8 f16, 2 ranks, 32 steps", 512, 8, PLMR_F16, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 32, 4, false},
    {"6x6x6 f32", 720, 6, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1, false},
    {"6x6x6 f32, 2 ranks, 64 steps", 720, 6, PLMR_F32, PLMR_F32, 2, {{0, 180}, {540, 180}}, true, false, 64, 2, false},
    {"6x6x6 f16", 720, 6, PLMR_F16, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1, false},
    {"3x3x3 f32", 720, 3, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1, false},
    {"1x1x1 f32", 720, 1, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1, false},
    {"64x64x64 f32", 32, 64, PLMR_F32, PLMR_F32, 1, {{0, 32}}, false, false, 32, 1, false},
    {"512x512x512 f32", 4, 512, PLMR_F32, PLMR_F32, 1, {{0, 4}}, false, false, 4, 1, false},
    {"8x8x8 f16, accumulate f16", 128, 8, PLMR_F16, PLMR_F16, 1, {{0, 128}}, false, false, 128, 1, false},
};

/* A layer of a language model as it lies: A's rows are k, B is strips of `per_strip` chunks. */
static double layer_rate(int per_strip, const float *a, const uint16_t *b, float *c, plmr_gemm_scratch *scratch)
{
    enum { SLOTS = 256, MS = 2, NS = 22, KT = 8, GAP = 16 };
    const size_t rows = SLOTS * MS, width = (size_t)per_strip * NS;
    const void *a_line[SLOTS], *b_line[SLOTS];
    const plmr_run all = {0, SLOTS};
    for (size_t i = 0; i < SLOTS; i++) {
        a_line[i] = a + i * KT * rows;
        b_line[i] = b + i * KT * width;
    }
    plmr_gemm_block block = {.n_slots = SLOTS,
                             .kt = KT,
                             .ms = MS,
                             .ns = NS,
                             .rows_skewed = true,
                             .cols_skewed = true,
                             .b_dtype = PLMR_F16,
                             .n_row_runs = 1,
                             .n_col_runs = 1,
                             .row_runs = &all,
                             .col_runs = &all,
                             .a_line = a_line,
                             .b_line = b_line,
                             .a_layout = {(int)rows, 0, rows},
                             .b_layout = {(int)width, SLOTS * KT * width, width},
                             .c = c,
                             .ldc = SLOTS * NS + GAP,
                             .t1 = SLOTS};
    double start = now();
    plmr_gemm_block_run(&block, scratch);
    return 2e-9 * SLOTS * MS * SLOTS * NS * SLOTS * KT / (now() - start);
}

static void bench_layers(void)
{
    enum { K = 2048, M = 512, N = 5632, LDC = N + 16 };
    float *a = allocate(sizeof *a * K * M), *c = allocate(sizeof *c * M * LDC);
    uint16_t *b = allocate(sizeof *b * K * N);
    plmr_gemm_scratch *scratch = plmr_gemm_scratch_create(0, 0);
    for (int per_strip = 1; per_strip <= 256; per_strip *= 4) {
        double rate = 0;
        for (int i = 0; i < ROUNDS; i++)
            rate = max(rate, layer_rate(per_strip, a, b, c, scratch));
        printf("layer, strips of %-13d %6.1f GFLOP/s\n", per_strip, rate);
    }
    free(a);
    free(b);
    free(c);
    plmr_gemm_scratch_destroy(scratch);
}

static double gemv_rate(enum plmr_dtype dtype, const char *b, size_t n_bytes, float *part)
{
    enum { KT = 23, N = 256 };
    static const float x[KT] = {1, 2, 3};
    size_t row_bytes = (size_t)KT * N * plmr_dtype_bytes(dtype), n_rows = n_bytes / row_bytes;
    double start = now();
    for (size_t row = 0; row < n_rows; row++)
        plmr_vectors()->gemv_onto(dtype, PLMR_F32, KT, N, x, b + row * row_bytes, N, part, part, NULL);
    return 1e-9 * (double)(n_rows * row_bytes) / (now() - start);
}

/* Adds up the same memory: what one core can read. */
static double read_rate(const uint64_t *words, size_t n_bytes)
{
    uint64_t sums[16] = {0};
    double start = now();
    for (size_t j = 0; j < n_bytes / sizeof *words; j += 16)
        for (int k = 0; k < 16; k++)
            sums[k] += words[j + (size_t)k];
    __asm__ volatile("" ::"r"(sums) : "memory");
    return 1e-9 * (double)n_bytes / (now() - start);
}

static void bench_gemv(void)
{
    static const char *const names[] = {"gemv f32", "gemv f16", "gemv bf16"};
    size_t n_bytes = (size_t)128 << 20;
    void *b = allocate(n_bytes), *part = allocate(sizeof(float) << 8);
    for (int dtype = 0; dtype < 3; dtype++) {
        double rate = 0, read = 0;
        for (int i = 0; i < ROUNDS; i++) {
            rate = max(rate, gemv_rate((enum plmr_dtype)dtype, b, n_bytes, part));
            read = max(read, read_rate(b, n_bytes));
        }
        printf("%-30s %6.1f GB/s, reading %6.1f: %5.1f %%\n", names[dtype], rate, read, 100 * rate / read);
    }
    free(b);
    free(part);
}

static void bench_product(int size)
{
    enum { TILES = 1024 };
    size_t n = (size_t)size * (size_t)size;
    float *a = allocate(n * sizeof *a), *b = allocate(n * sizeof *b), *acc = allocate(n * sizeof *acc);
    double rate = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        for (int tile = 0; tile < TILES; tile++)
            plmr_tile_product_add(NULL, PLMR_F32, PLMR_F32, size, size, size, a, b, acc, (size_t)size);
        rate = max(rate, 2e-9 * TILES * size * size * size / (now() - start));
    }
    printf("tile product %-17d %6.1f GFLOP/s\n", size, rate);
    free(a);
    free(b);
    free(acc);
}

static void bench_gemms(const char *word)
{
    size_t n_bytes = sizeof(float) * SGEMM_SIZE * SGEMM_SIZE;
    sgemm yardstick = {allocate(n_bytes), allocate(n_bytes), allocate(n_bytes)};
    openblas_set_num_threads(1);
    for (size_t i = 0; i < sizeof gemm_cases / sizeof gemm_cases[0]; i++)
        if (strstr(gemm_cases[i].name, word))
            bench_gemm(&gemm_cases[i], &yardstick);
    free(yardstick.a);
    free(yardstick.b);
    free(yardstick.c);
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    printf("kernels: %s\n", plmr_kernel_name());
    bench_gemms(word);
    if (strstr("layer", word))
        bench_layers();
    if (strstr("gemv", word))
        bench_gemv();
    if (strstr("tile product", word))
        for (int size = 3; size <= 48; size *= 2)
            bench_product(size);
}
