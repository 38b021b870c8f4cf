/* arch.h - what a layer of a model does: an architecture is a table of steps, one file in src/model/archs.
 *
 * A step takes an activation and gives others. What its kind computes, what that takes in virtual time, and what it
 * needs is in src/infer/steps, one file a kind. All planes walk the same table; and the weights that a model has are
 * those that its steps name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/registry.h"
#include "model/weights.h"

/* A(name, dimension): what is kept of each token between steps. */
#define PLMR_ACTIVATIONS(A)                                                                                            \
    A(STREAM, MODEL_DIM) /* the residual stream */                                                                     \
    A(NORMED, MODEL_DIM)                                                                                               \
    A(ADDED, MODEL_DIM) /* what is to be added to the stream */                                                        \
    A(QUERY, QUERIES)                                                                                                  \
    A(ATTENDED, QUERIES)                                                                                               \
    A(KEY, KEYS)                                                                                                       \
    A(VALUE, KEYS)                                                                                                     \
    A(GATED, FFN)                                                                                                      \
    A(HIDDEN, FFN)                                                                                                     \
    A(LOGITS, EXPERTS)                                                                                                 \
    A(ROUTED, EXPERTS) /* what each chosen expert's outcome is multiplied by; -1: it is not chosen */                  \
    A(SHARE, ONE)                                                                                                      \
    A(SHARED_GATED, SHARED_FFN)                                                                                        \
    A(SHARED_HIDDEN, SHARED_FFN)                                                                                       \
    A(EXPERT_GATED, EXPERT_FFN)                                                                                        \
    A(EXPERT_HIDDEN, EXPERT_FFN)

enum plmr_activation { PLMR_ACTIVATIONS(PLMR_ENUM) PLMR_N_ACTIVATIONS };

/* S(name, the kind's struct plmr_step_...):
 * norm: out = in / sqrt(mean(in^2) + rms_eps) * weight; with a weight of a head's size, of each head of each part;
 * products: each out = in weight + bias;
 * to_heads: queries, keys and values go from columns of cores to the ranks that work on their heads;
 * attention: rope, the key-value cache, softmax(scores) values, and back to columns of cores; a weight is of sinks: a
 *   score more for each head, to which no value belongs;
 * everywhere: as products, every core of a line having all of `out`;
 * choose: out = softmax of the n_used greatest elements of in (or of all), -1 for the others;
 * experts: out = the sum over the experts that ROUTED has of their weight times gate, up and down of in; the gate is
 *   silu, or clipped: min(in, 7) * sigmoid(1.702 min(in, 7)) * (1 + clip(out, -7, 7));
 * share: out = sigmoid(in) * out;
 * gate: out = silu(in) * out;
 * gate_gelu: out = gelu(in) * out, gelu in the form with tanh;
 * add: out += in; add_scaled: out += residual_scale * in;
 * scalars: in decode, what a layer's scalar work takes beside all others. */
#define PLMR_STEPS(S)                                                                                                  \
    S(NORM, norm)                                                                                                      \
    S(PRODUCTS, products)                                                                                              \
    S(TO_HEADS, to_heads)                                                                                              \
    S(ATTENTION, attention)                                                                                            \
    S(EVERYWHERE, everywhere)                                                                                          \
    S(CHOOSE, choose)                                                                                                  \
    S(EXPERTS, experts)                                                                                                \
    S(EXPERTS_CLIPPED, experts_clipped)                                                                                \
    S(SHARE, share)                                                                                                    \
    S(GATE, gate)                                                                                                      \
    S(GATE_GELU, gate_gelu)                                                                                            \
    S(ADD, add)                                                                                                        \
    S(ADD_SCALED, add_scaled)                                                                                          \
    S(SCALARS, scalars)

#define PLMR_STEP_ENUM(name, kind) PLMR_STEP_##name,
enum plmr_step_id { PLMR_STEP_END, PLMR_STEPS(PLMR_STEP_ENUM) PLMR_N_STEP_KINDS };

/* One of the things that a step gives. */
typedef struct plmr_step_part {
    enum plmr_activation out;
    const char *name;              /* in dumps; NULL: it is not dumped */
    enum plmr_weight weight, bias; /* or PLMR_NO_WEIGHT; a bias is used where the model has it */
} plmr_step_part;

enum { PLMR_MOST_PARTS = 3 };

typedef struct plmr_step {
    enum plmr_step_id id;
    enum plmr_activation in;
    int n_parts;
    plmr_step_part part[PLMR_MOST_PARTS];
} plmr_step;

/* A row of a table: the step's kind, what it takes, its parts. */
#define PLMR_STEP(kind, activation, ...)                                                                               \
    {                                                                                                                  \
        .id = PLMR_STEP_##kind, .in = PLMR_##activation,                                                               \
        .n_parts = sizeof((plmr_step_part[]){__VA_ARGS__}) / sizeof(plmr_step_part), .part = {                         \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

/* Rows that architectures share: queries, keys and values, and the norm before them; attention and what it adds; the sum
 * that the FFN starts from; the FFN and what it adds; the last sum. */
#define PLMR_STEP_QKV(activation)                                                                                      \
    PLMR_STEP(PRODUCTS, activation, {.out = PLMR_QUERY, .name = "q", .weight = PLMR_Q},                                \
              {.out = PLMR_KEY, .name = "k", .weight = PLMR_K}, {.out = PLMR_VALUE, .name = "v", .weight = PLMR_V})
#define PLMR_STEP_QKV_BIASED(activation)                                                                               \
    PLMR_STEP(PRODUCTS, activation, {.out = PLMR_QUERY, .name = "q", .weight = PLMR_Q, .bias = PLMR_Q_BIAS},           \
              {.out = PLMR_KEY, .name = "k", .weight = PLMR_K, .bias = PLMR_K_BIAS},                                   \
              {.out = PLMR_VALUE, .name = "v", .weight = PLMR_V, .bias = PLMR_V_BIAS})
#define PLMR_STEPS_HEADS(qkv)                                                                                          \
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "attn_norm", .weight = PLMR_ATTN_NORM}), qkv(NORMED),         \
    {                                                                                                                  \
        .id = PLMR_STEP_TO_HEADS                                                                                       \
    }
#define PLMR_STEPS_ADD_AND_NORM                                                                                        \
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),                                                                       \
        PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "ffn_norm", .weight = PLMR_FFN_NORM})
#define PLMR_STEPS_ADD_AND_END                                                                                         \
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}), {.id = PLMR_STEP_SCALARS},                                            \
    {                                                                                                                  \
        .id = PLMR_STEP_END                                                                                            \
    }
#define PLMR_STEPS_ATTENTION                                                                                           \
    PLMR_STEP(ATTENTION, QUERY, {.out = PLMR_ATTENDED, .name = "attn"}),                                               \
        PLMR_STEP(PRODUCTS, ATTENDED, {.out = PLMR_ADDED, .name = "attn_out", .weight = PLMR_ATTN_OUTPUT})
#define PLMR_STEPS_FFN(activation, gate)                                                                               \
    PLMR_STEP(PRODUCTS, activation, {.out = PLMR_GATED, .name = "ffn_gate", .weight = PLMR_GATE},                      \
              {.out = PLMR_HIDDEN, .name = "ffn_up", .weight = PLMR_UP}),                                              \
        PLMR_STEP(gate, GATED, {.out = PLMR_HIDDEN, .name = "ffn_hidden"}),                                            \
        PLMR_STEP(PRODUCTS, HIDDEN, {.out = PLMR_ADDED, .name = "ffn_out", .weight = PLMR_DOWN})

/* The experts that a token is routed to, in place of the FFN: norm, then these. */
#define PLMR_STEPS_ROUTE                                                                                               \
    PLMR_STEP(EVERYWHERE, NORMED,                                                                                      \
              {.out = PLMR_LOGITS, .name = "router", .weight = PLMR_ROUTER, .bias = PLMR_ROUTER_BIAS}),                \
        PLMR_STEP(CHOOSE, LOGITS, {.out = PLMR_ROUTED, .name = "routed"})
#define PLMR_STEPS_EXPERTS(experts)                                                                                    \
    PLMR_STEPS_ROUTE,                                                                                                  \
        PLMR_STEP(experts, NORMED,                                                                                     \
                  {.out = PLMR_EXPERT_GATED, .weight = PLMR_GATE_EXPERTS, .bias = PLMR_GATE_EXPERTS_BIAS},             \
                  {.out = PLMR_EXPERT_HIDDEN, .weight = PLMR_UP_EXPERTS, .bias = PLMR_UP_EXPERTS_BIAS},                \
                  {.out = PLMR_ADDED, .name = "ffn_out", .weight = PLMR_DOWN_EXPERTS, .bias = PLMR_DOWN_EXPERTS_BIAS})

/* Which elements of a head rope turns together: (2 i, 2 i + 1), or (i, i + rope_dim / 2). */
enum plmr_rope_pairs { PLMR_ROPE_NEIGHBOURS, PLMR_ROPE_HALVES };

/* A number of a shape that an architecture's files have: the key of a GGUF file less "ARCHITECTURE.", and that of a JSON
 * file (NULL: none); where it is in plmr_model_shape, an int or a float, or a double; its bounds, and what it is where
 * the key is missing, unless it `must` be there. */
enum plmr_key_type { PLMR_KEY_INT, PLMR_KEY_FLOAT, PLMR_KEY_DOUBLE };
typedef struct plmr_arch_key {
    const char *gguf, *json;
    size_t at;
    enum plmr_key_type type;
    double least, most, missing;
    bool must;
} plmr_arch_key;

/* A weight that a file has as rows of a tensor, below those of other weights: so many of the two dimensions. */
typedef struct plmr_arch_slice {
    enum plmr_weight weight;
    const char *tensor;
    enum plmr_dimension above[2]; /* PLMR_N_DIMENSIONS: none */
} plmr_arch_slice;

struct plmr_model_shape;

/* A row of a table of keys, in a file that knows shape.h; the number's type is PLMR_KEY_... */
#define PLMR_KEY(gguf, json, member, type, least, most, missing)                                                       \
    {                                                                                                                  \
        gguf, json, offsetof(plmr_model_shape, member), PLMR_KEY_##type, least, most, missing, false                   \
    }
#define PLMR_NEEDED_KEY(gguf, json, member, type, least, most)                                                         \
    {                                                                                                                  \
        gguf, json, offsetof(plmr_model_shape, member), PLMR_KEY_##type, least, most, 0, true                          \
    }
/* The members that say how long a table is, and where. */
#define PLMR_ARCH_KEYS(table) .n_keys = sizeof(table) / sizeof *(table), .keys = (table)
#define PLMR_ARCH_SLICES(table) .n_slices = sizeof(table) / sizeof *(table), .slices = (table)

typedef struct plmr_arch {
    const char *name; /* as files have it */
    enum plmr_rope_pairs rope_pairs;
    bool needs_biases;              /* of queries, keys and values; else a model may have them */
    bool takes_rope_factors;        /* if a file has them */
    bool takes_long_factors;        /* likewise, two sets of them: for short and for long texts */
    bool weighs_all_experts;        /* a chosen one's weight is its share of all experts', not of those chosen */
    bool has_biases;                /* of all that experts, the router and the attention's output have */
    const plmr_step *layer;         /* ends with PLMR_STEP_END; NULL: it has experts always */
    const plmr_step *experts_layer; /* where a file has experts; NULL: it has none */
    int n_keys, n_slices;
    const plmr_arch_key *keys;
    const plmr_arch_slice *slices;
    void (*derive)(struct plmr_model_shape *shape); /* what follows from the other numbers; NULL: nothing does */
} plmr_arch;

PLMR_REGISTRY(arch, plmr_arch)

/* The layers of llama, without and with experts: other architectures are like it. */
extern const plmr_step plmr_llama_layer[], plmr_llama_experts_layer[];

extern const plmr_arch plmr_arch_llama, plmr_arch_qwen2;
