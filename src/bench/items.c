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

static plmr_status close_run(struct run *run, plmr_status status)
{
    plmr_region_destroy(run->region);
    plmr_ranks_destroy(run->ranks);
    return status;
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
    double more = resident_bytes() - before;
    uint64_t held = more > 0 ? (uint64_t)more : 0;
    plmr_gemm_close(gemm);
    PLMR_TRY(plmr_agree(status));
    plmr_ranks_max(run->ranks, &run->wall_s, 1);
    plmr_ranks_sum(run->ranks, &held, 1);
    run->n_bytes = (double)held;
    return PLMR_OK;
}

enum { GEMM_SIZE = 4096, CLOCKS_SIDE = 720, VALUES_SIDE = 512 };

static plmr_status run_gemm(const plmr_bench_item *item, int side, bool values, struct run *run)
{
    plmr_gemm_problem problem = {GEMM_SIZE, GEMM_SIZE, GEMM_SIZE, side, side, item->dtype, PLMR_F32, false};
    *run = (struct run){0};
    plmr_status status = open_run(run, item, side, values);
    return close_run(run, status ? status : time_gemm(run, &problem));
}

static plmr_status measure_clocks(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    struct run run;
    (void)state;
    PLMR_TRY(run_gemm(item, CLOCKS_SIDE, false, &run));
    *value = (double)CLOCKS_SIDE * CLOCKS_SIDE * CLOCKS_SIDE / run.wall_s / 1e9;
    return PLMR_OK;
}

static plmr_status measure_values(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    struct run run;
    (void)state;
    PLMR_TRY(run_gemm(item, VALUES_SIDE, true, &run));
    *value = 2.0 * GEMM_SIZE * GEMM_SIZE * GEMM_SIZE / run.wall_s / 1e9;
    return PLMR_OK;
}

static plmr_status measure_memory(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    struct run run;
    (void)state;
    PLMR_TRY(run_gemm(item, VALUES_SIDE, true, &run));
    *value = run.n_bytes / (3.0 * GEMM_SIZE * GEMM_SIZE * sizeof(float));
    return PLMR_OK;
}

/* ---- GEMV ---- */

static plmr_status time_gemv(struct run *run, const plmr_gemv_problem *problem)
{
    enum { REPEATS = 8 }; /* one takes as little as ten milliseconds */
    plmr_gemv *gemv;
    plmr_source x, b;
    plmr_source_synthetic(&x, 1, 1, problem->k);
    plmr_source_synthetic(&b, 2, problem->k, problem->n);
    PLMR_TRY(plmr_gemv_open(plmr_gemv_at(0), problem, run->region, &x, &b, &gemv));
    plmr_barrier();
    double start_s = plmr_wall_s();
    for (int i = 0; i < REPEATS; i++)
        plmr_gemv_run(gemv);
    run->wall_s = (plmr_wall_s() - start_s) / REPEATS;
    plmr_gemv_close(gemv);
    plmr_ranks_max(run->ranks, &run->wall_s, 1);
    return PLMR_OK;
}

static plmr_status measure_gemv(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    enum { SIZE = 16384, SIDE = 512 };
    struct run run = {0};
    plmr_gemv_problem problem = {SIZE, SIZE, SIDE, SIDE, item->dtype, PLMR_F32, {.n_levels = 2}};
    (void)state;
    plmr_status status = open_run(&run, item, SIDE, true);
    status = close_run(&run, status ? status : time_gemv(&run, &problem));
    *value = (double)SIZE * SIZE * (double)plmr_dtype_bytes(item->dtype) / run.wall_s / 1e9;
    return status;
}

static const plmr_yardstick sgemm = {"sgemm", plmr_yardstick_sgemm}, memory_read = {"memory read", plmr_yardstick_read};

#define ITEM &(const plmr_bench_item)

static const void *const items[] = {
    ITEM{"clocks", "time plane, every step: MeshGEMM on 720x720", "G core-steps/s", NULL, 2, measure_clocks,
         .dtype = PLMR_F16, .every_step = true},
    ITEM{"steady", "time plane, steady states skipped", "G core-steps/s", NULL, 2, measure_clocks, .dtype = PLMR_F16},
    ITEM{"gemm-f32", "data plane, MeshGEMM 4096^3 on 512x512, f32", "GFLOP/s", &sgemm, 0.75, measure_values,
         .dtype = PLMR_F32},
    ITEM{"gemm-f16", "the same, f16", "GFLOP/s", &sgemm, 0.65, measure_values, .dtype = PLMR_F16},
    ITEM{"gemm-bf16", "the same, bf16", "GFLOP/s", &sgemm, 0.65, measure_values, .dtype = PLMR_BF16},
    ITEM{"gemv-f32", "data plane, MeshGEMV 16384^2 on 512x512, f32", "GB/s", &memory_read, 0.7, measure_gemv,
         .dtype = PLMR_F32},
    ITEM{"gemv-f16", "the same, f16", "GB/s", &memory_read, 0.7, measure_gemv, .dtype = PLMR_F16},
    ITEM{"memory", "memory held by MeshGEMM 4096^3, f32, over its matrices", "x", NULL, 1.3, measure_memory,
         .dtype = PLMR_F32, .most = true},
    ITEM{"llm-load", "a model on 256x256, its weights made up and loaded", "GB/s", &memory_read, 0, plmr_bench_load,
         .is_llm = true},
    ITEM{"llm-prefill", "the model's prefill of 512 tokens", "tokens/s", &sgemm, 0.7, plmr_bench_prefill,
         .is_llm = true, .work = plmr_bench_prefill_work, .work_unit = "GFLOP/s"},
    ITEM{"llm-decode", "the model's decode of 32 tokens behind 512", "tokens/s", &memory_read, 0.85, plmr_bench_decode,
         .is_llm = true, .work = plmr_bench_decode_work, .work_unit = "GB/s"},
    ITEM{"llm-token-time", "time plane: a token of qwen2-72b on 420x420", "s", NULL, 0.3, plmr_bench_token_time,
         .is_llm = true, .most = true},
    ITEM{"llm-prompt-time", "time plane: 4096 tokens into llama3-8b on 720x720", "s", NULL, 60, plmr_bench_prompt_time,
         .is_llm = true, .most = true},
};
const plmr_registry plmr_bench_registry = {items, sizeof items / sizeof *items};
