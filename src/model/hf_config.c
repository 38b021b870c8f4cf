/* config.json: what a model is. */
#include "model/hf_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { KEY_SIZE = 96 };

/* What the classes of some kinds have, and those of others ignore. */
enum {
    EXPERTS = 1,
    SCALES = 2,
    WINDOW = 4,
    IF_USED = 8,  /* only with use_sliding_window */
    BY_LAYER = 16 /* layer_types says which have it */
};

/* Kinds of models, what GGUF files call them, and whether these have rows permuted; what the kind's class takes, and what
 * it has where config.json says nothing: tie_word_embeddings, rope_theta and sliding_window. */
static const struct kind {
    const char *type, *arch;
    bool permutes;
    unsigned takes;
    bool ties;
    double theta;
    int window;
} kinds[] = {
    {"llama", "llama", true, 0, false, 1e4, 0},
    {"mistral", "llama", true, WINDOW, false, 1e4, 4096},
    {"mixtral", "llama", true, EXPERTS | WINDOW, false, 1e6, 0},
    {"qwen2", "qwen2", false, WINDOW | IF_USED | BY_LAYER, false, 1e4, 4096},
    {"qwen2_moe", "qwen2moe", false, EXPERTS | WINDOW | IF_USED | BY_LAYER, false, 1e4, 4096},
    {"qwen3", "qwen3", false, WINDOW | IF_USED | BY_LAYER, false, 1e4, 4096},
    {"qwen3_moe", "qwen3moe", false, EXPERTS | WINDOW | IF_USED, false, 1e4, 4096},
    {"phi3", "phi3", false, WINDOW, false, 1e4, 0},
    {"granite", "granite", true, SCALES, false, 1e4, 0},
    {"olmo2", "olmo2", false, 0, false, 1e4, 0},
    {"olmo3", "olmo2", false, WINDOW | BY_LAYER, false, 5e5, 4096},
    {"smollm3", "smollm3", true, WINDOW | IF_USED | BY_LAYER, true, 2e6, 0},
};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

static const struct number {
    const char *json, *gguf;
    bool is_real, must;
    unsigned of; /* the kinds that take this; 0: all */
} numbers[] = {
    {"num_hidden_layers", "block_count", false, true, 0},
    {"hidden_size", "embedding_length", false, true, 0},
    {"intermediate_size", "feed_forward_length", false, true, 0},
    {"num_attention_heads", "attention.head_count", false, true, 0},
    {"num_key_value_heads", "attention.head_count_kv", false, false, 0},
    {"head_dim", "attention.key_length", false, false, 0},
    {"max_position_embeddings", "context_length", false, true, 0},
    {"vocab_size", "vocab_size", false, true, 0},
    {"num_local_experts", "expert_count", false, false, EXPERTS},
    {"num_experts", "expert_count", false, false, EXPERTS},
    {"num_experts_per_tok", "expert_used_count", false, false, EXPERTS},
    {"moe_intermediate_size", "expert_feed_forward_length", false, false, EXPERTS},
    {"shared_expert_intermediate_size", "expert_shared_feed_forward_length", false, false, EXPERTS},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon", true, true, 0},
    {"embedding_multiplier", "embedding_scale", true, false, SCALES},
    {"residual_multiplier", "residual_scale", true, false, SCALES},
    {"attention_multiplier", "attention.scale", true, false, SCALES},
    {"logits_scaling", "logit_scale", true, false, SCALES},
};

enum { N_NUMBERS = sizeof numbers / sizeof *numbers };

/* A model's config.json, as it is read. */
struct config {
    const plmr_reader *reader;
    const struct kind *kind;
    const json_t *root, *rope; /* rope: NULL: there is no such object */
    plmr_made *made;
    plmr_hf_config *to;
};

/* NULL where it is missing or null. */
static const json_t *get(const json_t *object, const char *key)
{
    const json_t *json = json_object_get(object, key);
    return json_is_null(json) ? NULL : json;
}

static const char *key_of(const struct config *c, const char *key, char full[KEY_SIZE])
{
    snprintf(full, KEY_SIZE, "%s.%s", c->to->arch, key);
    return full;
}

static void put_real(const struct config *c, const char *key, double value)
{
    char full[KEY_SIZE];
    plmr_made_real(c->made, key_of(c, key, full), value);
}

static void put_int(const struct config *c, const char *key, int64_t value)
{
    char full[KEY_SIZE];
    plmr_made_int(c->made, key_of(c, key, full), value);
}

/* A number of `object`; `missing` where it is not there. */
static plmr_status get_real(const struct config *c, const json_t *object, const char *key, double missing,
                            double *value)
{
    const json_t *json = get(object, key);
    *value = json ? json_number_value(json) : missing;
    return json && !json_is_number(json)
               ? plmr_reader_fault(c->reader, key, "is %s, expected a number", plmr_reader_state(json))
               : PLMR_OK;
}

static plmr_status get_int(const struct config *c, const json_t *object, const char *key, int64_t missing,
                           int64_t *value)
{
    const json_t *json = get(object, key);
    *value = json ? json_integer_value(json) : missing;
    return json && !json_is_integer(json)
               ? plmr_reader_fault(c->reader, key, "is %s, expected a whole number", plmr_reader_state(json))
               : PLMR_OK;
}

static bool is_true(const struct config *c, const char *key)
{
    return json_is_true(get(c->root, key));
}

static plmr_status read_kind(struct config *c)
{
    const char *type = json_string_value(get(c->root, "model_type"));
    for (int i = 0; i < N_KINDS && type; i++)
        if (strcmp(type, kinds[i].type) == 0) {
            c->kind = &kinds[i];
            snprintf(c->to->arch, sizeof c->to->arch, "%s", kinds[i].arch);
            c->to->permutes = kinds[i].permutes;
            plmr_made_text(c->made, "general.architecture", kinds[i].arch);
            return PLMR_OK;
        }
    return plmr_reader_fault(
        c->reader, "model_type",
        "is '%.40s'; plmr reads llama, mistral, mixtral, qwen2, qwen2_moe, qwen3, qwen3_moe, phi3, "
        "granite, olmo2, olmo3 and smollm3 so: convert others to GGUF",
        type ? type : "");
}

static plmr_status read_numbers(const struct config *c)
{
    for (int i = 0; i < N_NUMBERS; i++) {
        const struct number *n = &numbers[i];
        double real;
        int64_t whole;
        if (n->of & ~c->kind->takes)
            continue;
        if (n->must && !get(c->root, n->json))
            return plmr_reader_fault(c->reader, n->json, "is missing, expected a number");
        PLMR_TRY(n->is_real ? get_real(c, c->root, n->json, 1, &real) : get_int(c, c->root, n->json, 0, &whole));
        if (n->is_real)
            put_real(c, n->gguf, real);
        else if (whole != 0 || n->must)
            put_int(c, n->gguf, whole);
    }
    return PLMR_OK;
}

/* Which layers do without rope (0): a list of them, or each so-manieth. */
static plmr_status check_unturned(const struct config *c)
{
    const json_t *list = get(c->root, "no_rope_layers");
    int64_t interval, n_layers;
    PLMR_TRY(get_int(c, c->root, "no_rope_layer_interval", 4, &interval));
    PLMR_TRY(get_int(c, c->root, "num_hidden_layers", 0, &n_layers));
    if (!list && interval != 4)
        return plmr_reader_fault(c->reader, "no_rope_layer_interval", "is %lld; plmr computes 4", (long long)interval);
    for (int64_t i = 0; list && i < n_layers; i++) {
        const json_t *turns = json_array_get(list, (size_t)i);
        if (!json_is_integer(turns) || json_integer_value(turns) != ((i + 1) % 4 != 0))
            return plmr_reader_fault(c->reader, "no_rope_layers",
                                     "is not 0 for every fourth layer and 1 for all others, as plmr computes them");
    }
    return PLMR_OK;
}

/* What would be computed otherwise. */
static plmr_status refuse(const struct config *c)
{
    const char *act = json_string_value(get(c->root, "hidden_act"));
    int64_t step;
    if (get(c->root, "quantization_config"))
        return plmr_reader_fault(c->reader, "quantization_config",
                                 "is there; plmr reads F32, F16 and BF16: convert the model to GGUF");
    if (act && strcmp(act, "silu") != 0 && strcmp(act, "swish") != 0)
        return plmr_reader_fault(c->reader, "hidden_act", "is '%.40s'; plmr computes silu", act);
    PLMR_TRY(get_int(c, c->root, "decoder_sparse_step", 1, &step));
    if (step != 1 || json_array_size(get(c->root, "mlp_only_layers")))
        return plmr_reader_fault(
            c->reader, step != 1 ? "decoder_sparse_step" : "mlp_only_layers",
            "asks for layers without experts among those with; plmr computes layers that are alike");
    if (strcmp(c->to->arch, "smollm3") == 0)
        PLMR_TRY(check_unturned(c));
    bool normed = json_is_true(get(c->root, "norm_topk_prob"));
    if ((strcmp(c->to->arch, "qwen3moe") == 0 && !normed) || (strcmp(c->to->arch, "qwen2moe") == 0 && normed))
        return plmr_reader_fault(c->reader, "norm_topk_prob", "is %s; plmr computes the other",
                                 normed ? "true" : "false or missing");
    return PLMR_OK;
}

/* ---- rope ---- */

/* Llama 3.1's: short waves turn as they did, long ones slower, those between in between. */
static plmr_status read_llama3(const struct config *c, double theta, int64_t n_dims)
{
    double factor, low, high, context;
    PLMR_TRY(get_real(c, c->rope, "factor", 8, &factor));
    PLMR_TRY(get_real(c, c->rope, "low_freq_factor", 1, &low));
    PLMR_TRY(get_real(c, c->rope, "high_freq_factor", 4, &high));
    PLMR_TRY(get_real(c, c->rope, "original_max_position_embeddings", 8192, &context));
    c->to->n_factors = (int)(n_dims / 2);
    for (int i = 0; i < c->to->n_factors; i++) {
        double wave = 2 * 3.14159265358979323846 * pow(theta, 2.0 * i / (double)n_dims);
        double along = (context / wave - low) / (high - low);
        along = along < 0 ? 0 : along > 1 ? 1 : along;
        c->to->factors[0][i] = (float)(1 / ((1 - along) / factor + along));
    }
    return PLMR_OK;
}

static plmr_status read_list(const struct config *c, const char *key, float *factors)
{
    const json_t *list = get(c->rope, key);
    if ((int)json_array_size(list) != c->to->n_factors)
        return plmr_reader_fault(c->reader, key, "has %zu numbers, expected %d", json_array_size(list),
                                 c->to->n_factors);
    for (int i = 0; i < c->to->n_factors; i++)
        factors[i] = (float)json_number_value(json_array_get(list, (size_t)i));
    return PLMR_OK;
}

static plmr_status read_longrope(const struct config *c, int64_t n_dims)
{
    int64_t context, original;
    double magnitude;
    PLMR_TRY(get_int(c, c->root, "max_position_embeddings", 1, &context));
    PLMR_TRY(get_int(c, c->root, "original_max_position_embeddings", context, &original));
    PLMR_TRY(get_int(c, c->rope, "original_max_position_embeddings", original, &original));
    c->to->n_factors = (int)(n_dims / 2);
    c->to->has_long = true;
    PLMR_TRY(read_list(c, "short_factor", c->to->factors[0]));
    PLMR_TRY(read_list(c, "long_factor", c->to->factors[1]));
    PLMR_TRY(get_real(c, c->rope, "attention_factor",
                      context > original && original > 1
                          ? sqrt(1 + log((double)context / (double)original) / log((double)original))
                          : 1,
                      &magnitude));
    put_int(c, "rope.scaling.original_context_length", original);
    put_real(c, "rope.scaling.attn_factor", magnitude);
    return PLMR_OK;
}

/* YaRN's magnitude is 1 + 0.1 ln(factor), unless a file has another. */
static plmr_status read_yarn(const struct config *c, double factor)
{
    double grown = factor > 1 ? 0.1 * log(factor) : 0, fast, slow, magnitude, of, all;
    int64_t context, original;
    PLMR_TRY(get_int(c, c->root, "max_position_embeddings", 1, &context));
    PLMR_TRY(get_int(c, c->rope, "original_max_position_embeddings", context, &original));
    PLMR_TRY(get_real(c, c->rope, "beta_fast", 32, &fast));
    PLMR_TRY(get_real(c, c->rope, "beta_slow", 1, &slow));
    PLMR_TRY(get_real(c, c->rope, "mscale", 0, &of));
    PLMR_TRY(get_real(c, c->rope, "mscale_all_dim", 0, &all));
    PLMR_TRY(get_real(c, c->rope, "attention_factor",
                      of != 0 && all != 0 ? (1 + of * grown) / (1 + all * grown) : 1 + grown, &magnitude));
    if (json_is_false(get(c->rope, "truncate")))
        return plmr_reader_fault(c->reader, "truncate",
                                 "is false; plmr computes YaRN with whole pairs: convert the model to GGUF");
    put_int(c, "rope.scaling.original_context_length", original);
    put_real(c, "rope.scaling.yarn_beta_fast", fast);
    put_real(c, "rope.scaling.yarn_beta_slow", slow);
    put_real(c, "rope.scaling.attn_factor", magnitude / (1 + grown));
    return PLMR_OK;
}

/* NULL: it does not scale. */
static const char *scaling_type(const json_t *rope)
{
    const char *type = json_string_value(get(rope, "rope_type"));
    type = type ? type : json_string_value(get(rope, "type"));
    return type && strcmp(type, "default") != 0 ? type : NULL;
}

static plmr_status read_scaling(const struct config *c, double theta, int64_t n_dims)
{
    char full[KEY_SIZE];
    double factor;
    const char *type = scaling_type(c->rope);
    if (!type)
        return PLMR_OK;
    if (strcmp(type, "llama3") == 0)
        return read_llama3(c, theta, n_dims);
    if (strcmp(type, "longrope") == 0 || strcmp(type, "su") == 0)
        return read_longrope(c, n_dims);
    if (strcmp(type, "linear") != 0 && strcmp(type, "yarn") != 0)
        return plmr_reader_fault(c->reader, "rope_scaling",
                                 "is of type '%.40s'; plmr computes default, linear, llama3, longrope and yarn", type);
    PLMR_TRY(get_real(c, c->rope, "factor", 1, &factor));
    plmr_made_text(c->made, key_of(c, "rope.scaling.type", full), type);
    put_real(c, "rope.scaling.factor", factor);
    return strcmp(type, "yarn") == 0 ? read_yarn(c, factor) : PLMR_OK;
}

static bool has_objects(const json_t *rope)
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)rope, key, member)
    {
        if (json_is_object(member))
            return true;
    }
    return false;
}

/* One for layers that see all, and one for those with a window: olmo3 scales the former alone. */
static plmr_status choose_layers(struct config *c, const char *key, double theta)
{
    const json_t *window = get(c->rope, "sliding_attention");
    double window_theta;
    c->rope = get(c->rope, "full_attention");
    if (strcmp(c->kind->type, "olmo3") != 0 || !json_is_object(c->rope))
        return plmr_reader_fault(
            c->reader, key, "has a rope for each kind of layers; plmr computes %s with one for all", c->kind->type);
    PLMR_TRY(get_real(c, window, "rope_theta", theta, &window_theta));
    PLMR_TRY(get_real(c, c->rope, "rope_theta", theta, &theta));
    if (scaling_type(window) || window_theta != theta)
        return plmr_reader_fault(c->reader, key,
                                 "scales layers with a window, or turns them by a base of their own; plmr computes %s "
                                 "with one base, and scales the others alone",
                                 c->kind->type);
    return PLMR_OK;
}

static plmr_status choose_rope(struct config *c, double theta)
{
    const char *key = get(c->root, "rope_parameters") ? "rope_parameters" : "rope_scaling";
    c->rope = get(c->root, key);
    if (c->rope && !json_is_object(c->rope))
        return plmr_reader_fault(c->reader, key, "is %s, expected an object", plmr_reader_state(c->rope));
    return has_objects(c->rope) ? choose_layers(c, key, theta) : PLMR_OK;
}

static plmr_status read_rope(struct config *c)
{
    double theta, share;
    int64_t heads, dim, n_dims;
    PLMR_TRY(get_real(c, c->root, "rope_theta", c->kind->theta, &theta));
    PLMR_TRY(choose_rope(c, theta));
    PLMR_TRY(get_real(c, c->rope, "rope_theta", theta, &theta));
    PLMR_TRY(get_real(c, c->root, "partial_rotary_factor", 1, &share));
    PLMR_TRY(get_real(c, c->rope, "partial_rotary_factor", share, &share));
    PLMR_TRY(get_int(c, c->root, "num_attention_heads", 1, &heads));
    PLMR_TRY(get_int(c, c->root, "hidden_size", 1, &dim));
    PLMR_TRY(get_int(c, c->root, "head_dim", heads > 0 ? dim / heads : 0, &n_dims));
    if (!(share > 0 && share <= 1) || n_dims < 1 || n_dims > 2 * (int64_t)PLMR_HF_MOST_PAIRS)
        return plmr_reader_fault(c->reader, share > 0 && share <= 1 ? "head_dim" : "partial_rotary_factor",
                                 "is out of range: %g of %lld elements of a head", share, (long long)n_dims);
    n_dims = (int64_t)((double)n_dims * share);
    put_real(c, "rope.freq_base", theta);
    put_int(c, "rope.dimension_count", n_dims);
    return read_scaling(c, theta, n_dims);
}

/* ---- the rest ---- */

static bool has_window(const json_t *types, size_t layer)
{
    const char *type = json_string_value(json_array_get(types, layer));
    return type && strcmp(type, "sliding_attention") == 0;
}

/* A number, or the first of several. */
static int64_t first_id(const json_t *json)
{
    json = json_is_array(json) ? json_array_get(json, 0) : json;
    return json_is_integer(json) ? json_integer_value(json) : -1;
}

/* Which layers have the window: some, if there is a list; else all. */
static plmr_status read_windows(const struct config *c, bool *any)
{
    char full[KEY_SIZE];
    const json_t *types = c->kind->takes & BY_LAYER ? get(c->root, "layer_types") : NULL;
    size_t n = json_array_size(types), n_windows = 0;
    bool is_olmo = strcmp(c->to->arch, "olmo2") == 0; /* of which some have it where no list says anything */
    for (size_t i = 0; i < n; i++)
        n_windows += has_window(types, i);
    *any = n == 0 || n_windows > 0;
    if (n_windows == 0 || (n_windows == n && !is_olmo))
        return PLMR_OK;
    if (!is_olmo)
        return plmr_reader_fault(c->reader, "layer_types",
                                 "asks for windows in some layers; plmr computes %s with all or none", c->to->arch);
    plmr_made_array(c->made, key_of(c, "attention.sliding_window_pattern", full), PLMR_GGUF_BOOL, n);
    for (size_t i = 0; i < n; i++)
        plmr_made_put(c->made, &(char){has_window(types, i)}, 1);
    return PLMR_OK;
}

static plmr_status read_window(const struct config *c)
{
    unsigned takes = c->kind->takes;
    int64_t window, missing = json_object_get(c->root, "sliding_window") ? 0 /* null */ : c->kind->window;
    bool any = false;
    if (!(takes & WINDOW) || (takes & IF_USED && !is_true(c, "use_sliding_window")))
        return PLMR_OK;
    PLMR_TRY(get_int(c, c->root, "sliding_window", missing, &window));
    if (window > 0)
        PLMR_TRY(read_windows(c, &any));
    if (any)
        put_int(c, strcmp(c->to->arch, "llama") == 0 ? PLMR_HF_WINDOW : "attention.sliding_window", window);
    return PLMR_OK;
}

plmr_status plmr_hf_read_config(const plmr_reader *reader, const json_t *root, plmr_made *made, plmr_hf_config *to)
{
    struct config c = {.reader = reader, .root = root, .made = made, .to = to};
    *to = (plmr_hf_config){.bos = first_id(get(root, "bos_token_id")), .eos = -1};
    PLMR_TRY(read_kind(&c));
    PLMR_TRY(refuse(&c));
    PLMR_TRY(read_numbers(&c));
    PLMR_TRY(read_rope(&c));
    PLMR_TRY(read_window(&c));
    const json_t *tied = json_object_get(root, "tie_word_embeddings");
    to->has_tied = tied ? json_is_true(tied) : c.kind->ties;
    plmr_made_truth(made, PLMR_HF_HALVES, to->permutes);
    plmr_made_truth(made, PLMR_HF_TIED, to->has_tied);
    plmr_made_truth(made, PLMR_HF_BIASES, is_true(&c, "attention_bias"));
    return PLMR_OK;
}

plmr_status plmr_hf_read_ends(const plmr_reader *reader, const json_t *root, plmr_made *made, plmr_hf_config *to)
{
    static const char key[] = "eos_token_id";
    const json_t *said = get(root, key);
    size_t n = json_is_array(said) ? json_array_size(said) : said != NULL;
    if (n > PLMR_MOST_ENDS)
        return plmr_reader_fault(reader, key, "has %zu ids; plmr takes %d at most", n, PLMR_MOST_ENDS);
    plmr_made_array(made, PLMR_HF_ENDS, PLMR_GGUF_I64, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_is_array(said) ? json_array_get(said, i) : said;
        if (!json_is_integer(id))
            return plmr_reader_fault(reader, key, "is %s, expected the id of a token, or a list of them",
                                     plmr_reader_state(id));
        plmr_made_put(made, &(int64_t){json_integer_value(id)}, sizeof(int64_t));
    }
    to->eos = first_id(said);
    return PLMR_OK;
}
