#include "model/safetensors.h"
#include "model/gguf_internal.h"
#include "model/quant.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LENGTH_BYTES = 8, MOST_HEADER = 100000000, MOST_NAME = 255, MOST_DIMS = 4 };

/* Their numbers in GGUF files. */
static const struct type {
    const char *name;
    uint32_t number;
} types[] = {{"F32", 0}, {"F16", 1}, {"BF16", 30}};

enum { N_TYPES = sizeof types / sizeof *types };

static plmr_status read_type(const plmr_gguf *gguf, const json_t *entry, plmr_gguf_tensor *tensor)
{
    char name[PLMR_GGUF_SHOWN], shown[40];
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    for (int i = 0; i < N_TYPES && dtype && !tensor->quant; i++)
        if (strcmp(dtype, types[i].name) == 0)
            tensor->quant = plmr_quant_find(types[i].number);
    if (tensor->quant)
        return PLMR_OK;
    dtype = dtype ? dtype : "none";
    return plmr_gguf_fault(gguf, "tensor '%s' is of type %s, plmr reads F32, F16 and BF16; convert the model to GGUF",
                           plmr_gguf_show(tensor->name, name, sizeof name),
                           plmr_gguf_show((plmr_gguf_text){dtype, strlen(dtype)}, shown, sizeof shown));
}

/* Slowest first in the file; a tensor of no dimensions is a number. */
static plmr_status read_shape(const plmr_gguf *gguf, const json_t *entry, plmr_gguf_tensor *tensor)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t n = json_array_size(shape);
    int64_t elements = 1;
    if (!json_is_array(shape) || n > MOST_DIMS)
        return plmr_gguf_tensor_fault(gguf, tensor, "has no shape of at most 4 dimensions");
    tensor->n_dims = n ? (int)n : 1;
    for (size_t i = 0; i < MOST_DIMS; i++) {
        const json_t *size = json_array_get(shape, n - 1 - i);
        tensor->ne[i] = i < n ? json_integer_value(size) : 1;
        if ((i < n && !json_is_integer(size)) || tensor->ne[i] < 1 ||
            __builtin_mul_overflow(elements, tensor->ne[i], &elements))
            return plmr_gguf_tensor_fault(gguf, tensor,
                                          "has a dimension of 0, or more elements than any file can hold");
    }
    tensor->cols = tensor->ne[0];
    tensor->rows = elements / tensor->cols;
    tensor->row_bytes = (size_t)tensor->cols * (size_t)tensor->quant->n_bytes;
    return PLMR_OK;
}

/* Offsets count from the end of the header. */
static plmr_status read_place(const plmr_gguf *gguf, const json_t *entry, size_t start, plmr_gguf_tensor *tensor)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return plmr_gguf_tensor_fault(gguf, tensor, "has no place (data_offsets)");
    int64_t begin = json_integer_value(from), end = json_integer_value(to), n_bytes;
    if (begin < 0 || end < begin || (uint64_t)end > gguf->n_bytes - start)
        return plmr_gguf_tensor_fault(gguf, tensor, "reaches beyond the end of the file");
    if (__builtin_mul_overflow(tensor->rows * tensor->cols, (int64_t)tensor->quant->n_bytes, &n_bytes) ||
        n_bytes != end - begin)
        return plmr_gguf_tensor_fault(gguf, tensor, "has not as many bytes as its shape and type call for");
    tensor->offset = start + (uint64_t)begin;
    tensor->data = gguf->bytes + tensor->offset;
    return PLMR_OK;
}

/* A name has room to be changed into one of a weight. */
static plmr_status read_entries(plmr_gguf *gguf, json_t *root, size_t start)
{
    const char *key;
    json_t *entry;
    enum { ROOM = MOST_NAME + 1 };
    gguf->tensors = plmr_take((json_object_size(root) + 1) * sizeof *gguf->tensors);
    gguf->names = plmr_take((json_object_size(root) + 1) * ROOM);
    json_object_foreach(root, key, entry)
    {
        if (strcmp(key, "__metadata__") == 0)
            continue;
        size_t n = strlen(key);
        if (n < 1 || n > MOST_NAME)
            return plmr_gguf_fault(gguf, "has a tensor name of %zu bytes, expected 1 to %d; " PLMR_GGUF_DAMAGED, n,
                                   MOST_NAME);
        plmr_gguf_tensor *tensor = &gguf->tensors[gguf->n_tensors];
        char *name = gguf->names + gguf->n_tensors++ * ROOM;
        memcpy(name, key, n + 1);
        *tensor = (plmr_gguf_tensor){.name = {name, n}};
        PLMR_TRY(read_type(gguf, entry, tensor));
        PLMR_TRY(read_shape(gguf, entry, tensor));
        PLMR_TRY(read_place(gguf, entry, start, tensor));
    }
    return plmr_gguf_check_overlaps(gguf);
}

static plmr_status read_header(plmr_gguf *gguf)
{
    uint64_t n = 0;
    json_error_t error;
    if (gguf->n_bytes >= LENGTH_BYTES)
        memcpy(&n, gguf->bytes, LENGTH_BYTES);
    if (gguf->n_bytes < LENGTH_BYTES || n > MOST_HEADER || n > gguf->n_bytes - LENGTH_BYTES)
        return plmr_gguf_fault(gguf, "is not a safetensors file, or cut short; copy or download it again");
    json_t *root = json_loadb((const char *)gguf->bytes + LENGTH_BYTES, (size_t)n, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return plmr_gguf_fault(gguf, "has a header that is no JSON object; " PLMR_GGUF_DAMAGED);
    }
    plmr_status status = read_entries(gguf, root, LENGTH_BYTES + (size_t)n);
    json_decref(root);
    return status ? status : plmr_gguf_sort_tensors(gguf);
}

plmr_status plmr_safetensors_open(const char *path, plmr_gguf **gguf)
{
    const unsigned char *bytes;
    size_t n_bytes;
    PLMR_TRY(plmr_gguf_map(path, &bytes, &n_bytes));
    return plmr_gguf_make(read_header, bytes, n_bytes, path, true, gguf);
}

plmr_status plmr_safetensors_parse(const void *bytes, size_t n_bytes, const char *path, plmr_gguf **gguf)
{
    return plmr_gguf_make(read_header, bytes, n_bytes, path, false, gguf);
}
