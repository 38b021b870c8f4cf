/* isa.h - what is compiled once for every instruction set: the loops that the rest of src/kernel is built on.
 *
 * A register tile is `rows` x `cols` elements of C. A panel holds the factors of the rows (or columns) of one register
 * tile as floats, k-major: for every k, `rows` (or `cols`) elements side by side.
 */
#pragma once

#include "base/memory.h"
#include "kernel/kernel.h"
#include "kernel/packed.h"
#include "kernel/vector.h"

enum {
    PLMR_MOST_ROWS = PLMR_MOST_SIDE, /* of a register tile */
    PLMR_MOST_COLS = PLMR_MOST_SIDE,
    PLMR_K_PER_LINE = 2, /* one line is fetched while so many k are multiplied: the processor drops what comes faster */
};

/* What later tiles will need, fetched while this one is multiplied: first the lines, then n_rows rows of a tile of C,
 * each of them `vectors` lines. */
typedef struct plmr_fetch {
    const void *const *lines;
    int n_lines, n_rows;
    const float *c;
    size_t ldc;
} plmr_fetch;

/* A range of k in which only some elements of a register tile are at work: element (i, j) in the slots s of kt k with
 * 0 <= s - row_phase[i] - col_phase[j] < n_steps. Both phases ascend. k and slots count from where the tile starts. */
typedef struct plmr_ramp {
    int kt, n_steps, slot, slot_end, k, k_end;
    const int32_t *row_phase, *col_phase;
} plmr_ramp;

/* n rows for n_k k, packed as floats: to[k * width + i] = line(k)[at + kk(k) * stride + i]. The first k is number kk of
 * its slot's kt, and in lines[line]; the next slot is in the next line, and line 0 follows the last. A line that is
 * NULL holds zeros. */
typedef struct plmr_strip {
    enum plmr_dtype dtype;
    const void *const *lines;
    int n_lines, line, kt, kk, n_k;
    size_t at, stride, n, width;
    float *to;
} plmr_strip;

typedef struct plmr_isa {
    const char *name;
    int rows, cols, vectors; /* a row of a register tile is so many vectors */

    /* c(i, j) = chain over k of fma(a(k, i), b(k, j), .) from c(i, j), for a whole register tile; [1] rounds to f16.
     * n_k is at least PLMR_K_PER_LINE for every line that is fetched. */
    void (*multiply[2])(int n_k, const float *a, const float *b, float *c, size_t ldc, const plmr_fetch *fetch);

    /* The same for the k of a ramp; a and b point to its first. */
    void (*multiply_ramp[2])(const plmr_ramp *ramp, const float *a, const float *b, float *c, size_t ldc);

    void (*pack)(const plmr_strip *strip);

    /* As in kernel.h. */
    void (*vector_add)(enum plmr_dtype accumulate, int64_t n, const float *restrict part, float *restrict acc);
    void (*to_float)(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to);
    void (*from_float)(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to);

    const plmr_vector_functions *on_vectors;
    const plmr_line_functions *lines;
    const plmr_attention_functions *attention;
    const plmr_few_functions *few_rows;
    const plmr_packed_functions *packed;
    const plmr_few_packed_functions *few_packed;
    const struct plmr_isa *few; /* the same with a tile of fewer rows, for few rows of C; NULL: this is it */
} plmr_isa;

extern const plmr_isa plmr_isa_portable;
#if defined(__x86_64__)
extern const plmr_isa plmr_isa_avx2, plmr_isa_avx512;
#endif

/* The instruction set of this name, or NULL if this machine or this build lacks it. */
const plmr_isa *plmr_isa_find(const char *name);

/* What this process uses: the best that the machine has, or what PLMR_KERNEL in the environment names if the machine
 * has it. */
const plmr_isa *plmr_isa_chosen(void);
