#include "paper/systems.h"

#include <stdio.h>

const plmr_paper_system plmr_paper_systems[PLMR_PAPER_SYSTEMS] = {
    {&plmr_plan_waferllm, true, PLMR_CONSISTENT, PLMR_CONSISTENT, PLMR_CONSISTENT},
    {&plmr_plan_waferllm, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
    {&plmr_plan_t10, true, PLMR_PREDICTED, PLMR_CALIBRATED, PLMR_PREDICTED},
    {&plmr_plan_t10, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
    {&plmr_plan_ladder, true, PLMR_CALIBRATED, PLMR_CALIBRATED, PLMR_PREDICTED},
    {&plmr_plan_ladder, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
};

const char *const plmr_paper_models[PLMR_PAPER_MODELS] = {"llama3-8b", "llama2-13b", "codellama-34b", "qwen2-72b"};
const char *const plmr_paper_gpu_names[PLMR_PAPER_GPUS] = {"1", "8", "2x8"};
const int plmr_paper_gpu_counts[PLMR_PAPER_GPUS] = {1, 8, 16};

void plmr_paper_name_system(const plmr_paper_system *system, plmr_paper_cell *cell)
{
    snprintf(cell->system, sizeof cell->system, "%s", system->plan->name);
    snprintf(cell->mode, sizeof cell->mode, "%s", system->as_published ? "as published" : "real model");
}

void plmr_paper_name_gpu(int which, plmr_paper_cell *cell)
{
    snprintf(cell->system, sizeof cell->system, "%s %s", plmr_paper_gpu_names[which], plmr_gpu_a100.name);
    snprintf(cell->mode, sizeof cell->mode, "roofline");
    cell->role = PLMR_BOUND;
}
