/* engine.h - a language model on the emulated wafer: its weights and key-value cache in the memory of all ranks, and
 * the two phases of inference as mesh programs, in both planes.
 *
 * A rank holds what the cores of its block hold, of every region. The layers' programs are in pass.c; what they cost in
 * virtual time is found by running the same programs without values (see timing.h).
 */
#pragma once

#include "base/spare.h"
#include "infer/blocks.h"
#include "infer/cache.h"
#include "infer/dump.h"
#include "infer/grid.h"
#include "infer/matrix.h"
#include "infer/rope.h"
#include "infer/setup.h"
#include "infer/shelf.h"
#include "infer/stream.h"

/* The longest head that the kernels of attention take. */
enum { PLMR_MOST_HEAD_DIM = PLMR_SCORES_DIMENSIONS };

/* The weights of a layer; matrices by enum plmr_weight, plmr_weight_count of them, or NULL. Norms and biases are small:
 * every rank has all of them. */
typedef struct plmr_layer {
    plmr_matrix *matrix[PLMR_N_WEIGHTS];
    float *vector[PLMR_N_WEIGHTS];
} plmr_layer;

typedef struct plmr_engine {
    const plmr_model *model;
    const plmr_model_shape *shape;
    plmr_ranks *ranks;
    plmr_llm_setup setup;
    plmr_grid *prefill, *decode;
    plmr_blocks blocks[PLMR_N_PHASES]; /* of experts */
    plmr_grid *experts;                /* decode's, for these; NULL: they are dealt as `decode` has it */
    int n_layers;
    plmr_layer *layers;
    plmr_matrix output;
    plmr_pool *strips; /* of all matrices */
    float *output_norm;
    int *owner;            /* by key-value head: the place along x of the ranks that work on it */
    plmr_rope ropes[2];    /* the second of long factors */
    const plmr_rope *rope; /* of them, the pass's */
    plmr_cache cache;
    plmr_shelf *shelf;        /* of prefill; NULL: there is none */
    plmr_spare rows, columns; /* of a prompt's products */
    plmr_dump dump;
    plmr_stream stream;  /* what the last pass has left */
    bool for_decode;     /* the layers' matrices lie as decode has them */
    int64_t n_cached;    /* tokens in the cache, of each request */
    int64_t n_prefilled; /* of these, dealt evenly to all rows by the prefill */
    int64_t n_given;     /* tokens of a prompt that decode reads one after the other; 0: prefill has read it */
    double turned_s;     /* wall time that decode took to turn matrices */
} plmr_engine;

/* Loads the model. Collective. */
plmr_status plmr_engine_create(const plmr_model *model, plmr_ranks *ranks, const plmr_device *device,
                               const plmr_llm_setup *setup, plmr_engine **engine);
void plmr_engine_destroy(plmr_engine *engine);

/* A cache of one request, for an engine with a batch of one that goes from text to text: one that is empty; its own instead
 * of that one, which it had. Local. */
typedef struct plmr_held_cache {
    plmr_cache cache;
    int64_t n_cached, n_prefilled;
} plmr_held_cache;

plmr_status plmr_engine_new_cache(const plmr_engine *engine, plmr_held_cache *held);
void plmr_engine_swap_cache(plmr_engine *engine, plmr_held_cache *held);

/* Bytes of weights that this rank holds. */
int64_t plmr_engine_weight_bytes(const plmr_engine *engine);

/* Runs the prompt of one request: fills its cache. Prompts of several requests have the same length. Tokens must be valid,
 * and fit the cache. Collective. */
plmr_status plmr_engine_prefill(plmr_engine *engine, int request, const int32_t *tokens, int64_t n_tokens);

/* Lays the weights out as decode has them; made-up ones that other ranks held are made up again. Collective. */
plmr_status plmr_engine_relayout(plmr_engine *engine);

/* For few tokens: see plmr_matrix_read_in_place; of experts none. After plmr_engine_relayout, before the first token. Local. */
void plmr_engine_read_in_place(plmr_engine *engine);

/* Turns matrices into what decode reads, as its first token would; those of experts are turned when they are used. After
 * plmr_engine_relayout. Local. */
void plmr_engine_keep(plmr_engine *engine);

/* One token for each request. Collective. */
plmr_status plmr_engine_decode(plmr_engine *engine, const int32_t *tokens);

/* Lets go of what a layer's matrices were made of in decode, where they keep it as they use it. Local. */
void plmr_engine_forget(const plmr_engine *engine, int layer);

/* Makes up a cache of n_tokens for each request: for measuring decode alone. Local. */
void plmr_engine_fill_cache(plmr_engine *engine, int64_t n_tokens);

/* The residual stream that the last pass has left, a row for each token of its prompt, or for each request. Of rows
 * [first, first + n), on rank 0 (NULL elsewhere): the stream itself, n x dim; the logits, n x vocab. Collective. */
void plmr_engine_hidden(const plmr_engine *engine, int64_t first, int64_t n, float *hidden);
void plmr_engine_logits(plmr_engine *engine, int64_t first, int64_t n, float *logits);

/* The same of one row for a pick that depends on its n largest logits alone (0: on all): others may be minus infinity,
 * and are then not brought. */
void plmr_engine_likely(plmr_engine *engine, int64_t row, int n, float *logits);

/* Whether n rows of logits, the first of which foretells the token at `position`, are finite numbers (from `least` on: minus infinity
 * lets it pass): an error that says what is to be done about the model's file. Local. */
plmr_status plmr_engine_check(const plmr_engine *engine, int64_t position, int64_t n, float least, const float *logits);

/* For passes. The cache of all requests holds n_tokens, as prefill leaves them. Local. */
void plmr_engine_set_cached(plmr_engine *engine, int64_t n_tokens);

/* The pass that begins is of a text of so many tokens: see rope.h. Local. */
void plmr_engine_choose_rope(plmr_engine *engine, int64_t n_tokens);

/* A token's row of the embedding, elements as listed (-1: 0). */
plmr_status plmr_engine_embed(const plmr_engine *engine, int32_t token, float *row);

/* What a phase's experts run on: blocks, or all cores. */
const plmr_grid *plmr_engine_expert_grid(const plmr_engine *engine, enum plmr_llm_phase phase);

/* Layout of a layer's matrix in a phase. */
plmr_matrix_layout plmr_engine_layout(const plmr_engine *engine, enum plmr_weight which, bool for_decode);

/* Turns a head of the token at `position`, in one of the layers that do so: elements as plmr_heads_element has them. */
void plmr_engine_rope(const plmr_engine *engine, int layer, int64_t position, float *head);

/* The same of a query, of n elements with what pads it, which late positions may make larger. */
void plmr_engine_turn_query(const plmr_engine *engine, int layer, int64_t position, int64_t n, float *query);

/* The first of a text's n tokens that the last one sees, in a layer. */
static inline int64_t plmr_engine_first_seen(const plmr_engine *engine, int layer, int64_t n)
{
    return n - plmr_shape_seen(engine->shape, engine->setup.first_layer + layer, n);
}
