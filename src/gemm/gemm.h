/* gemm.h - distributed GEMM algorithms: C (m, n) = A (m, k) B (k, n) on H x W cores.
 *
 * An algorithm is one const struct in one file: how its matrices are dealt, and a `run` that reads like the paper. The
 * region, rings, operands and result are made for it from those traits; see CONTRIBUTING.md, "Add a GEMM algorithm".
 *
 * The k dimension is cut into L = lcm(H, W) slots (H where H = W), m and n into L chunks: the logical L x L grid of the
 * published scheme, of which a core emulates (L/H) x (L/W). All are dealt to rings: chunk i to slot i.
 */
#pragma once

#include "base/registry.h"
#include "verbs/verbs.h"

typedef struct plmr_gemm_problem {
    int64_t m, k, n;
    int rows, cols; /* cores: H x W */
    enum plmr_dtype dtype, accumulate;
    bool transpose_b; /* C = A B^T with B (n, k) */
} plmr_gemm_problem;

/* How it is cut. */
typedef struct plmr_gemm_layout {
    int n_slots;    /* L: chunks of m and n */
    int n_k;        /* chunks of k: L, with a transposed B one for each column of cores */
    int ms, kt, ns; /* elements of a chunk of m, k, n */
} plmr_gemm_layout;
plmr_gemm_layout plmr_gemm_layout_of(const plmr_gemm_problem *problem);

/* What a run works on. */
typedef struct plmr_gemm {
    plmr_gemm_problem problem;
    plmr_gemm_layout layout;
    plmr_packed_tile packed[2]; /* of time alone: tiles of A and of B; see plmr_tensor */
    plmr_region *region;
    plmr_ring *x, *y;
    plmr_ring *k;   /* for a transposed B: along x, one chunk of k to a core; else NULL */
    plmr_tensor *a; /* depth k along x, width m along y */
    plmr_tensor *b; /* depth k along y, width n along x; transposed: depth n along y, width k along x */
    plmr_product *c;
    plmr_fan_arrivals *arrivals; /* Fox's, of its multicasts; else NULL */
} plmr_gemm;

typedef struct plmr_gemm_algorithm {
    const char *name, *summary;
    enum plmr_ring_kind ring;
    enum plmr_delivery delivery[2]; /* of A and of B */
    bool b_skewed;                  /* the loader places B as if aligned */
    bool gathers_all;               /* cores hold all tiles of their row and column */
    int n_buffers;                  /* tiles of each operand that a core holds beside its own, unless gathers_all */
    plmr_status (*run)(plmr_gemm *gemm);
    plmr_status (*run_transposed)(plmr_gemm *gemm); /* NULL: the algorithm has no such form */
} plmr_gemm_algorithm;

PLMR_REGISTRY(gemm, plmr_gemm_algorithm)

/* Checks what the user asked for, before anything is made: sizes, grid, form. Local. */
plmr_status plmr_gemm_check_form(const plmr_gemm_algorithm *algorithm, bool transpose_b);
plmr_status plmr_gemm_check(const plmr_gemm_algorithm *algorithm, const plmr_gemm_problem *problem);

/* Makes rings, operands (filled from the sources; they may be NULL in timing mode) and result on the region.
 * Collective. */
plmr_status plmr_gemm_open(const plmr_gemm_algorithm *algorithm, const plmr_gemm_problem *problem, plmr_region *region,
                           const plmr_source *a, const plmr_source *b, plmr_gemm **gemm);
void plmr_gemm_close(plmr_gemm *gemm);

/* The time plane alone of one product, by MeshGEMM, on interleaved rings along x and y that several products share:
 * clocks, ledgers, and the SRAM that it needs while it runs. Tiles of A and of B are packed as said. A square region.
 * Collective. */
plmr_status plmr_gemm_time(const plmr_gemm_problem *problem, const plmr_packed_tile packed[2], plmr_ring *x,
                           plmr_ring *y);

/* Runs the algorithm, and what it has deferred. Collective. */
plmr_status plmr_gemm_run(const plmr_gemm_algorithm *algorithm, plmr_gemm *gemm);

/* The owners of slot `step` multicast their tiles of A along rows and of B along columns; every core has both. */
plmr_status plmr_gemm_multicast_begin(plmr_gemm *gemm, int step, int n_routes);
void plmr_gemm_multicast_end(plmr_gemm *gemm);

/* The program of Cannon and MeshGEMM alike: align A, then multiply while both operands shift. */
plmr_status plmr_gemm_compute_shift(plmr_gemm *gemm);
