/* shape.h - language models: their shape, and where their weights come from.
 *
 * A model is a GGUF file, or a shape without weights: a JSON file. Either is one of the user's or comes with plmr
 * (share/models/NAME.gguf or .json). The weights of a shape without any are made up, the same on any ranks, and such
 * that activations stay finite. All functions are local and touch no MPI; every rank opens the model for itself.
 *
 * Computed is in a llama, for a token at position p: x = embedding[token]; for each layer x += W_o attention(rope(W_q n, p),
 * rope(W_k n, p), W_v n) with n = norm(x) * attn_norm, and x += W_down (silu(W_gate n) * (W_up n)) with n = norm(x) *
 * ffn_norm; logits = output (norm(x) * output_norm). norm(x) = x / sqrt(mean(x^2) + rms_eps).
 */
#pragma once

#include "base/packed.h"
#include "model/arch.h"
#include "model/gguf.h"

/* Angles p * f are scaled, as llama.cpp and YaRN (arXiv 2309.00071) have it. */
typedef struct plmr_rope_scaling {
    bool is_yarn;  /* pairs that turn more often than `fast` in n_context tokens are not scaled, those that turn less
                       often than `slow` are; else all are */
    double factor; /* what angles are divided by */
    int n_context; /* that the model was first made for; 0: shape.n_context */
    float fast, slow;
    float magnitude; /* what turned heads are multiplied by, beside YaRN's 1 + 0.1 ln(factor), */
    float log_scale; /* which is divided by 1 + 0.1 log_scale ln(factor) */
} plmr_rope_scaling;

enum { PLMR_MOST_ENDS = 64 };

typedef struct plmr_model_shape {
    char name[256];  /* as the user named it: a shipped model's name or a file's path; a long path is cut */
    char title[160]; /* one line, what the file says it is; may be empty */
    const plmr_arch *arch;
    int n_layers;
    int dim;                 /* of the residual stream */
    int n_heads, n_kv_heads; /* n_kv_heads divides n_heads; head h uses key-value head h / (n_heads / n_kv_heads) */
    int head_dim;            /* even */
    int n_ffn, n_vocab;
    int n_experts, n_used;            /* of a layer; that a token is routed to; 0: there are none, the FFN has n_ffn */
    int n_expert_ffn, n_shared_ffn;   /* 0: there is no shared one */
    int n_context;                    /* most tokens */
    int n_ends, ends[PLMR_MOST_ENDS]; /* tokens that end a text, beside those that the tokenizer knows */
    float rms_eps;
    double rope_base; /* pair i at position p is turned by p * rope_base^(-2 i / rope_dim) / rope_factors[i], */
    plmr_rope_scaling scaling;       /* if not scaled */
    int rope_dim;                    /* of a head: its first elements, an even number */
    enum plmr_rope_pairs rope_pairs; /* the architecture's */
    bool has_rope_factors;           /* else they are all 1 */
    bool has_long_factors;           /* factors for texts up to scaling.n_context tokens, and for longer ones */
    int window;        /* in layers with a window a token sees itself and the window - 1 before it; 0: all see all */
    int global_period; /* each so-manieth layer has no window; 0: all have it */
    double window_rope_base;    /* of these, which are not scaled; 0: as the others */
    int unturned_period;        /* each so-manieth layer does not turn its heads; 0: all do */
    float embedding_scale;      /* factors: of embeddings, */
    float residual_scale;       /* of what is added to the stream, by steps that say so, */
    float attention_scale;      /* of scores; */
    float temperature_scale;    /* with it queries grow, as mistral3's do; 0: they do not */
    float logit_scale;          /* and what logits are divided by */
    float score_cap, logit_cap; /* x becomes cap * tanh(x / cap); 0: there is none */
    bool has_qkv_biases;
    bool has_tied_embeddings; /* the output projection is the embedding */
    enum plmr_dtype dtype;    /* of the layers' matrices: what cores store them in, unless the user wants another */
    enum plmr_packed packed;  /* matrices of layers and output, that cores widen to dtype before they multiply */
    int64_t n_parameters;     /* weights, norms and biases, tied ones once */
    int64_t n_bytes;          /* the same, each in the type of plmr_model_weight_dtype, or packed */
} plmr_model_shape;

typedef struct plmr_model plmr_model;

/* Opens a model. A folder is one as Hugging Face has it (model/hf.h). An argument that contains a '/', ends in ".gguf" or
 * ".json", or names an existing file is the path of a file, JSON if it ends so (a shape, or a config.json), else GGUF; any
 * other is the name of a shipped model. Architectures: see arch.h; a file that asks for what plmr does not compute, lacks a
 * tensor, or has one of a wrong shape or of unknown use is refused. */
plmr_status plmr_model_open(const char *file_or_name, plmr_model **model);

/* The same for the text of a JSON file, ended by a 0 byte, and for a GGUF file's bytes, which must outlive *model;
 * `path` is what errors call them. */
plmr_status plmr_model_parse_json(const char *text, const char *path, plmr_model **model);
plmr_status plmr_model_parse_gguf(const void *bytes, size_t n_bytes, const char *path, plmr_model **model);

/* The files that it has been opened from, more than one of a model that is split; the array is for the caller to free. */
const char **plmr_model_files(const plmr_model *model, int *n);

/* NULL is allowed. */
void plmr_model_close(plmr_model *model);

/* The one shipped model that has weights. */
#define PLMR_MODEL_DEMO "demo"

/* The names of the shipped models, sorted; *names is one allocation (array and strings) for the caller to free. */
plmr_status plmr_model_names(char ***names, int *n_names);

const plmr_model_shape *plmr_model_shape_of(const plmr_model *model);

/* What cores store matrices in: as the file has them (what is quantised in f16), or in one type, whatever the file's.
 * Packed ones are widened to f16; routers are not packed, and norms, biases and embeddings stay as they are. */
enum plmr_weights {
    PLMR_WEIGHTS_FILE,
    PLMR_WEIGHTS_F16,
    PLMR_WEIGHTS_BF16,
    PLMR_WEIGHTS_F8,
    PLMR_WEIGHTS_I8,
    PLMR_WEIGHTS_I4
};

/* From now on sources of weights give what is left of them in that type. */
void plmr_model_store(plmr_model *model, enum plmr_weights weights);

/* Whether cores hold it packed, in a model whose weights are. */
static inline bool plmr_weight_is_packed(const plmr_model_shape *shape, enum plmr_weight which)
{
    enum plmr_weight_kind kind = plmr_weight_infos[which].kind;
    return shape->packed && (kind == PLMR_MATRIX || kind == PLMR_EXPERT_MATRIX) && which != PLMR_EMBEDDING;
}

/* The model's file, for its tokenizer; NULL for a shape without weights. */
const plmr_gguf *plmr_model_gguf(const plmr_model *model);

/* --- weights --------------------------------------------------------------------------------------------------------
 */

/* Whether there is one in each layer. */
static inline bool plmr_weight_is_layered(enum plmr_weight which)
{
    return which >= (enum plmr_weight)PLMR_FIRST_LAYERED && plmr_weight_infos[which].kind != PLMR_FACTORS;
}

/* A matrix that cores store in the layers' type; or those of experts. */
static inline bool plmr_weight_is_matrix(enum plmr_weight which)
{
    return plmr_weight_infos[which].kind == PLMR_MATRIX || plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX;
}

/* Whether a model of this shape has it, as one of its own: a tied PLMR_OUTPUT is not. */
bool plmr_weight_exists(const plmr_model_shape *shape, enum plmr_weight which);

/* Layers in a row that are not alike: layer i is as layer i + period. 1 where all are. */
int plmr_shape_period(const plmr_model_shape *shape);

/* Ids that are somehow different, where there is no text. */
static inline int32_t plmr_shape_token(const plmr_model_shape *shape, int64_t i)
{
    return (int32_t)((i * 7919 + 13) % shape->n_vocab);
}

/* The table of a layer's steps. */
static inline const plmr_step *plmr_shape_layer(const plmr_model_shape *shape)
{
    return shape->n_experts ? shape->arch->experts_layer : shape->arch->layer;
}

/* The matrices, one for each expert, that a weight stands for; 1 for all others. */
int plmr_weight_count(const plmr_model_shape *shape, enum plmr_weight which);

/* Whether a text ends with it. */
static inline bool plmr_shape_is_end(const plmr_model_shape *shape, int32_t id)
{
    int i = 0;
    while (i < shape->n_ends && shape->ends[i] != id)
        i++;
    return i < shape->n_ends;
}

/* Tokens that a layer sees of n; and whether it has a window, and whether it turns its heads. */
static inline bool plmr_shape_has_window(const plmr_model_shape *shape, int layer)
{
    return shape->window && !(shape->global_period && (layer + 1) % shape->global_period == 0);
}

static inline bool plmr_shape_turns(const plmr_model_shape *shape, int layer)
{
    return !(shape->unturned_period && (layer + 1) % shape->unturned_period == 0);
}

static inline int64_t plmr_shape_seen(const plmr_model_shape *shape, int layer, int64_t n)
{
    return plmr_shape_has_window(shape, layer) && n > shape->window ? shape->window : n;
}

/* What the queries of a position are multiplied by: 1 + temperature_scale ln(1 + floor(position / scaling.n_context)). */
float plmr_shape_temperature(const plmr_model_shape *shape, int64_t position);

enum plmr_dimension plmr_activation_dimension(enum plmr_activation which);

/* Elements of a dimension. */
int64_t plmr_shape_extent(const plmr_model_shape *shape, enum plmr_dimension dimension);

void plmr_weight_size(const plmr_model_shape *shape, enum plmr_weight which, int64_t *rows, int64_t *cols);

/* Makes a source of a weight, which the model must outlive: as (out, in). `layer` is not
 * looked at for what no layer has. The weight must exist, or be a tied PLMR_OUTPUT.
 * Made-up weights: norms and factors are 1; all others are uniform, with variance 1 / dim for biases and 1 / in else.
 */
void plmr_model_weight(const plmr_model *model, enum plmr_weight which, int layer, plmr_source *source);

/* The same of expert number `expert`; of a weight that is there once, number 0. */
void plmr_model_expert(const plmr_model *model, enum plmr_weight which, int layer, int expert, plmr_source *source);

/* What cores store it in: F16 for quantised tensors and made-up matrices, F32 for made-up norms and biases, and for experts of
 * several types in a layer. */
enum plmr_dtype plmr_model_weight_dtype(const plmr_model *model, enum plmr_weight which, int layer);

/* Lets go of a weight's pages in memory, once it has been loaded; see plmr_gguf_forget. */
void plmr_model_weight_forget(const plmr_model *model, enum plmr_weight which, int layer);
