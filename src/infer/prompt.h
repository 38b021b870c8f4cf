/* prompt.h - what prefill's steps compute, on activations whose tokens are dealt along y, and elements along x. Values only. */
#pragma once

#include "infer/pass.h"

/* The step's parts, from the same A, by MeshGEMM: the activation `in` times each part's weight. Collective. */
void plmr_prompt_multiply(const plmr_pass *pass, const plmr_step *step);

/* y = x / sqrt(mean(x^2) + eps) * weight, of every token's row of an activation that is dealt along x, as another of the
 * same dimension; the sums of squares go through the tree. Collective. */
void plmr_prompt_norm(const plmr_pass *pass, const float *weight, enum plmr_activation x, enum plmr_activation y);
