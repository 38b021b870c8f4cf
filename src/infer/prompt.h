/* prompt.h - what prefill's steps compute, on activations of all tokens dealt along x. Values only. */
#pragma once

#include "infer/pass.h"

/* The step's parts, from the same A, by MeshGEMM: the activation `in` times each part's weight. Collective. */
void plmr_prompt_multiply(const plmr_pass *pass, const plmr_step *step);

/* y = x / sqrt(mean(x^2) + eps) * weight, of every token's row, dealt as the stream; the sums of squares go through the
 * tree. Collective. */
void plmr_prompt_norm(const plmr_pass *pass, const float *weight, const float *x, float *y);

/* This rank's columns of a row of all elements; 0 in the padding. */
void plmr_prompt_pick(const plmr_grid *grid, const plmr_deal *deal, const float *elements, float *picked);

/* The stream of the last tokens, from the columns of all ranks: n_last x dim, on every rank. Collective. */
void plmr_prompt_collect(const plmr_pass *pass, int64_t n_last, float *hidden);
