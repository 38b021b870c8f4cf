/* Table 6: a GEMV on the wafer, against GPUs: time and energy. */
#include "paper/paper.h"

#include <math.h>

enum { SIDE = 720, GROUPS = 24 };

static const char key[] = "table6_gemv";

static void add_gpu(plmr_paper *paper, const plmr_paper_cell *wafer, int size, const plmr_paper_gpu *gpu,
                    double wafer_ms)
{
    plmr_paper_cell time = *wafer, energy = *wafer;
    double gpu_ms = plmr_paper_published(paper, "%s/%d/a100_ms/%s", key, size, gpu->name);
    time.setting = NULL;
    time.system = gpu->system;
    time.mode = "roofline";
    time.role = PLMR_BOUND;
    time.decimals = 3;
    time.predicted = 1e3 * plmr_roofline_gemv_s(&plmr_gpu_a100, gpu->n, size, size);
    time.published = gpu_ms;
    plmr_paper_add(paper, &time);
    energy.quantity = plmr_paper_text(paper, "energy of %s", gpu->system);
    energy.decimals = 2;
    energy.predicted = gpu->n * plmr_gpu_a100.power * gpu_ms / (paper->device.power * wafer_ms);
    energy.published = plmr_paper_published(paper, "%s/%d/energy_ratio/%s", key, size, gpu->name);
    plmr_paper_add(paper, &energy);
}

static plmr_status add_size(plmr_paper *paper, int size, const char *name)
{
    plmr_cost cost;
    plmr_paper_gemv(paper, "meshgemv", size, SIDE, 2, GROUPS, &cost);
    double wafer_ms = 1e3 * cost.t_cycles / paper->device.clock;
    plmr_paper_cell cell = {
        .subject = name,
        .setting = plmr_paper_square(paper, SIDE),
        .system = "waferllm",
        .quantity = "time, ms",
        .role = PLMR_CONSISTENT,
        .decimals = 5,
        .predicted = wafer_ms,
        .published = plmr_paper_published(paper, "%s/%d/wse2_ms", key, size),
    };
    plmr_paper_add(paper, &cell);
    for (int i = 0; i < PLMR_PAPER_GPUS; i++)
        add_gpu(paper, &cell, size, &plmr_paper_gpus[i], wafer_ms);
    plmr_energy energy =
        plmr_device_energy(&paper->device, PLMR_F16, cost.multiply_adds, (double)cost.wavelet_hops, cost.t_cycles);
    cell.quantity = "energy estimate, mJ";
    cell.role = PLMR_ESTIMATE;
    cell.decimals = 3;
    cell.predicted = 1e3 * plmr_energy_sum(energy);
    cell.published_text = plmr_paper_text(paper, "%.3f by the system's power", paper->device.power * wafer_ms);
    plmr_paper_add(paper, &cell);
    return PLMR_OK;
}

static plmr_status run(plmr_paper *paper)
{
    PLMR_TRY(add_size(paper, 16384, "16K x 16K"));
    return add_size(paper, 32768, "32K x 32K");
}

const plmr_paper_part plmr_paper_table6 = {
    .name = "table 6",
    .title = "GEMV: time and energy",
    .notes = "The paper gives neither cores nor groups; 720x720 with 24 groups, its choice elsewhere, fits. Published "
             "energy is "
             "400 W for a GPU against 15 kW for the whole wafer. The estimate is from the bottom up (docs/MODEL.md).",
    .run = run,
};
