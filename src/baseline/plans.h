/* plans.h - the plans that language models can be timed with: WaferLLM's, and those of systems that it is compared
 * with.
 */
#ifndef PLMR_BASELINE_PLANS_H
#define PLMR_BASELINE_PLANS_H

#include "fabric/verbs.h"
#include "infer/plan.h"

#define LLM_PLAN(name) extern const plmr_llm_plan plmr_plan_##name;
#include "baseline/plan_list.h"
#undef LLM_PLAN

/* The registry; WaferLLM's is the first. */
int plmr_plan_count(void);
const plmr_llm_plan *plmr_plan_at(int i);

#endif
