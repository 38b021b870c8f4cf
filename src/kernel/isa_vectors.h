/* isa_vectors.h - what of vector.h is compiled once for every instruction set; every member is as declared there. */
#ifndef PLMR_KERNEL_ISA_VECTORS_H
#define PLMR_KERNEL_ISA_VECTORS_H

#include "kernel/vector.h"

typedef struct plmr_isa_vectors {
    void (*gemv_onto)(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x,
                      const void *b, size_t ldb, const float *onto, float *part, const void *next);
    void (*exp)(int64_t n, float scale, float shift, const float *x, float *y);
    void (*silu_multiply)(int64_t n, const float *gate, const float *up, float *out);
    void (*scale)(int64_t n, float factor, const float *weight, const float *x, float *y);
    void (*add_to)(int64_t n, const float *x, float *acc);
    float (*max)(int64_t n, const float *x);
    void (*rope_rotate)(int64_t n_pairs, const float *cosine, const float *sine, float *x);
} plmr_isa_vectors;

typedef struct plmr_isa_attention {
    void (*scores)(const plmr_tree_op *ops, int n_ops, int s, int n_rows, int64_t n_keys, const float *q, size_t ldq,
                   enum plmr_dtype dtype, const void *kt, size_t ldk, float *scores, size_t lds);
    void (*weighted_sums)(int n_rows, int n_cols, const float *p, size_t ldp, const plmr_span *first,
                          const plmr_span *second, const float *v, size_t ldv, float *out, size_t ldo);
} plmr_isa_attention;

extern const plmr_isa_vectors plmr_isa_vectors_portable;
extern const plmr_isa_attention plmr_isa_attention_portable;
#if defined(__x86_64__)
extern const plmr_isa_vectors plmr_isa_vectors_avx2, plmr_isa_vectors_avx512;
extern const plmr_isa_attention plmr_isa_attention_avx2, plmr_isa_attention_avx512;
#endif

#endif
