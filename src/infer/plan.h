/* plan.h - a system's way through a layer: how it brings operands together and adds up, on the same cores and for the
 * same products. Time alone; values are WaferLLM's.
 *
 * A plan is one const struct in one file. What it leaves NULL is done as in WaferLLM.
 */
#pragma once

#include "region/region.h"

/* Prefill: a product of which every core multiplies one tile of A (words_a fabric words) and one of B in each step. */
typedef struct plmr_llm_plan_product {
    int n_steps;
    int64_t words_a, words_b;
    double multiply_cycles; /* of a step */
    int64_t n_macs;         /* of a step, in each core */
} plmr_llm_plan_product;

typedef struct plmr_llm_plan {
    const char *name, *summary;
    bool keeps_grid; /* decode runs on the prefill's cores, with everything where prefill left it */
    plmr_status (*multiply)(plmr_region *region, const plmr_llm_plan_product *product);
    plmr_status (*fetch)(plmr_region *region, int64_t wavelets); /* decode: a tile that is then multiplied */
    plmr_status (*allreduce)(plmr_region *region, enum plmr_axis axis, int64_t wavelets);
} plmr_llm_plan;

/* MeshGEMM, MeshGEMV, K-tree allreduces: nothing is left to say. */
extern const plmr_llm_plan plmr_llm_plan_waferllm;
