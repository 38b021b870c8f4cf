/* weights.h - the weights that models have, in one table: names, sizes, what is made up for them, which files must
 * have.
 *
 * Every weight is a matrix (rows, cols) = (out, in), stored row-major; norms, biases and factors have one row.
 */
#pragma once

/* What weights and activations have along a side. PLMR_QUERIES is n_heads * head_dim, PLMR_KEYS n_kv_heads * head_dim,
 * PLMR_PAIRS rope_dim / 2. */
enum plmr_dimension {
    PLMR_ONE,
    PLMR_MODEL_DIM,
    PLMR_QUERIES,
    PLMR_KEYS,
    PLMR_FFN,
    PLMR_VOCAB,
    PLMR_HEAD,
    PLMR_PAIRS,
    PLMR_HEADS,
    PLMR_EXPERTS,
    PLMR_EXPERT_FFN, /* of each expert */
    PLMR_SHARED_FFN, /* of the expert that all tokens have */
    PLMR_N_DIMENSIONS
};

/* EXPERT_MATRIX: one for each expert, in files one below the other; EVERYWHERE: a small matrix, whose product with a token
 * is wanted whole by every core of a line. */
enum plmr_weight_kind { PLMR_MATRIX, PLMR_EXPERT_MATRIX, PLMR_EVERYWHERE, PLMR_NORM, PLMR_BIAS, PLMR_FACTORS };

/* W(name, its name in a GGUF file less the "blk.N." of a layer's, kind, rows, cols). From ATTN_NORM on, one a layer,
 * but for factors.
 * Made-up values are drawn by the place in this list: new ones go to its end. */
#define PLMR_WEIGHTS(W)                                                                                                \
    W(EMBEDDING, "token_embd.weight", MATRIX, VOCAB, MODEL_DIM)                                                        \
    W(OUTPUT_NORM, "output_norm.weight", NORM, ONE, MODEL_DIM)                                                         \
    W(OUTPUT, "output.weight", MATRIX, VOCAB, MODEL_DIM) /* the embedding where they are tied */                       \
    W(ROPE_FACTORS, "rope_freqs.weight", FACTORS, ONE, PAIRS)                                                          \
    W(ATTN_NORM, "attn_norm.weight", NORM, ONE, MODEL_DIM)                                                             \
    W(Q, "attn_q.weight", MATRIX, QUERIES, MODEL_DIM)                                                                  \
    W(K, "attn_k.weight", MATRIX, KEYS, MODEL_DIM)                                                                     \
    W(V, "attn_v.weight", MATRIX, KEYS, MODEL_DIM)                                                                     \
    W(Q_BIAS, "attn_q.bias", BIAS, ONE, QUERIES)                                                                       \
    W(K_BIAS, "attn_k.bias", BIAS, ONE, KEYS)                                                                          \
    W(V_BIAS, "attn_v.bias", BIAS, ONE, KEYS)                                                                          \
    W(ATTN_OUTPUT, "attn_output.weight", MATRIX, MODEL_DIM, QUERIES)                                                   \
    W(FFN_NORM, "ffn_norm.weight", NORM, ONE, MODEL_DIM)                                                               \
    W(GATE, "ffn_gate.weight", MATRIX, FFN, MODEL_DIM)                                                                 \
    W(UP, "ffn_up.weight", MATRIX, FFN, MODEL_DIM)                                                                     \
    W(DOWN, "ffn_down.weight", MATRIX, MODEL_DIM, FFN)                                                                 \
    W(Q_NORM, "attn_q_norm.weight", NORM, ONE, HEAD)                                                                   \
    W(K_NORM, "attn_k_norm.weight", NORM, ONE, HEAD)                                                                   \
    W(Q_NORM_WHOLE, "attn_q_norm.weight", NORM, ONE, QUERIES)                                                          \
    W(K_NORM_WHOLE, "attn_k_norm.weight", NORM, ONE, KEYS)                                                             \
    W(POST_ATTN_NORM, "post_attention_norm.weight", NORM, ONE, MODEL_DIM)                                              \
    W(POST_FFN_NORM, "post_ffw_norm.weight", NORM, ONE, MODEL_DIM)                                                     \
    W(ROPE_LONG, "rope_factors_long.weight", FACTORS, ONE, PAIRS)                                                      \
    W(ROPE_SHORT, "rope_factors_short.weight", FACTORS, ONE, PAIRS)                                                    \
    W(ROUTER, "ffn_gate_inp.weight", EVERYWHERE, EXPERTS, MODEL_DIM)                                                   \
    W(GATE_EXPERTS, "ffn_gate_exps.weight", EXPERT_MATRIX, EXPERT_FFN, MODEL_DIM)                                      \
    W(UP_EXPERTS, "ffn_up_exps.weight", EXPERT_MATRIX, EXPERT_FFN, MODEL_DIM)                                          \
    W(DOWN_EXPERTS, "ffn_down_exps.weight", EXPERT_MATRIX, MODEL_DIM, EXPERT_FFN)                                      \
    W(SHARE_WEIGHT, "ffn_gate_inp_shexp.weight", EVERYWHERE, ONE, MODEL_DIM)                                           \
    W(GATE_SHARED, "ffn_gate_shexp.weight", MATRIX, SHARED_FFN, MODEL_DIM)                                             \
    W(UP_SHARED, "ffn_up_shexp.weight", MATRIX, SHARED_FFN, MODEL_DIM)                                                 \
    W(DOWN_SHARED, "ffn_down_shexp.weight", MATRIX, MODEL_DIM, SHARED_FFN)                                             \
    W(SINKS, "attn_sinks.weight", BIAS, ONE, HEADS)                                                                    \
    W(ATTN_OUTPUT_BIAS, "attn_output.bias", BIAS, ONE, MODEL_DIM)                                                      \
    W(ROUTER_BIAS, "ffn_gate_inp.bias", BIAS, ONE, EXPERTS)                                                            \
    W(GATE_EXPERTS_BIAS, "ffn_gate_exps.bias", BIAS, EXPERTS, EXPERT_FFN)                                              \
    W(UP_EXPERTS_BIAS, "ffn_up_exps.bias", BIAS, EXPERTS, EXPERT_FFN)                                                  \
    W(DOWN_EXPERTS_BIAS, "ffn_down_exps.bias", BIAS, EXPERTS, MODEL_DIM)

#define PLMR_ENUM(name, ...) PLMR_##name,
enum plmr_weight { PLMR_WEIGHTS(PLMR_ENUM) PLMR_N_WEIGHTS };

enum {
    PLMR_NO_WEIGHT = PLMR_EMBEDDING,     /* in steps, none of which multiplies with it */
    PLMR_FIRST_LAYERED = PLMR_ATTN_NORM, /* weights from here on are there once a layer, but for factors */
};

typedef struct plmr_weight_info {
    const char *name;
    enum plmr_weight_kind kind;
    enum plmr_dimension rows, cols;
} plmr_weight_info;

extern const plmr_weight_info plmr_weight_infos[PLMR_N_WEIGHTS];
