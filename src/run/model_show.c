#include "run/model_show.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/format.h"
#include "model/quant.h"
#include "report/table.h"
#include "text/tokenizer_gguf.h"

/* ---- what is known of a model ---- */

enum { MOST_ROWS = 32 };

/* How its weights are stored: the types, the one with most elements first. */
struct storage {
    const char *names[PLMR_QUANT_MOST_TYPES];
    int64_t elements[PLMR_QUANT_MOST_TYPES];
    int n;
    int64_t n_bytes; /* in the file */
};

static void count_type(struct storage *storage, const char *name, int64_t n_elements)
{
    int i = 0;
    while (i < storage->n && strcmp(storage->names[i], name) != 0)
        i++;
    if (i == storage->n)
        storage->names[storage->n++] = name;
    for (storage->elements[i] += n_elements; i > 0 && storage->elements[i] > storage->elements[i - 1]; i--) {
        int64_t elements = storage->elements[i - 1];
        storage->elements[i - 1] = storage->elements[i];
        storage->elements[i] = elements;
        name = storage->names[i - 1];
        storage->names[i - 1] = storage->names[i];
        storage->names[i] = name;
    }
}

static struct storage storage_of(const plmr_model *model)
{
    struct storage storage = {.n = 0};
    size_t n;
    const plmr_gguf *gguf = plmr_model_gguf(model);
    const plmr_gguf_tensor *tensors = gguf ? plmr_gguf_tensors(gguf, &n) : NULL;
    for (size_t i = 0; gguf && i < n; i++) {
        count_type(&storage, plmr_gguf_type_name(&tensors[i]), tensors[i].rows * tensors[i].cols);
        storage.n_bytes += tensors[i].rows * (int64_t)tensors[i].row_bytes;
    }
    return storage;
}

/* ---- as text ---- */

struct row {
    const char *key, *meaning;
    char value[64];
};

struct table {
    struct row rows[MOST_ROWS];
    int n;
    char names[PLMR_MOST_PLACES][24]; /* of placements of experts, as keys */
};

PLMR_PRINTF(4, 5)
static void add(struct table *table, const char *key, const char *meaning, const char *format, ...)
{
    va_list args;
    PLMR_ASSERT(table->n < MOST_ROWS);
    struct row *row = &table->rows[table->n++];
    row->key = key;
    row->meaning = meaning;
    va_start(args, format);
    vsnprintf(row->value, sizeof row->value, format, args);
    va_end(args);
}

/* Weights that a token meets: all but those of the experts that it does not use. */
static int64_t active_parameters(const plmr_model_shape *shape)
{
    int64_t n = shape->n_parameters, rows, cols;
    for (int which = 0; which < PLMR_N_WEIGHTS; which++) {
        if (plmr_weight_infos[which].kind != PLMR_EXPERT_MATRIX || !plmr_weight_exists(shape, (enum plmr_weight)which))
            continue;
        plmr_weight_size(shape, (enum plmr_weight)which, &rows, &cols);
        n -= rows * cols * shape->n_layers * (shape->n_experts - shape->n_used);
    }
    return n;
}

static void add_experts(struct table *table, const plmr_model_shape *shape)
{
    add(table, "experts", "of a layer", "%s", plmr_format_count(shape->n_experts).s);
    add(table, "experts_used", "that a token is routed to", "%s", plmr_format_count(shape->n_used).s);
    add(table, "expert_ffn", "elements between the matrices of an expert", "%s",
        plmr_format_count(shape->n_expert_ffn).s);
    if (shape->n_shared_ffn)
        add(table, "shared_ffn", "the same of the expert that all tokens have", "%s",
            plmr_format_count(shape->n_shared_ffn).s);
    add(table, "active", "parameters that a token meets", "%s", plmr_format_count(active_parameters(shape)).s);
}

static void add_shape(struct table *table, const plmr_model_shape *shape)
{
    bool halves = shape->rope_pairs == PLMR_ROPE_HALVES;
    add(table, "layers", "", "%s", plmr_format_count(shape->n_layers).s);
    add(table, "dim", "elements of the residual stream", "%s", plmr_format_count(shape->dim).s);
    add(table, "heads", "query heads of a layer", "%s", plmr_format_count(shape->n_heads).s);
    add(table, "kv_heads", "key-value heads of a layer", "%s", plmr_format_count(shape->n_kv_heads).s);
    add(table, "head_dim", "elements of a head", "%s", plmr_format_count(shape->head_dim).s);
    add(table, "ffn", "elements between the matrices of the feed-forward part", "%s",
        plmr_format_count(shape->n_ffn).s);
    if (shape->n_experts)
        add_experts(table, shape);
    add(table, "vocab", "tokens that there are", "%s", plmr_format_count(shape->n_vocab).s);
    add(table, "context", "most tokens of a text", "%s", plmr_format_count(shape->n_context).s);
    add(table, "rms_eps", "added to the mean square by norms", "%.6g", (double)shape->rms_eps);
    add(table, "rope_base", "base of the rotary angles", "%.9g", shape->rope_base);
    add(table, "rope_pairs",
        halves ? "what turns together: i and i + head_dim / 2" : "what turns together: 2 i and 2 i + 1", "%s",
        halves ? "halves" : "neighbours");
    add(table, "rope_factors", "whether rotary angles have factors of their own",
        shape->has_rope_factors ? "yes" : "no");
    add(table, "biases", "whether queries, keys and values have them", shape->has_qkv_biases ? "yes" : "no");
    add(table, "tied", "whether the output matrix is the embedding", shape->has_tied_embeddings ? "yes" : "no");
}

static void add_size(struct table *table, const plmr_model *model)
{
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    struct storage storage = storage_of(model);
    char types[200] = "made up", kind[40] = "none";
    for (int i = 0, used = 0; i < storage.n && used < (int)sizeof types; i++)
        used += snprintf(types + used, sizeof types - (size_t)used, "%s%s", i ? ", " : "", storage.names[i]);
    add(table, "parameters", "weights, norms and biases", "%s", plmr_format_count(shape->n_parameters).s);
    add(table, "bytes", "the same as cores store them", "%s", plmr_format_count(shape->n_bytes).s);
    if (storage.n > 0)
        add(table, "file_bytes", "the same as the file stores them", "%s", plmr_format_count(storage.n_bytes).s);
    add(table, "types", storage.n ? "how the file stores them" : "there are no weights, so plmr makes them up", "%s",
        types);
    if (plmr_model_gguf(model))
        plmr_tokenizer_kind(plmr_model_gguf(model), kind, sizeof kind);
    add(table, "tokenizer", "kind of vocabulary: without one a text must be given as token ids", "%s", kind);
}

static void print_table(FILE *out, const struct table *table)
{
    int key_width = 0, value_width = 0;
    for (int i = 0; i < table->n; i++) {
        int key = (int)strlen(table->rows[i].key), value = (int)strlen(table->rows[i].value);
        key_width = key > key_width ? key : key_width;
        value_width = value > value_width ? value : value_width;
    }
    for (int i = 0; i < table->n; i++) {
        const struct row *row = &table->rows[i];
        fprintf(out, "%-*s  %*s%s%s\n", key_width, row->key, value_width, row->value, *row->meaning ? "  " : "",
                row->meaning);
    }
}

static void add_phase(struct table *table, const plmr_placement *p, const char *phase)
{
    add(table, phase, "cores of a region", "%dx%d", p->rows, p->cols);
    add(table, "  layers", "layers that a region holds, by their weights", "%s",
        plmr_format_count(p->layers_per_stage).s);
    add(table, "  stages", p->output_apart ? "regions needed, the last for the output" : "regions needed", "%s",
        plmr_format_count(p->n_stages).s);
    add(table, "  regions", "regions that the device has", "%s", plmr_format_count(p->n_regions).s);
}

/* By placement. */
static void add_expert_places(struct table *table, const plmr_place *place)
{
    if (place->n_experts)
        add(table, "experts", "regions that decode needs, if a layer's experts are", "%s", "");
    for (int i = 0; i < place->n_experts; i++) {
        const plmr_place_experts *e = &place->experts[i];
        snprintf(table->names[i], sizeof table->names[i], "  %s", e->place->name);
        if (e->fits)
            add(table, table->names[i], e->place->summary, "%s", plmr_format_count(e->decode.n_stages).s);
        else
            add(table, table->names[i], e->place->summary, "none fits");
    }
}

static void add_place(struct table *table, const plmr_model_place *place)
{
    const plmr_heads *heads = &place->on.heads;
    add_phase(table, &place->on.prefill, "prefill");
    add_phase(table, &place->on.decode, "decode");
    add(table, "  columns", "columns of a region that heads use", "%s", plmr_format_count(plmr_heads_columns(heads)).s);
    add(table, "  head_places", "elements of a head on its columns, with padding", "%s",
        plmr_format_count((int64_t)heads->span * heads->n_dims).s);
    add(table, "  kv_capacity", "tokens of one request that the key-value cache holds", "%s",
        plmr_format_count(place->on.decode.capacity).s);
    add(table, "  sram",
        place->on.decode.sram_bytes > place->device.sram ? "bytes of the fullest core: more than it has!"
                                                         : "bytes of the fullest core, with one token in the cache",
        "%s", plmr_format_count(place->on.decode.sram_bytes).s);
    add(table, "sram_limit", "bytes that a core has", "%s", plmr_format_count((int64_t)place->device.sram).s);
    add_expert_places(table, &place->on);
    add(table, "wafers", "devices needed", "%s", plmr_format_count(place->on.n_wafers).s);
}

static void print_place(FILE *out, const plmr_model_place *place)
{
    struct table table = {.n = 0};
    fprintf(out, "\non %s: %s\n\n", place->device.name, place->device.title);
    if (place->misfit) {
        plmr_table_fact(out, "no place", "%s", plmr_error_text(place->misfit));
        return;
    }
    add_place(&table, place);
    print_table(out, &table);
}

void plmr_model_print(FILE *out, const plmr_model *model, const plmr_model_place *place)
{
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    struct table table = {.n = 0};
    add_shape(&table, shape);
    add_size(&table, model);
    fprintf(out, "%s%s%s\n", shape->name, *shape->title ? ": " : "", shape->title);
    fprintf(out, "%s, %s\n\n", shape->arch->name, plmr_model_gguf(model) ? "with weights" : "a shape without weights");
    print_table(out, &table);
    print_place(out, place);
}

void plmr_model_print_line(FILE *out, const plmr_model *model, const plmr_model_place *place)
{
    (void)place;
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    fprintf(out, "  %-15s %15s  %s\n", shape->name, plmr_format_count(shape->n_parameters).s, shape->title);
}

/* ---- as JSON ---- */

static json_t *json_types(const struct storage *storage)
{
    json_t *types = json_array();
    for (int i = 0; i < storage->n; i++)
        json_array_append_new(types, json_string(storage->names[i]));
    return types;
}

/* Not more digits than a float has: 1e-5 is not to be 9.99999975e-6. */
static json_t *json_single(float value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.7g", (double)value);
    return json_real(strtod(digits, NULL));
}

static json_t *json_phase(const plmr_placement *p)
{
    return json_pack("{si si si si si}", "rows", p->rows, "cols", p->cols, "layers_per_stage", p->layers_per_stage,
                     "stages", p->n_stages, "regions", p->n_regions);
}

static json_t *json_experts(const plmr_place *place)
{
    json_t *json = json_object();
    for (int i = 0; i < place->n_experts; i++) {
        const plmr_placement *p = &place->experts[i].decode;
        json_object_set_new(json, place->experts[i].place->name,
                            place->experts[i].fits
                                ? json_pack("{sI si si sI}", "layer_bytes", (json_int_t)p->layer_bytes,
                                            "layers_per_stage", p->layers_per_stage, "stages", p->n_stages,
                                            "sram_bytes", (json_int_t)p->sram_bytes)
                                : json_null());
    }
    return json;
}

static json_t *json_place(const plmr_model_place *place)
{
    const plmr_heads *heads = &place->on.heads;
    if (place->misfit)
        return json_pack("{ss ss}", "device", place->device.name, "error", plmr_error_text(place->misfit));
    return json_pack("{ss so so si si sI sI sI sI so*}", "device", place->device.name, "prefill",
                     json_phase(&place->on.prefill), "decode", json_phase(&place->on.decode), "wafers",
                     (int)place->on.n_wafers, "head_places", heads->span * heads->n_dims, "columns_used",
                     (json_int_t)plmr_heads_columns(heads), "sram_bytes", (json_int_t)place->on.decode.sram_bytes,
                     "sram_limit_bytes", (json_int_t)place->device.sram, "kv_capacity_tokens",
                     (json_int_t)place->on.decode.capacity, "experts",
                     place->on.n_experts ? json_experts(&place->on) : NULL);
}

/* A path need not be UTF-8, as JSON must be; it is null then. */
json_t *plmr_model_json(const plmr_model *model, const plmr_model_place *place)
{
    const plmr_model_shape *s = plmr_model_shape_of(model);
    const plmr_gguf *gguf = plmr_model_gguf(model);
    struct storage storage = storage_of(model);
    char kind[40];
    bool has_kind = gguf && plmr_tokenizer_kind(gguf, kind, sizeof kind);
    json_t *json = json_pack(
        "{ss so? ss ss si si si si si si si si so sf ss sb sb sb sI sI so? so ss? so}", "command", "model", "model",
        json_string(s->name), "title", s->title, "architecture", s->arch->name, "layers", s->n_layers, "dim", s->dim,
        "heads", s->n_heads, "kv_heads", s->n_kv_heads, "head_dim", s->head_dim, "ffn", s->n_ffn, "vocab", s->n_vocab,
        "context", s->n_context, "rms_eps", json_single(s->rms_eps), "rope_base", s->rope_base, "rope_pairs",
        s->rope_pairs == PLMR_ROPE_HALVES ? "halves" : "neighbours", "rope_factors", s->has_rope_factors, "biases",
        s->has_qkv_biases, "tied", s->has_tied_embeddings, "parameters", (json_int_t)s->n_parameters, "bytes",
        (json_int_t)s->n_bytes, "file_bytes", gguf ? json_integer(storage.n_bytes) : NULL, "types",
        json_types(&storage), "tokenizer", has_kind ? kind : NULL, "placement", json_place(place));
    if (s->n_experts)
        json_object_set_new(json, "experts",
                            json_pack("{si si si si sI ss}", "n", s->n_experts, "used", s->n_used, "ffn",
                                      s->n_expert_ffn, "shared_ffn", s->n_shared_ffn, "active_parameters",
                                      (json_int_t)active_parameters(s), "placement", "sliced"));
    return json;
}
