/* cost.h - what the steps of a layer are made of in virtual time.
 *
 * A pass is made without values: every step adds what it costs to the clocks of the grid's region, by the same verbs
 * that carry out the programs of src/gemm and src/gemv, and keeps account of how much later the last core is after it,
 * by kind of work. docs/MODEL.md has the formulas.
 */
#pragma once

#include "data/tensor.h"
#include "device/wafers.h"
#include "device/widen.h"
#include "infer/expert_place.h"
#include "infer/grid.h"
#include "infer/load.h"
#include "infer/plan.h"

enum plmr_work {
    PLMR_WORK_PROJECTION, /* products with weights */
    PLMR_WORK_ATTENTION,  /* scores and weighted values */
    PLMR_WORK_ELEMENTS,   /* norms, softmax, rope, the FFN's product */
    PLMR_WORK_ALLREDUCE,
    PLMR_WORK_SHIFT,    /* of the key-value cache */
    PLMR_WORK_RELAYOUT, /* between prefill and decode */
    PLMR_WORK_ROUTE,    /* of tokens to experts and back */
    PLMR_WORK_STAGES,   /* activations on their way to the next region */
    PLMR_WORK_OUTSIDE,  /* waiting for what comes from outside */
    PLMR_N_WORKS
};

static inline double plmr_works_sum(const double cycles[PLMR_N_WORKS])
{
    double sum = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        sum += cycles[i];
    return sum;
}

/* "projection", "attention", ... */
const char *plmr_work_name(enum plmr_work work);

/* Where a phase has its experts. */
typedef struct plmr_expert_layout {
    plmr_expert_setup setup;
    int n_parts;
    plmr_expert_blocks blocks;
    plmr_grid *grid; /* of one block, as all are; NULL: parts are no blocks */
    plmr_way way;    /* from the first to the last of regions that are parts */
} plmr_expert_layout;

/* What experts ask for at most in a layer: words of a link on tokens' ways there or back; a core's work with them, of the
 * mean core's. 0: there is no such thing. */
typedef struct plmr_hottest {
    double link, core;
} plmr_hottest;

typedef struct plmr_cost_pass {
    const plmr_grid *grid;
    const plmr_device *device;
    const plmr_model_shape *shape;
    const plmr_llm_plan *plan;
    enum plmr_llm_phase phase;
    enum plmr_dtype dtype, cache_dtype; /* of what is multiplied with; of keys and values */
    enum plmr_packed cache_packed;      /* or what these are packed in */
    int n_batch;                        /* tokens of as many requests at once; 1 in prefill */
    int64_t n_tokens;                   /* prefill: of the prompt; decode: in the cache, the new one included */
    int64_t n_before;                   /* prefill: tokens of the prompt that the cache has already */
    bool as_decode;                     /* prefill: weights lie as decode has them */
    int layer;                          /* of the model */
    int64_t row_tokens, window_tokens;  /* decode: tokens on the row of cores that has most; of those in the window */
    bool shifts;                        /* decode: the cache is kept balanced */
    bool unfused;                       /* decode: products of the same vector have an allreduce each */
    bool as_published;                  /* one head of full size, nothing but products and allreduces */
    const plmr_expert_load *load;       /* of experts, */
    const plmr_expert_layout *experts;  /* and where they are */
    plmr_hottest *hottest;              /* of experts, so far */
    int n_busy;                         /* decode: regions that are at work at the same time */
    int n_beside;                       /* wafers that share experts, with such a pass each at the same time */
    const plmr_wafer_link *link;        /* between them */
    int n_slices;    /* prefill: weights come in so many, k of each after the other; 0: they are there */
    double t_cycles; /* the latest clock after the last step */
    double work[PLMR_N_WORKS];
    double outside_bytes, outside_cycles;            /* that came from outside, and what that took */
    double link_bytes, link_cycles;                  /* that went from wafer to wafer; on to the next, the same */
    double in_layers[PLMR_N_WORKS];                  /* of that, in the layers: without output and stages */
    double multiply_adds, wavelet_hops, border_hops; /* of the region when the pass began, */
    double compute_cycles;                           /* and of its busiest core */
} plmr_cost_pass;

/* Charges what happened since the last step to a kind of work. Collective. */
void plmr_cost_note(plmr_cost_pass *pass, enum plmr_work work);

/* A link has so many words of tokens on their way to experts or back; a core has so many times the mean of their work. */
void plmr_cost_note_link(plmr_cost_pass *pass, double words);
void plmr_cost_note_core(plmr_cost_pass *pass, double share);

/* Work on elements that takes every core so long; a stand-alone vector operation on n elements; n elements as fabric
 * words; prefill: tokens of a chunk. */
void plmr_cost_busy(plmr_cost_pass *pass, double t_cycles);
double plmr_cost_vector_cycles(const plmr_cost_pass *pass, int64_t n);

/* n elements to cap * tanh(x / cap): an exponential and a division each, and three vector operations. */
double plmr_cost_cap_cycles(const plmr_cost_pass *pass, int64_t n);
int64_t plmr_cost_wavelets(const plmr_cost_pass *pass, int64_t n_elements);
int64_t plmr_cost_chunk_tokens(const plmr_cost_pass *pass);

/* Prefill: tokens of a chunk of those that are looked at: those before, and the prompt's own. */
int64_t plmr_cost_chunk_seen(const plmr_cost_pass *pass);

/* Decode: tokens that the fullest row of cores has to look at in the layer at hand. */
int64_t plmr_cost_row_tokens(const plmr_cost_pass *pass);

/* What follows is done as the pass's plan has it. An allreduce of n elements for each request along the axis; `heads`:
 * inside each head's cores, along x. */
plmr_status plmr_cost_allreduce(plmr_cost_pass *pass, enum plmr_axis axis, bool heads, int64_t n);

/* What a core holds of k x n_columns elements (in, out) of a weight, as it holds them. */
int64_t plmr_cost_weight_bytes(const plmr_model_shape *shape, const plmr_grid *grid, enum plmr_weight which, int64_t k,
                               int64_t n_columns);

/* What a core holds of a token's keys and values, n_elements of them; packed i8 ones have a scale for each head's key
 * and another for its value. */
int64_t plmr_cost_cache_bytes(const plmr_heads *heads, enum plmr_dtype dtype, enum plmr_packed packed,
                              int64_t n_elements);

/* Decode: n tiles (k, n_columns) of weights or of the cache that each core multiplies with a vector of each request; in
 * all n_bytes, and cycles that their widening takes. */
typedef struct plmr_cost_held {
    int64_t n_bytes;
    double widen_cycles;
} plmr_cost_held;

plmr_status plmr_cost_tiles(plmr_cost_pass *pass, plmr_cost_held held, int64_t n, int64_t k, int64_t n_columns,
                            enum plmr_work work);

/* Decode: a vector of which each core along `axis` has k elements, times n_columns of a weight (or of several alike),
 * and the allreduce. */
plmr_status plmr_cost_gemv(plmr_cost_pass *pass, enum plmr_weight which, enum plmr_axis axis, int64_t k,
                           int64_t n_columns);

/* The same without the allreduce. */
plmr_status plmr_cost_weight_tiles(plmr_cost_pass *pass, enum plmr_weight which, int64_t k, int64_t n_columns);

/* Prefill: a MeshGEMM of all tokens with a weight; with anything else, k and n being whole dimensions. */
plmr_status plmr_cost_weight_gemm(plmr_cost_pass *pass, enum plmr_weight which);
plmr_status plmr_cost_gemm(plmr_cost_pass *pass, int64_t k, int64_t n, bool transpose_b, enum plmr_work work);

/* The same, its result and its weight the other way round: the weight is the left operand, tokens are columns. */
plmr_status plmr_cost_weight_gemm_turned(plmr_cost_pass *pass, enum plmr_weight which);

/* Prefill: a product of tiles that the plan carries out its own way, or that it leaves to `otherwise`: in each step a
 * core multiplies n_a tiles (ms, kt) of A, each with one of n_b tiles (kt, ns) of B. */
typedef struct plmr_cost_product {
    int64_t n_a, n_b, ms, kt, ns;
    plmr_packed_tile packed; /* B's tiles, all 0: they are not */
} plmr_cost_product;

plmr_status plmr_cost_planned(plmr_cost_pass *pass, const plmr_cost_product *product, enum plmr_work work,
                              plmr_status (*otherwise)(plmr_cost_pass *pass, const void *context), const void *context);

/* Routes of all that passes do on a grid: reductions along both axes and inside heads, and the cache's shift to the row
 * above. Prefill reduces along x alone. */
plmr_status plmr_cost_route(const plmr_grid *grid, const plmr_llm_plan *plan, enum plmr_llm_phase phase,
                            bool as_published);

/* The model's end, in decode's region. */
plmr_status plmr_output_cost(plmr_cost_pass *pass);

/* Every core's n_bytes go half the way round both rings: anything can get anywhere so; or round that along y alone. */
void plmr_cost_relayout(plmr_cost_pass *pass, int64_t n_bytes);
void plmr_cost_settle(plmr_cost_pass *pass, int64_t n_bytes);
