/* Table 6: a GEMV on the wafer, against GPUs: time and energy. */
#include "paper/products.h"
#include "paper/systems.h"

#include <math.h>
#include <stdio.h>

enum { SIDE = 720, GROUPS = 24 };

static const char key[] = "table6_gemv";
static const int sizes[] = {16384, 32768};

static plmr_paper_cell cell_of(int size, const char *quantity, int decimals)
{
    plmr_paper_cell cell = {.decimals = decimals};
    snprintf(cell.subject, sizeof cell.subject, "%dK x %dK", size / 1024, size / 1024);
    snprintf(cell.quantity, sizeof cell.quantity, "%s", quantity);
    return cell;
}

static plmr_status add_gpu(plmr_paper *paper, const plmr_paper_part *part, int size, int which, double wafer_ms)
{
    int n = plmr_paper_gpu_counts[which];
    const char *name = plmr_paper_gpu_names[which];
    plmr_paper_cell cell = cell_of(size, "time, ms", 3);
    double gpu_ms = plmr_paper_published(paper, "%s/%d/a100_ms/%s", key, size, name);
    plmr_paper_name_gpu(which, &cell);
    cell.predicted = 1e3 * plmr_roofline_gemv_s(&plmr_gpu_a100, n, size, size);
    cell.published = gpu_ms;
    PLMR_TRY(plmr_paper_add(paper, part, &cell));
    cell = cell_of(size, "", 2);
    snprintf(cell.quantity, sizeof cell.quantity, "energy of %s A100", name);
    snprintf(cell.setting, sizeof cell.setting, "%dx%d", SIDE, SIDE);
    snprintf(cell.system, sizeof cell.system, "waferllm");
    cell.role = PLMR_CONSISTENT;
    cell.predicted = n * plmr_gpu_a100.power * gpu_ms / (paper->device.power * wafer_ms);
    cell.published = plmr_paper_published(paper, "%s/%d/energy_ratio/%s", key, size, name);
    return plmr_paper_add(paper, part, &cell);
}

static plmr_status add_size(plmr_paper *paper, const plmr_paper_part *part, int size)
{
    plmr_cost cost;
    plmr_paper_cell cell = cell_of(size, "time, ms", 5);
    PLMR_TRY(plmr_paper_gemv(paper, "meshgemv", size, SIDE, 2, GROUPS, &cost));
    double wafer_ms = 1e3 * cost.t_cycles / paper->device.clock;
    snprintf(cell.setting, sizeof cell.setting, "%dx%d", SIDE, SIDE);
    snprintf(cell.system, sizeof cell.system, "waferllm");
    cell.role = PLMR_CONSISTENT;
    cell.predicted = wafer_ms;
    cell.published = plmr_paper_published(paper, "%s/%d/wse2_ms", key, size);
    PLMR_TRY(plmr_paper_add(paper, part, &cell));
    for (int i = 0; i < PLMR_PAPER_GPUS; i++)
        PLMR_TRY(add_gpu(paper, part, size, i, wafer_ms));
    plmr_energy energy =
        plmr_device_energy(&paper->device, PLMR_F16, cost.multiply_adds, (double)cost.wavelet_hops, cost.t_cycles);
    cell = cell_of(size, "energy estimate, mJ", 3);
    snprintf(cell.setting, sizeof cell.setting, "%dx%d", SIDE, SIDE);
    snprintf(cell.system, sizeof cell.system, "waferllm");
    cell.role = PLMR_ESTIMATE;
    cell.predicted = 1e3 * plmr_energy_sum(energy);
    cell.published = NAN;
    snprintf(cell.published_text, sizeof cell.published_text, "%.3f by the system's power",
             paper->device.power * wafer_ms);
    return plmr_paper_add(paper, part, &cell);
}

static plmr_status run(plmr_paper *paper, const plmr_paper_part *part)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        PLMR_TRY(add_size(paper, part, sizes[i]));
    return PLMR_OK;
}

const plmr_paper_part plmr_paper_table6 = {
    .name = "table 6",
    .title = "GEMV: time and energy",
    .notes = "The paper gives neither cores nor groups; 720x720 with 24 groups, its choice elsewhere, fits. Published "
             "energy is "
             "400 W for a GPU against 15 kW for the whole wafer. The estimate is from the bottom up (docs/MODEL.md).",
    .run = run,
};
