#include "bench/bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/wall.h"
#include "ranks/ranks.h"
#include "region/region.h"

enum { SGEMM_SIDE = 2048, READ_FLOATS = 1 << 28 };

/* cblas_sgemm, with its enumerations as the int that they are. */
typedef void sgemm_function(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);

struct plmr_yardsticks {
    void *library;
    sgemm_function *sgemm;
    char kernel[32]; /* the processor that its kernel is for; "": unknown */
    float *memory;   /* READ_FLOATS */
    plmr_ranks *ranks;
};

static void open_library(plmr_yardsticks *y)
{
    char *(*name)(void) = NULL;
    y->library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!y->library)
        return;
    *(void **)&y->sgemm = dlsym(y->library, "cblas_sgemm");
    *(void **)&name = dlsym(y->library, "openblas_get_corename");
    if (name)
        snprintf(y->kernel, sizeof y->kernel, "%s", name());
}

static void close_library(plmr_yardsticks *y)
{
    if (y->library)
        dlclose(y->library);
    y->library = NULL;
    y->sgemm = NULL;
}

#if defined(__x86_64__)
/* Kernels without AVX2, which OpenBLAS takes on a processor that it does not know. */
static bool falls_back(const plmr_yardsticks *y)
{
    static const char *const old[] = {"Generic",    "Prescott", "Core2",       "Penryn",
                                      "Dunnington", "Nehalem",  "Sandybridge", "Barcelona"};
    for (size_t i = 0; __builtin_cpu_supports("avx2") && i < sizeof old / sizeof *old; i++)
        if (strcasecmp(y->kernel, old[i]) == 0)
            return true;
    return false;
}

/* OpenBLAS can be told what the processor is like; where that does not help it is no yardstick. */
static void mend_kernel(plmr_yardsticks *y)
{
    if (!falls_back(y))
        return;
    close_library(y);
    setenv("OPENBLAS_CORETYPE", __builtin_cpu_supports("avx512dq") ? "SKYLAKEX" : "HASWELL", 1);
    open_library(y);
    if (falls_back(y))
        y->sgemm = NULL;
}
#else
static void mend_kernel(plmr_yardsticks *y)
{
    (void)y;
}
#endif

/* The library is looked for when the bench runs, so that plmr itself does not need it. */
static void find_sgemm(plmr_yardsticks *y)
{
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    open_library(y);
    mend_kernel(y);
}

plmr_status plmr_yardsticks_create(plmr_yardsticks **out)
{
    plmr_yardsticks *y = plmr_take_zeroed(1, sizeof *y);
    find_sgemm(y);
    y->memory = plmr_slab_create(READ_FLOATS * sizeof *y->memory);
    for (size_t i = 0; y->memory && i < READ_FLOATS; i++)
        y->memory[i] = (float)(i % 97) * 0.01f;
    plmr_status status = y->memory ? plmr_ranks_create(0, 0, plmr_rank_count(), plmr_rank_count(), &y->ranks)
                                   : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for the yardstick");
    if (status)
        plmr_yardsticks_destroy(y);
    else
        *out = y;
    return status;
}

void plmr_yardsticks_destroy(plmr_yardsticks *y)
{
    if (!y)
        return;
    plmr_ranks_destroy(y->ranks);
    plmr_slab_destroy(y->memory);
    close_library(y);
    free(y);
}

/* The sum over ranks of this rank's rate, to three decimals. */
static double sum_rates(plmr_yardsticks *y, double work, double start_s)
{
    uint64_t rate = (uint64_t)(1e3 * work / (plmr_wall_s() - start_s) / 1e9);
    plmr_ranks_sum(y->ranks, &rate, 1);
    return 1e-3 * (double)rate;
}

const char *plmr_yardsticks_kernel(const plmr_yardsticks *y)
{
    return y->kernel;
}

double plmr_yardstick_sgemm(plmr_yardsticks *y)
{
    enum { ROW_MAJOR = 101, NO_TRANS = 111, N = SGEMM_SIDE };
    float *a = y->memory, *b = a + (size_t)N * N, *c = b + (size_t)N * N;
    if (!y->sgemm)
        return 0;
    plmr_barrier();
    double start_s = plmr_wall_s();
    for (int i = 0; i < 4; i++)
        y->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, N, N, N, 1, a, N, b, N, 0, c, N);
    return sum_rates(y, 4 * 2.0 * N * N * N, start_s);
}

/* Adds up all of it, in as many sums side by side as keep the additions from waiting for each other. */
double plmr_yardstick_read(plmr_yardsticks *y)
{
    enum { SUMS = 64 };
    float sum[SUMS] = {0};
    plmr_barrier();
    double start_s = plmr_wall_s();
    for (size_t at = 0; at < READ_FLOATS; at += SUMS)
        for (int i = 0; i < SUMS; i++)
            sum[i] += y->memory[at + (size_t)i];
    double rate = sum_rates(y, READ_FLOATS * sizeof(float), start_s);
    for (int i = 0; i < SUMS; i++) /* every sum is used, or the compiler would leave out what it is made of */
        y->memory[i] = sum[i] > 1e30f ? 1 : y->memory[i];
    return rate;
}
