/* plans.h - the plans that language models can be timed with: WaferLLM's, and those of systems that it is compared
 * with.
 */
#pragma once

#include "base/registry.h"
#include "infer/plan.h"
#include "verbs/verbs.h"

extern const plmr_llm_plan plmr_llm_plan_t10, plmr_llm_plan_ladder;

/* WaferLLM's is the first. */
PLMR_REGISTRY(llm_plan, plmr_llm_plan)
