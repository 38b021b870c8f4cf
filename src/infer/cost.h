/* cost.h - what the steps of a layer cost in virtual time: the time plane of prefill.c and decode.c.
 *
 * A pass is made without values: every step adds what it costs to the clocks of the grid's region, by the same verbs
 * that carry out the programs of src/gemm and src/gemv, and keeps account of how much later the last core is after it,
 * by kind of work. docs/MODEL.md has the formulas.
 */
#ifndef PLMR_INFER_COST_H
#define PLMR_INFER_COST_H

#include "infer/grid.h"
#include "infer/plan.h"

enum plmr_work {
    PLMR_WORK_PROJECTION, /* products with weights */
    PLMR_WORK_ATTENTION,  /* scores and weighted values */
    PLMR_WORK_ELEMENTS,   /* norms, softmax, rope, the FFN's product */
    PLMR_WORK_ALLREDUCE,
    PLMR_WORK_SHIFT,    /* of the key-value cache */
    PLMR_WORK_RELAYOUT, /* between prefill and decode */
    PLMR_WORK_STAGES,   /* activations on their way to the next region */
    PLMR_N_WORKS
};

/* "projection", "attention", ... */
const char *plmr_work_name(enum plmr_work work);

typedef struct plmr_cost_pass {
    const plmr_grid *grid;
    const plmr_device *device;
    const plmr_llm_plan *plan;
    enum plmr_dtype dtype, cache_dtype; /* of weights and activations; of keys and values */
    int n_batch;                        /* tokens of as many requests at once; 1 in prefill */
    int64_t n_tokens;                   /* prefill: of the prompt; decode: in the cache, the new one included */
    int64_t row_tokens;                 /* decode: tokens on the row of cores that has most */
    bool shifts;                        /* decode: the cache is kept balanced */
    bool unfused;                       /* decode: products of the same vector have an allreduce each */
    bool as_published;                  /* one head of full size, nothing but products and allreduces */
    double t_cycles;                    /* the latest clock after the last step */
    double work[PLMR_N_WORKS];
    double in_layers[PLMR_N_WORKS];     /* of that, in the layers: without output and stages */
    double multiply_adds, wavelet_hops; /* of the region when the pass began, */
    double compute_cycles;              /* and of its busiest core */
} plmr_cost_pass;

/* Charges what happened since the last step to a kind of work. Collective. */
plmr_status plmr_cost_note(plmr_cost_pass *pass, enum plmr_work work);

/* Decode: products of one vector along `axis`, k elements of it in each core, with n[i] columns of a matrix each; fused
 * they are one product with one allreduce, unfused each has its own. */
plmr_status plmr_cost_gemv(plmr_cost_pass *pass, enum plmr_axis axis, enum plmr_work work, int k, const int *n,
                           int n_products);

/* Decode: an allreduce of n elements for each request along the axis; `heads`: inside each head's cores, along x. */
plmr_status plmr_cost_allreduce(plmr_cost_pass *pass, enum plmr_axis axis, bool heads, int64_t n);

/* Decode: scores, softmax and weighted values, and before them the shift of the cache. */
plmr_status plmr_cost_decode_attention(plmr_cost_pass *pass);
plmr_status plmr_cost_cache_shift(plmr_cost_pass *pass);

/* Decode: the scalar work of a layer beside its collectives. */
plmr_status plmr_cost_decode_scalars(plmr_cost_pass *pass);

/* Prefill: a MeshGEMM of all tokens, k and n being whole dimensions. */
plmr_status plmr_cost_gemm(plmr_cost_pass *pass, int64_t k, int64_t n);

/* Prefill: norm of every token's row; attention; the FFN's product; turning of queries and keys. */
plmr_status plmr_cost_prefill_norm(plmr_cost_pass *pass);
plmr_status plmr_cost_prefill_attention(plmr_cost_pass *pass);
plmr_status plmr_cost_prefill_silu(plmr_cost_pass *pass);
plmr_status plmr_cost_prefill_rope(plmr_cost_pass *pass);

/* A whole layer: the programs of decode.c and prefill.c in the time plane; and the model's end, for decode. */
plmr_status plmr_decode_layer_cost(plmr_cost_pass *pass);
plmr_status plmr_prefill_layer_cost(plmr_cost_pass *pass);
plmr_status plmr_output_cost(plmr_cost_pass *pass);

/* Every core's n_bytes go half the way round both rings: anything can get anywhere so. */
plmr_status plmr_cost_relayout(plmr_cost_pass *pass, int64_t n_bytes);

#endif
