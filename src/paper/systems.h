/* systems.h - who appears in the tables of whole models: the plans, in the modes that they are run in, and GPUs. */
#pragma once

#include "baseline/roofline.h"
#include "paper/paper.h"

/* A plan, with the device's constants chosen or its own fitted to what tables, by phase. */
typedef struct plmr_paper_system {
    const plmr_llm_plan *plan;
    bool as_published;
    enum plmr_paper_role prefill_role, decode_role; /* of LLaMA3-8B's figures */
    enum plmr_paper_role other_role;                /* of other models' */
} plmr_paper_system;

enum { PLMR_PAPER_SYSTEMS = 6, PLMR_PAPER_MODELS = 4, PLMR_PAPER_GPUS = 3 };

extern const plmr_paper_system plmr_paper_systems[PLMR_PAPER_SYSTEMS];

/* Names as in the published figures; the first is what plans are calibrated on. */
extern const char *const plmr_paper_models[PLMR_PAPER_MODELS];

/* "1", "8", "2x8", and how many that is. */
extern const char *const plmr_paper_gpu_names[PLMR_PAPER_GPUS];
extern const int plmr_paper_gpu_counts[PLMR_PAPER_GPUS];

/* Fills in a cell's system and mode, and a GPU's ("8 x A100", roofline, a bound). */
void plmr_paper_name_system(const plmr_paper_system *system, plmr_paper_cell *cell);
void plmr_paper_name_gpu(int which, plmr_paper_cell *cell);
