/* experts_parts.h - what parts of a layer's experts (expert_place.h) have to do, and the time that it takes: shared by the
 * files that time experts. */
#pragma once

#include "infer/step.h"
#include "model/experts.h"

/* Of n_tokens that a layer's experts have. */
typedef struct plmr_part_loads {
    int n;
    int64_t pairs[PLMR_MOST_EXPERTS], tokens[PLMR_MOST_EXPERTS]; /* (token, expert); tokens with an expert there */
    int64_t n_pairs;                                             /* of all parts, */
    int busiest;                                                 /* and the part that has most */
} plmr_part_loads;

void plmr_part_loads_fill(const plmr_cost_pass *pass, int64_t n_tokens, plmr_part_loads *loads);

/* Tokens of each expert that part `part` has of n_tokens. */
void plmr_part_experts(const plmr_cost_pass *pass, int part, int64_t n_tokens, int64_t tokens[PLMR_MOST_EXPERTS]);

/* What the pass's region multiplies: a prompt's experts, one after the other, each with so many tokens; n_tokens of a
 * batch with n_used experts each. `adds_up`: over all cores that have a slice of an expert. */
plmr_status plmr_experts_multiply_prompt(const plmr_step *step, plmr_cost_pass *pass,
                                         int64_t tokens[PLMR_MOST_EXPERTS]);
plmr_status plmr_experts_multiply_token(const plmr_step *step, plmr_cost_pass *pass, int64_t n_tokens, int64_t n_used,
                                        bool adds_up);

/* Over the borders of neighbouring regions, there or back: to each part its share of n_tokens, of which a core has n_held
 * elements; the layers of n_layers regions at once. */
void plmr_experts_cross(plmr_cost_pass *pass, const plmr_part_loads *loads, int n_layers, int64_t n_tokens,
                        int64_t n_held, const char *what);

/* From wafer to wafer, there or back: of n_tokens those that do not have all of their experts where they are. */
void plmr_experts_cross_wafers(plmr_cost_pass *pass, const plmr_part_loads *loads, const char *what);

/* All of it, where parts are blocks. */
plmr_status plmr_experts_blocks_prompt_time(const plmr_step *step, plmr_cost_pass *pass);
plmr_status plmr_experts_blocks_token_time(const plmr_step *step, plmr_cost_pass *pass);
