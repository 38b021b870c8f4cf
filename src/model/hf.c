#include "model/hf_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/share.h"
#include "base/text_file.h"
#include "model/quant.h"
#include "model/safetensors.h"
#include "model/shape_internal.h"

enum { MOST_JSON = 1 << 28, MOST_PARTS = 100000 };

static const char suffix[] = ".safetensors", one[] = "model.safetensors", index_name[] = "model.safetensors.index.json";

/* ---- files ---- */

plmr_status plmr_hf_json_open(const char *folder, const char *name, bool must, plmr_hf_json *json)
{
    size_t n;
    *json = (plmr_hf_json){.path = plmr_take_text("%s/%s", folder, name)};
    if (!must && !plmr_is_file(json->path))
        return PLMR_OK;
    PLMR_TRY(plmr_file_read(json->path, MOST_JSON, &json->text, &n));
    json->reader = (plmr_reader){.text = json->text, .file = json->path};
    return plmr_reader_load(&json->reader, "a model", &json->root);
}

void plmr_hf_json_close(plmr_hf_json *json)
{
    json_decref(json->root);
    free(json->text);
    free(json->path);
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n > n_end && strcmp(text + n - n_end, end) == 0;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Some folder may have the name of a model that comes with plmr. */
bool plmr_hf_is_folder(const char *path)
{
    char *config = plmr_take_text("%s/config.json", path);
    bool is_model = strchr(path, '/') || plmr_is_file(config);
    free(config);
    return (is_model && is_directory(path)) || ends_in(path, suffix);
}

/* ---- tensors ---- */

/* Adds a file's tensors. */
static plmr_status open_part(const char *folder, const char *name, plmr_gguf *first, plmr_gguf ***end)
{
    if (strchr(name, '/') || !ends_in(name, suffix))
        return plmr_gguf_fault(first, "%s names a file '%.60s', expected one of this folder, PART%s", index_name, name,
                               suffix);
    char *path = plmr_take_text("%s/%s", folder, name);
    plmr_status status = plmr_safetensors_open(path, *end);
    free(path);
    if (status)
        return status;
    plmr_gguf_take_tensors(first, **end);
    *end = &(**end)->part;
    return PLMR_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files that the index names, each once. */
static plmr_status open_index(const char *folder, const json_t *index, plmr_gguf *first)
{
    json_t *map = json_object_get(index, "weight_map"), *file;
    const char *tensor, **names = plmr_take((json_object_size(map) + 1) * sizeof *names);
    size_t n = 0;
    plmr_gguf **end = &first->part;
    json_object_foreach(map, tensor, file)
    {
        if (json_is_string(file))
            names[n++] = json_string_value(file);
    }
    plmr_status status = n ? PLMR_OK : plmr_gguf_fault(first, "%s has no weight_map of files", index_name);
    if (n)
        qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 0; i < n && !status; i++)
        if (i == 0 || strcmp(names[i - 1], names[i]) != 0)
            status = open_part(folder, names[i], first, &end);
    free(names);
    return status;
}

/* `file`: the one that the user named, NULL: none. */
static plmr_status open_tensors(const char *folder, const char *file, plmr_gguf *first)
{
    plmr_hf_json index;
    plmr_gguf **end = &first->part;
    plmr_status status = plmr_hf_json_open(folder, index_name, false, &index);
    if (!status)
        status = index.root ? open_index(folder, index.root, first) : open_part(folder, file ? file : one, first, &end);
    plmr_hf_json_close(&index);
    return status;
}

/* Tied output projections are left out, as in GGUF files, and what follows from other numbers. */
static bool is_needless(const plmr_hf_config *config, const char *name)
{
    return (config->has_tied && strcmp(name, "output.weight") == 0) || ends_in(name, ".rotary_emb.inv_freq");
}

static plmr_status name_tensors(const plmr_hf_config *config, plmr_gguf *first)
{
    size_t n = 0;
    bool has_output = false;
    for (size_t i = 0; i < first->n_tensors; i++) {
        plmr_gguf_tensor tensor = first->tensors[i];
        char *name = (char *)(uintptr_t)tensor.name.bytes; /* of the part's own */
        plmr_hf_rename(config->arch, name);
        tensor.name.n_bytes = strlen(name);
        has_output = has_output || strcmp(name, "output.weight") == 0;
        if (!is_needless(config, name))
            first->tensors[n++] = tensor;
    }
    first->n_tensors = n;
    return has_output || config->has_tied
               ? plmr_gguf_sort_tensors(first)
               : plmr_gguf_fault(first,
                                 "lacks the tensor 'lm_head.weight', and config.json has no tie_word_embeddings; "
                                 "copy or download it again");
}

/* ---- factors of rope ---- */

static void add_factors(plmr_gguf *first, enum plmr_weight which, int n, float *data)
{
    const char *name = plmr_weight_infos[which].name;
    first->tensors = plmr_take_more(first->tensors, (first->n_tensors + 2) * sizeof *first->tensors);
    first->tensors[first->n_tensors++] = (plmr_gguf_tensor){.name = {name, strlen(name)},
                                                            .n_dims = 1,
                                                            .ne = {n, 1, 1, 1},
                                                            .rows = 1,
                                                            .cols = n,
                                                            .quant = plmr_quant_find(0),
                                                            .row_bytes = (size_t)n * sizeof *data,
                                                            .data = (const unsigned char *)data};
}

static void make_factors(const plmr_hf_config *config, plmr_gguf *first)
{
    size_t n = (size_t)config->n_factors;
    if (n == 0)
        return;
    first->factors = plmr_take(2 * n * sizeof *first->factors);
    memcpy(first->factors, config->factors[0], n * sizeof *first->factors);
    memcpy(first->factors + n, config->factors[1], n * sizeof *first->factors);
    add_factors(first, config->has_long ? PLMR_ROPE_SHORT : PLMR_ROPE_FACTORS, (int)n, first->factors);
    if (config->has_long)
        add_factors(first, PLMR_ROPE_LONG, (int)n, first->factors + n);
}

/* ---- a folder ---- */

/* What a folder has no file for, or that file does not say, config.json does. */
static plmr_status read_ends(const char *folder, const plmr_hf_json *json, plmr_made *made, plmr_hf_config *config)
{
    plmr_hf_json generation;
    plmr_status status = plmr_hf_json_open(folder, "generation_config.json", false, &generation);
    const json_t *said = json_object_get(generation.root, "eos_token_id");
    const plmr_hf_json *from = said && !json_is_null(said) ? &generation : json;
    if (!status)
        status = plmr_hf_read_ends(&from->reader, from->root, made, config);
    plmr_hf_json_close(&generation);
    return status;
}

static plmr_status make(const char *folder, const plmr_hf_json *json, plmr_hf_config *config, plmr_gguf **gguf)
{
    plmr_made made = {0};
    plmr_status status = plmr_hf_read_config(&json->reader, json->root, &made, config);
    if (!status)
        status = read_ends(folder, json, &made, config);
    if (!status)
        status = plmr_hf_read_tokenizer(folder, config, &made);
    if (!status)
        return plmr_made_finish(&made, folder, gguf);
    free(made.bytes);
    return status;
}

static plmr_status open_folder(const char *folder, const char *file, plmr_gguf **gguf)
{
    plmr_hf_json json;
    plmr_hf_config *config = plmr_take(sizeof *config);
    plmr_gguf *made = NULL;
    plmr_status status = plmr_hf_json_open(folder, "config.json", true, &json);
    if (!status)
        status = make(folder, &json, config, &made);
    if (!status)
        status = open_tensors(folder, file, made);
    if (!status) {
        make_factors(config, made);
        status = name_tensors(config, made);
    }
    plmr_hf_json_close(&json);
    free(config);
    if (status)
        plmr_gguf_close(made);
    else
        *gguf = made;
    return status;
}

plmr_status plmr_hf_open(const char *path, plmr_gguf **gguf)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (is_directory(path))
        return open_folder(path, NULL, gguf);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    return open_folder(*folder ? folder : "/", slash ? slash + 1 : path, gguf);
}

/* ---- a shape ---- */

bool plmr_hf_is_config(const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    bool is_config = json_object_get(root, "model_type") != NULL;
    json_decref(root);
    return is_config;
}

plmr_status plmr_hf_parse_config(const char *text, const char *path, plmr_gguf **gguf)
{
    plmr_reader reader = {.text = text, .file = path};
    json_t *root;
    plmr_made made = {0};
    PLMR_TRY(plmr_reader_load(&reader, "a model", &root));
    plmr_hf_config *config = plmr_take(sizeof *config);
    plmr_status status = plmr_hf_read_config(&reader, root, &made, config);
    if (!status)
        status = plmr_made_finish(&made, path, gguf);
    else
        free(made.bytes);
    free(config);
    json_decref(root);
    return status;
}
