/* Rates of the kernels beside OpenBLAS's sgemm with one thread on the same machine. bench_kernel [word]: only the cases
 * whose name has the word in it. The best of several runs counts: a shared machine only ever slows down. */
#include "kernel/gemm_block.h"
#include "kernel/isa.h"
#include "kernel/kernel.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void openblas_set_num_threads(int n);

enum { REPEATS = 8 };

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
    memset(memory, 0x11, n_bytes);
    return memory;
}

static double sgemm_rate(int n)
{
    size_t n_bytes = (size_t)n * (size_t)n * sizeof(float);
    float *a = allocate(n_bytes), *b = allocate(n_bytes), *c = allocate(n_bytes);
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
        double rate = 2e-9 * n * n * n / (now() - start);
        best = rate > best ? rate : best;
    }
    free(a);
    free(b);
    free(c);
    return best;
}

typedef struct gemm_case {
    const char *name;
    int n_slots, size;
    enum plmr_dtype dtype, accumulate;
    int n_col_runs;
    plmr_run col_runs[2];
    bool a_aligned, straight;
    int steps, batches; /* of so many steps, so many batches */
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

static double gemm_rate(const gemm_case *g)
{
    plmr_gemm_block b = {.n_slots = g->n_slots,
                         .kt = g->size,
                         .ms = g->size,
                         .ns = g->size,
                         .skewed = !g->straight,
                         .a_aligned = g->a_aligned,
                         .dtype = g->dtype,
                         .accumulate = g->accumulate,
                         .n_row_runs = 1,
                         .row_runs = &(plmr_run){0, g->n_slots},
                         .n_col_runs = g->n_col_runs,
                         .col_runs = g->col_runs};
    int n_cols = count_cols(g);
    plmr_gemm_scratch *scratch;
    if (plmr_gemm_scratch_create(0, 0, &scratch))
        exit(1);
    b.a_line = make_lines(g->n_slots, g->n_slots, g);
    b.b_line = make_lines(g->n_slots, n_cols, g);
    b.ldc = (size_t)(n_cols * g->size) + 16;
    b.c = allocate((size_t)(g->n_slots * g->size) * b.ldc * sizeof *b.c);
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        for (int batch = 0; batch < g->batches; batch++) {
            b.t0 = batch * g->steps;
            b.t1 = b.t0 + g->steps;
            if (plmr_gemm_block_run(&b, scratch))
                exit(1);
        }
        double flops = 2.0 * g->n_slots * n_cols * g->size * g->size * g->size * g->steps * g->batches;
        double rate = 1e-9 * flops / (now() - start);
        best = rate > best ? rate : best;
    }
    free_lines(b.a_line);
    free_lines(b.b_line);
    free(b.c);
    plmr_gemm_scratch_destroy(scratch);
    return best;
}

static const gemm_case gemm_cases[] = {
    {"8x8x8 f32", 512, 8, PLMR_F32, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1},
    {"8x8x8 f32 straight", 512, 8, PLMR_F32, PLMR_F32, 1, {{0, 512}}, false, true, 512, 1},
    {"8x8x8 f16", 512, 8, PLMR_F16, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1},
    {"8x8x8 bf16", 512, 8, PLMR_BF16, PLMR_F32, 1, {{0, 512}}, false, false, 512, 1},
    {"8x8x8 f32, 2 ranks", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 512, 1},
    {"8x8x8 f32, 2 ranks, 64 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 64, 2},
    {"8x8x8 f32, 2 ranks, 32 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 32, 4},
    {"8x8x8 f32, 2 ranks, 16 steps", 512, 8, PLMR_F32, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 16, 4},
    {"8x8x8 f16, 2 ranks, 32 steps", 512, 8, PLMR_F16, PLMR_F32, 2, {{0, 128}, {384, 128}}, true, false, 32, 4},
    {"6x6x6 f32", 720, 6, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1},
    {"6x6x6 f32, 2 ranks, 64 steps", 720, 6, PLMR_F32, PLMR_F32, 2, {{0, 180}, {540, 180}}, true, false, 64, 2},
    {"6x6x6 f16", 720, 6, PLMR_F16, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1},
    {"3x3x3 f32", 720, 3, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1},
    {"1x1x1 f32", 720, 1, PLMR_F32, PLMR_F32, 1, {{0, 720}}, false, false, 720, 1},
    {"64x64x64 f32", 32, 64, PLMR_F32, PLMR_F32, 1, {{0, 32}}, false, false, 32, 1},
    {"512x512x512 f32", 4, 512, PLMR_F32, PLMR_F32, 1, {{0, 4}}, false, false, 4, 1},
    {"8x8x8 f16, accumulate f16", 128, 8, PLMR_F16, PLMR_F16, 1, {{0, 128}}, false, false, 128, 1},
};

static double gemv_rate(enum plmr_dtype dtype)
{
    enum { KT = 23, N = 16384, ROWS = 64 };
    size_t n_bytes = (size_t)ROWS * KT * N * plmr_dtype_bytes(dtype);
    char *b = allocate(n_bytes);
    float *x = allocate(KT * sizeof *x), *part = allocate(N * sizeof *part);
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        for (int row = 0; row < ROWS; row++)
            plmr_gemv_row(dtype, PLMR_F32, KT, N, x, b + (size_t)row * (n_bytes / ROWS), N, part);
        double rate = 1e-9 * (double)n_bytes / (now() - start);
        best = rate > best ? rate : best;
    }
    free(b);
    free(x);
    free(part);
    return best;
}

/* Adds up the same memory: what one core can read. */
static double read_rate(void)
{
    size_t n = (size_t)32 << 20;
    uint64_t *words = allocate(n * sizeof *words), sums[16] = {0};
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        for (size_t j = 0; j < n; j += 16)
            for (int k = 0; k < 16; k++)
                sums[k] += words[j + (size_t)k];
        double rate = 8e-9 * (double)n / (now() - start);
        best = rate > best ? rate : best;
        __asm__ volatile("" ::"r"(sums) : "memory");
    }
    free(words);
    return best;
}

static double product_rate(int size)
{
    enum { TILES = 4096 };
    size_t n = (size_t)size * (size_t)size;
    float *a = allocate(n * sizeof *a), *b = allocate(n * sizeof *b), *acc = allocate(n * sizeof *acc);
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        for (int tile = 0; tile < TILES; tile++)
            plmr_tile_product_add(PLMR_F32, PLMR_F32, size, size, size, a, b, acc, (size_t)size);
        double rate = 2e-9 * TILES * size * size * size / (now() - start);
        best = rate > best ? rate : best;
    }
    free(a);
    free(b);
    free(acc);
    return best;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    openblas_set_num_threads(1);
    double sgemm = (word[0] == 0 ? sgemm_rate(4096) : 105);
    printf("kernels: %s; sgemm 4096: %.1f GFLOP/s\n", plmr_kernel_name(), sgemm);
    for (size_t i = 0; i < sizeof gemm_cases / sizeof gemm_cases[0]; i++)
        if (strstr(gemm_cases[i].name, word)) {
            double rate = gemm_rate(&gemm_cases[i]);
            printf("%-32s %7.1f GFLOP/s  %5.1f %% of sgemm\n", gemm_cases[i].name, rate, 100 * rate / sgemm);
        }
    if (strstr("gemv", word)) {
        double read = read_rate();
        static const char *const names[] = {"gemv f32", "gemv f16", "gemv bf16"};
        for (int dtype = 0; dtype < 3; dtype++) {
            double rate = gemv_rate((enum plmr_dtype)dtype);
            printf("%-32s %7.1f GB/s     %5.1f %% of reading\n", names[dtype], rate, 100 * rate / read);
        }
    }
    if (strstr("tile product", word))
        for (int size = 3; size <= 48; size *= 2)
            printf("tile product %2d                  %7.1f GFLOP/s\n", size, product_rate(size));
}
