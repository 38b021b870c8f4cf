/* vector.h - the arithmetic of a language model's layers: products of vectors and matrices, attention, and the vector
 * functions between them.
 *
 * As in kernel.h bits are defined: every chain below is one of IEEE fused multiply-adds in the order given, and every
 * instruction set gives the same bits (of a NaN only that it is one). Leading dimensions count elements. All functions
 * are local, allocate nothing and cannot fail. Unless said otherwise outputs overlap no inputs.
 *
 * The functions are compiled once for every instruction set, into tables; a process uses those of the best that it has:
 *
 *     plmr_vectors()->add_to(n, x, acc);
 */
#pragma once

#include "plmr/types.h"

/* An emulated reduction over cores: a postfix program over a stack of values. p_c is the partial value of core c.
 *
 *     PUSH c    push p_c
 *     ONTO c    top = p_c + top
 *     MERGE     pop a; top = top + a
 *
 * It starts with PUSH, leaves one value, its result, and holds PLMR_TREE_DEPTH values at most. */
enum { PLMR_TREE_DEPTH = 16 };
enum plmr_tree_kind { PLMR_TREE_PUSH, PLMR_TREE_ONTO, PLMR_TREE_MERGE };
typedef struct plmr_tree_op {
    enum plmr_tree_kind kind;
    int core; /* of no meaning to MERGE */
} plmr_tree_op;

/* from <= j < to; none if to <= from. */
typedef struct plmr_span {
    int64_t from, to;
} plmr_span;

enum { PLMR_SCORES_DIMENSIONS = 2048 };

/* What cores add up of a token's attention: of each of n_rows queries, the weighted values of the keys that a core has, and the sum
 * of their weights. v, of the given dtype, holds n_cols elements of each key; core c has keys [first[c], first[c + 1]). For i < n_rows
 * and d < n_cols, sums[i * (n_cols + 1) + d] is the result of the program, with p_c = the chain over c's keys j from +0 of
 * fma(p[i * ldp + j], v[j * ldv + d], .), and for d = n_cols as if v were 1; ONTO a core without keys changes nothing. */
typedef struct plmr_weighted_program {
    const plmr_tree_op *ops;
    int n_ops;
    const int32_t *first;
    int n_rows, n_cols;
    const float *p;
    size_t ldp;
    enum plmr_dtype dtype;
    const void *v;
    size_t ldv;
    float *sums;
} plmr_weighted_program;

typedef struct plmr_attention_functions {
    /* Scores of queries and keys whose dimensions are dealt to cores, s each: for i < n_rows and j < n_keys,
     * scores[i * lds + j] = the result of the tree of n_ops operations, with p_c = the chain over e < s from +0 of
     * fma(q[i * ldq + c * s + e], kt[(c * s + e) * ldk + j], .). kt, of the given dtype, holds a row for every
     * dimension; only rows of cores in the program are read. (highest core + 1) * s is at most PLMR_SCORES_DIMENSIONS.
     */
    void (*scores)(const plmr_tree_op *ops, int n_ops, int s, int n_rows, int64_t n_keys, const float *q, size_t ldq,
                   enum plmr_dtype dtype, const void *kt, size_t ldk, float *scores, size_t lds);

    /* For i < n_rows and d < n_cols, out[i * ldo + d] = the chain from +0 of fma(p[i * ldp + j], v[j * ldv + d], .)
     * over j in first[i], ascending, and then over j in second[i], ascending. It is fast where the second spans of
     * neighbouring rows have most of their j in common. */
    void (*weighted_sums)(int n_rows, int n_cols, const float *p, size_t ldp, const plmr_span *first,
                          const plmr_span *second, const float *v, size_t ldv, float *out, size_t ldo);

    void (*weighted_program)(const plmr_weighted_program *program);
} plmr_attention_functions;

/* A reduction of n_strips strips of n_cols columns, a multiple of PLMR_PROGRAM_LEAST up to PLMR_PROGRAM_COLS, of a product with a
 * vector: for column j of strip s p_c is the chain over kk < kt from +0 of fma(x[place[c] + kk], b[s][(row[c] + kk) * n_cols + j], .),
 * of nothing where row[c] is negative. Two strips are read side by side: a core of the host reads two streams faster than one. */
enum { PLMR_PROGRAM_COLS = 64, PLMR_PROGRAM_LEAST = 16, PLMR_PROGRAM_STRIPS = 2 };
typedef struct plmr_gemv_program {
    const plmr_tree_op *ops;
    int n_ops, kt;
    const int32_t *row, *place; /* by core */
    const float *x;
    int n_cols, n_strips;
    const void *b[PLMR_PROGRAM_STRIPS];
} plmr_gemv_program;

/* Products of a vector's chunks with PLMR_LINE_COLS columns of 16-bit elements that lie in memory each as a line: from[j] is where
 * line j begins. sums[c * PLMR_LINE_COLS + j] is the chain over kk < kt from +0 of fma(x[k], b(k, j), .), k = c * kt + kk; of
 * elements from n on b is 0. Or, with `onto` and kt 1, each element goes on with a chain that is there already: that of element k is at
 * sums[onto[k] * PLMR_LINE_COLS + j]; where onto[k] is negative the element is left out. `next`: lines of n elements that are read
 * soon, and fetched meanwhile; NULL: none. */
enum { PLMR_LINE_COLS = 16, PLMR_PACKED_COLS = 32 };
typedef struct plmr_gemv_lines {
    int kt;
    int64_t n_chunks, n;
    const float *x;
    const char *const *from, *const *next;
    const int32_t *onto; /* NULL: chunks one after the other */
    float *sums;
} plmr_gemv_lines;

/* A product of few rows with PLMR_FEW_COLS columns, which are read once, in the order in which they lie. `pitch` counts rows with what
 * fills the last vector of `lanes`. The n_k elements of a column lie on a ring; if `padded`, zeros follow the last. For row i,
 * sums[j * pitch + i] is the chain once around the ring, from k = start[j * pitch + i] on (more than n_k: from among the zeros), from
 * +0, of fma(a[k * pitch + i], b(k, j), .). Columns are lines of elements, `from` and `next` being as above; or, where `from` is
 * NULL, rows of PLMR_FEW_COLS elements one after the other, in `strip`. */
enum { PLMR_FEW_COLS = PLMR_LINE_COLS };
typedef struct plmr_few_product {
    size_t pitch;
    int64_t n_k;
    bool padded;
    const int32_t *start;
    const float *a;
    const char *const *from, *const *next;
    const void *strip;
    float *sums;
} plmr_few_product;

typedef struct plmr_few_functions {
    int lanes;
    void (*multiply)(enum plmr_dtype dtype, const plmr_few_product *product);
} plmr_few_functions;

typedef struct plmr_line_functions {
    void (*gemv_lines)(enum plmr_dtype dtype, const plmr_gemv_lines *lines);

    /* A program over what that gives: p_c is at sums + at[c], or zeros where at[c] is negative. `stack` is as gemv_program's, with room for
     * n_cols floats for each value, which is PLMR_LINE_COLS or PLMR_PACKED_COLS. */
    void (*add_lines)(int n_cols, const plmr_tree_op *ops, int n_ops, const int32_t *at, const float *sums,
                      float *stack);

    /* Turns n rows of words, of element_bytes 2 or 4, to columns: element k of from[j] becomes to[row[k] * ld + j], k <
     * n_k; where row[k] is negative it is left out. Rows need no alignment. */
    void (*turn)(size_t element_bytes, int n, int64_t n_k, const char *const *from, const int32_t *row, void *to,
                 size_t ld);
} plmr_line_functions;

typedef struct plmr_vector_functions {
    /* What one core adds to a chain of partial GEMV results: part[j] = the chain over kk < kt from +0 of
     * fma(x[kk], b[kk * ldb + j], .), for j < n; then, unless onto is NULL, part[j] = part[j] + onto[j]. onto may be
     * part. With accumulate PLMR_F16 every operation, the addition too, is rounded to f16.
     *
     * b has the given dtype. `next`: where a block of the same shape and ldb begins that is multiplied soon, or NULL.
     * Unless its rows are so long that the processor does so by itself, it is fetched meanwhile, to the second level of
     * the cache. Blocks that are visited in the order in which they lie in memory are still read fastest. */
    void (*gemv_onto)(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x,
                      const void *b, size_t ldb, const float *onto, float *part, const void *next);

    /* Runs a program, b being of the given dtype; `stack` has room for as many floats as the strips have columns for each
     * value that is on it, and the result, strip by strip, at its beginning. Fastest where the program meets rows in the order in which they lie. */
    void (*gemv_program)(enum plmr_dtype dtype, const plmr_gemv_program *program, float *stack);

    /* Vector functions of n elements; an output may be the very same array as an input. */

    /* y = exp(t), t = (x - shift) * scale, both operations rounded to f32. The relative error for that t is at most
     * 3e-7; where exp(t) is less than 2^-126, the absolute error at most 2^-149. exp(0) is 1, exp(-inf) +0, and
     * overflow +inf. */
    void (*exp)(int64_t n, float scale, float shift, const float *x, float *y);

    /* out = gate / (1 + exp(-gate)) * up, from left to right, with the exp above. */
    void (*silu_multiply)(int64_t n, const float *gate, const float *up, float *out);

    /* out = g / (1 + exp(-1.702 g)) * (1 + u), from left to right, with g = min(gate, 7), u = up clipped to [-7, 7], and
     * the exp above. */
    void (*clipped_multiply)(int64_t n, const float *gate, const float *up, float *out);

    /* out = y * up with y = x / (1 + exp(-1.5957691 * fma(0.044715 * x * x, x, x))), gelu in the form with tanh, as
     * llama.cpp looks it up on CPUs: x is the gate rounded to f16, and y is rounded to f16; beyond -10 it is 0, beyond
     * 10 the gate itself. */
    void (*gelu_multiply)(int64_t n, const float *gate, const float *up, float *out);

    /* Of n chunks of kt elements: sums[i] = the chain over kk < kt from +0 of fma(x[i * kt + kk], x[i * kt + kk], .). */
    void (*squares)(int64_t n, int kt, const float *x, float *sums);

    /* y = (x * factor) * weight. */
    void (*scale)(int64_t n, float factor, const float *weight, const float *x, float *y);

    /* acc = acc + x. */
    void (*add_to)(int64_t n, const float *x, float *acc);

    /* The greatest element; -inf if there is none. Zeros give +0, and a NaN counts for nothing. */
    float (*max)(int64_t n, const float *x);

    /* Turns the pairs (x0, x1) = (x[2 * i], x[2 * i + 1]), i < n_pairs, by angles whose cosines c and sines s are
     * given: they become (fma(x0, c, -(x1 * s)), fma(x0, s, x1 * c)). */
    void (*rope_rotate)(int64_t n_pairs, const float *cosine, const float *sine, float *x);
} plmr_vector_functions;

const plmr_attention_functions *plmr_attention(void);
const plmr_few_functions *plmr_few(void);
const plmr_line_functions *plmr_lines(void);
const plmr_vector_functions *plmr_vectors(void);
