#include "bench/items.h"

#include <stdio.h>
#include <unistd.h>

#include "base/values.h"
#include "base/wall.h"
#include "gemm/gemm.h"
#include "gemv/gemv.h"

/* Bytes of memory that this process has touched. */
static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct run {
    plmr_device device;
    plmr_ranks *ranks;
    plmr_region *region;
    double wall_s;  /* the longest of any rank */
    double n_bytes; /* that all ranks have come to hold between opening and the end of the run */
};

static plmr_status open_run(struct run *run, const plmr_bench_item *item, int side, bool values)
{
    plmr_region_options options = {.values = values, .every_step = item->every_step};
    PLMR_TRY(plmr_agree(plmr_device_load("wse2", &run->device)));
    PLMR_TRY(plmr_ranks_create(0, 0, side, side, &run->ranks));
    return plmr_region_create(run->ranks, &run->device, side, side, &options, &run->region);
}

static void close_run(struct run *run)
{
    plmr_region_destroy(run->region);
    plmr_ranks_destroy(run->ranks);
}

/* ---- GEMM ---- */

static plmr_status time_gemm(struct run *run, const plmr_gemm_problem *problem)
{
    const plmr_gemm_algorithm *algorithm = plmr_gemm_at(0);
    plmr_gemm *gemm;
    plmr_cost cost;
    plmr_source a, b;
    plmr_source_synthetic(&a, 1, problem->m, problem->k);
    plmr_source_synthetic(&b, 2, problem->k, problem->n);
    double before = resident_bytes();
    PLMR_TRY(plmr_gemm_open(algorithm, problem, run->region, &a, &b, &gemm));
    plmr_barrier();
    double start_s = plmr_wall_s();
    plmr_status status = plmr_gemm_run(algorithm, gemm);
    if (!status)
        status = plmr_region_cost(run->region, &cost);
    run->wall_s = plmr_wall_s() - start_s;
    uint64_t held = (uint64_t)(resident_bytes() - before);
    plmr_gemm_close(gemm);
    PLMR_TRY(plmr_agree(status));
    plmr_ranks_max(run->ranks, &run->wall_s, 1);
    plmr_ranks_sum(run->ranks, &held, 1);
    run->n_bytes = (double)held;
    return PLMR_OK;
}

static plmr_status run_gemm(const plmr_bench_item *item, int size, int side, bool values, struct run *run)
{
    plmr_gemm_problem problem = {size, size, size, side, side, item->dtype, PLMR_F32, false};
    plmr_status status = open_run(run, item, side, values);
    if (!status)
        status = time_gemm(run, &problem);
    close_run(run);
    return status;
}

static plmr_status measure_clocks(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)state;
    enum { SIZE = 4096, SIDE = 720 };
    struct run run = {0};
    PLMR_TRY(run_gemm(item, SIZE, SIDE, false, &run));
    *value = (double)SIDE * SIDE * SIDE / run.wall_s / 1e9;
    return PLMR_OK;
}

static plmr_status measure_values(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)state;
    enum { SIZE = 4096, SIDE = 512 };
    struct run run = {0};
    PLMR_TRY(run_gemm(item, SIZE, SIDE, true, &run));
    *value = 2.0 * SIZE * SIZE * SIZE / run.wall_s / 1e9;
    return PLMR_OK;
}

static plmr_status measure_memory(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)state;
    enum { SIZE = 4096, SIDE = 512 };
    struct run run = {0};
    PLMR_TRY(run_gemm(item, SIZE, SIDE, true, &run));
    *value = run.n_bytes / (3.0 * SIZE * SIZE * sizeof(float));
    return PLMR_OK;
}

/* ---- GEMV ---- */

static plmr_status time_gemv(struct run *run, const plmr_gemv_problem *problem)
{
    plmr_gemv *gemv;
    plmr_source x, b;
    plmr_source_synthetic(&x, 1, 1, problem->k);
    plmr_source_synthetic(&b, 2, problem->k, problem->n);
    PLMR_TRY(plmr_gemv_open(plmr_gemv_at(0), problem, run->region, &x, &b, &gemv));
    plmr_barrier();
    double start_s = plmr_wall_s();
    plmr_status status = plmr_gemv_run(gemv);
    run->wall_s = plmr_wall_s() - start_s;
    plmr_gemv_close(gemv);
    PLMR_TRY(plmr_agree(status));
    plmr_ranks_max(run->ranks, &run->wall_s, 1);
    return PLMR_OK;
}

static plmr_status measure_gemv(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)state;
    enum { SIZE = 16384, SIDE = 512 };
    struct run run = {0};
    plmr_gemv_problem problem = {
        .k = SIZE, .n = SIZE, .rows = SIDE, .cols = SIDE, .dtype = item->dtype, .reduce.n_levels = 2};
    plmr_status status = open_run(&run, item, SIDE, true);
    if (!status)
        status = time_gemv(&run, &problem);
    close_run(&run);
    *value = (double)SIZE * SIZE * (double)plmr_dtype_bytes(item->dtype) / run.wall_s / 1e9;
    return status;
}

/* TinyLlama's weights that every token meets: seven matrices in each of 22 layers, and the output matrix in decode. */
#define LAYERS_WEIGHTS (22.0 * (2.0 * 2048 * 2048 + 2.0 * 2048 * 256 + 3.0 * 2048 * 5632))
#define OUTPUT_WEIGHTS (32000.0 * 2048)

static const void *const items[] = {
    &(const plmr_bench_item){.name = "clocks",
                             .what = "time plane, every step: MeshGEMM on 720x720",
                             .unit = "G core-steps/s",
                             .target = 2,
                             .measure = measure_clocks,
                             .dtype = PLMR_F16,
                             .every_step = true},
    &(const plmr_bench_item){.name = "steady",
                             .what = "time plane, steady states skipped",
                             .unit = "G core-steps/s",
                             .target = 2,
                             .measure = measure_clocks,
                             .dtype = PLMR_F16},
    &(const plmr_bench_item){.name = "gemm-f32",
                             .what = "data plane, MeshGEMM 4096^3 on 512x512, f32",
                             .unit = "GFLOP/s",
                             .yardstick = plmr_yardstick_sgemm,
                             .yardstick_name = "sgemm",
                             .target = 0.75,
                             .measure = measure_values,
                             .dtype = PLMR_F32},
    &(const plmr_bench_item){.name = "gemm-f16",
                             .what = "the same, f16",
                             .unit = "GFLOP/s",
                             .yardstick = plmr_yardstick_sgemm,
                             .yardstick_name = "sgemm",
                             .target = 0.65,
                             .measure = measure_values,
                             .dtype = PLMR_F16},
    &(const plmr_bench_item){.name = "gemm-bf16",
                             .what = "the same, bf16",
                             .unit = "GFLOP/s",
                             .yardstick = plmr_yardstick_sgemm,
                             .yardstick_name = "sgemm",
                             .target = 0.65,
                             .measure = measure_values,
                             .dtype = PLMR_BF16},
    &(const plmr_bench_item){.name = "gemv-f32",
                             .what = "data plane, MeshGEMV 16384^2 on 512x512, f32",
                             .unit = "GB/s",
                             .yardstick = plmr_yardstick_read,
                             .yardstick_name = "memory read",
                             .target = 0.7,
                             .measure = measure_gemv,
                             .dtype = PLMR_F32},
    &(const plmr_bench_item){.name = "gemv-f16",
                             .what = "the same, f16",
                             .unit = "GB/s",
                             .yardstick = plmr_yardstick_read,
                             .yardstick_name = "memory read",
                             .target = 0.7,
                             .measure = measure_gemv,
                             .dtype = PLMR_F16},
    &(const plmr_bench_item){.name = "memory",
                             .what = "memory held by MeshGEMM 4096^3, f32, over its matrices",
                             .unit = "x",
                             .target = 1.3,
                             .most = true,
                             .measure = measure_memory,
                             .dtype = PLMR_F32},
    &(const plmr_bench_item){.name = "llm-load",
                             .what = "TinyLlama 1.1B f16 on 256x256, made up and loaded",
                             .unit = "GB/s",
                             .yardstick = plmr_yardstick_read,
                             .yardstick_name = "memory read",
                             .measure = plmr_bench_load,
                             .is_llm = true},
    &(const plmr_bench_item){.name = "llm-prefill",
                             .what = "TinyLlama 1.1B f16, prefill of 512 tokens",
                             .unit = "tokens/s",
                             .yardstick = plmr_yardstick_sgemm,
                             .yardstick_name = "sgemm",
                             .work = 2 * LAYERS_WEIGHTS / 1e9,
                             .work_unit = "GFLOP/s",
                             .target = 0.7,
                             .measure = plmr_bench_prefill,
                             .is_llm = true},
    &(const plmr_bench_item){.name = "llm-decode",
                             .what = "TinyLlama 1.1B f16, decode of 32 tokens behind 512",
                             .unit = "tokens/s",
                             .yardstick = plmr_yardstick_read,
                             .yardstick_name = "memory read",
                             .work = 2 * (LAYERS_WEIGHTS + OUTPUT_WEIGHTS) / 1e9,
                             .work_unit = "GB/s",
                             .target = 0.85,
                             .measure = plmr_bench_decode,
                             .is_llm = true},
    &(const plmr_bench_item){.name = "llm-token-time",
                             .what = "time plane: a token of qwen2-72b on 420x420",
                             .unit = "s",
                             .target = 0.3,
                             .most = true,
                             .measure = plmr_bench_token_time,
                             .is_llm = true},
    &(const plmr_bench_item){.name = "llm-prompt-time",
                             .target = 60,
                             .most = true,
                             .what = "time plane: 4096 tokens into llama3-8b on 720x720",
                             .unit = "s",
                             .measure = plmr_bench_prompt_time,
                             .is_llm = true},
};
const plmr_registry plmr_bench_registry = {items, sizeof items / sizeof *items};
