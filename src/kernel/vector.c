#include "kernel/vector.h"

#include "kernel/isa.h"

static const plmr_isa_vectors *chosen(void)
{
    return plmr_isa_chosen()->on_vectors;
}

void plmr_gemv_onto(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x, const void *b,
                    size_t ldb, const float *onto, float *part, const void *next)
{
    chosen()->gemv_onto(dtype, accumulate, kt, n, x, b, ldb, onto, part, next);
}

void plmr_scores(const plmr_tree_op *ops, int n_ops, int s, int n_rows, int64_t n_keys, const float *q, size_t ldq,
                 enum plmr_dtype dtype, const void *kt, size_t ldk, float *scores, size_t lds)
{
    plmr_isa_chosen()->attention->scores(ops, n_ops, s, n_rows, n_keys, q, ldq, dtype, kt, ldk, scores, lds);
}

void plmr_weighted_sums(int n_rows, int n_cols, const float *p, size_t ldp, const plmr_span *first,
                        const plmr_span *second, const float *v, size_t ldv, float *out, size_t ldo)
{
    plmr_isa_chosen()->attention->weighted_sums(n_rows, n_cols, p, ldp, first, second, v, ldv, out, ldo);
}

void plmr_vector_exp(int64_t n, float scale, float shift, const float *x, float *y)
{
    chosen()->exp(n, scale, shift, x, y);
}

void plmr_vector_silu_multiply(int64_t n, const float *gate, const float *up, float *out)
{
    chosen()->silu_multiply(n, gate, up, out);
}

void plmr_vector_scale(int64_t n, float factor, const float *weight, const float *x, float *y)
{
    chosen()->scale(n, factor, weight, x, y);
}

void plmr_vector_add_to(int64_t n, const float *x, float *acc)
{
    chosen()->add_to(n, x, acc);
}

float plmr_vector_max(int64_t n, const float *x)
{
    return chosen()->max(n, x);
}

void plmr_rope_rotate(int64_t n_pairs, const float *cosine, const float *sine, float *x)
{
    chosen()->rope_rotate(n_pairs, cosine, sine, x);
}
