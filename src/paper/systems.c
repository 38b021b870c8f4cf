#include "paper/paper.h"

const plmr_paper_system plmr_paper_systems[PLMR_PAPER_SYSTEMS] = {
    {&plmr_llm_plan_waferllm, true, PLMR_CONSISTENT, PLMR_CONSISTENT, PLMR_CONSISTENT},
    {&plmr_llm_plan_waferllm, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
    {&plmr_llm_plan_t10, true, PLMR_PREDICTED, PLMR_CALIBRATED, PLMR_PREDICTED},
    {&plmr_llm_plan_t10, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
    {&plmr_llm_plan_ladder, true, PLMR_CALIBRATED, PLMR_CALIBRATED, PLMR_PREDICTED},
    {&plmr_llm_plan_ladder, false, PLMR_OTHER, PLMR_OTHER, PLMR_OTHER},
};

const char *const plmr_paper_models[PLMR_PAPER_MODELS] = {"llama3-8b", "llama2-13b", "codellama-34b", "qwen2-72b"};
const plmr_paper_gpu plmr_paper_gpus[PLMR_PAPER_GPUS] = {
    {"1", 1, "1 A100"}, {"8", 8, "8 A100"}, {"2x8", 16, "2x8 A100"}};

const char *plmr_paper_mode(const plmr_paper_system *system)
{
    return system->as_published ? "as published" : "real model";
}
