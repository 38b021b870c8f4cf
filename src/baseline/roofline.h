/* roofline.h - the least time that GPUs can take for a model's phases: arithmetic at their peak, or every byte of
 * weights and cache read once, whichever is longer. What else they do is left out, so no published figure can be
 * faster.
 */
#pragma once

#include "model/shape.h"

typedef struct plmr_gpu {
    const char *name;
    double flops;     /* f16, a second */
    double bandwidth; /* of its memory, bytes/s */
    double power;     /* W */
} plmr_gpu;

/* NVIDIA A100 SXM 80 GB: 312 TFLOP/s f16, 2.039 TB/s, 400 W (vendor's data sheet). */
extern const plmr_gpu plmr_gpu_a100;

/* Seconds that n of them take at least for a prompt; for one token with n_context in the cache; for y = x B with B
 * (k, n_columns) in f16. */
double plmr_roofline_prefill_s(const plmr_gpu *gpu, int n, const plmr_model_shape *shape, int64_t n_tokens);
double plmr_roofline_token_s(const plmr_gpu *gpu, int n, const plmr_model_shape *shape, int64_t n_context);
double plmr_roofline_gemv_s(const plmr_gpu *gpu, int n, int64_t k, int64_t n_columns);
