/* The tensors of a GGUF file: their list, and their elements. */
#include "model/gguf_internal.h"
#include "model/quant.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { LONGEST_NAME = 255, MOST_ALIGNMENT = 1 << 20, DEFAULT_ALIGNMENT = 32 };

plmr_status plmr_gguf_tensor_fault(const plmr_gguf *gguf, const plmr_gguf_tensor *tensor, const char *what)
{
    char name[PLMR_GGUF_SHOWN];
    return plmr_gguf_fault(gguf, "tensor '%s' %s; " PLMR_GGUF_DAMAGED, plmr_gguf_show(tensor->name, name, sizeof name),
                           what);
}

static plmr_status take_name(plmr_gguf_cursor *cursor, plmr_gguf_tensor *tensor)
{
    size_t start = cursor->at;
    PLMR_TRY(plmr_gguf_take_text(cursor, &tensor->name));
    if (tensor->name.n_bytes == 0 || tensor->name.n_bytes > LONGEST_NAME)
        return plmr_gguf_fault(cursor->gguf,
                               "has a tensor name of %zu bytes at byte %zu, expected 1 to %d; " PLMR_GGUF_DAMAGED,
                               tensor->name.n_bytes, start, LONGEST_NAME);
    return PLMR_OK;
}

static plmr_status take_dimensions(plmr_gguf_cursor *cursor, plmr_gguf_tensor *tensor)
{
    uint32_t n;
    PLMR_TRY(plmr_gguf_take_u32(cursor, &n));
    if (n < 1 || n > 4)
        return plmr_gguf_tensor_fault(cursor->gguf, tensor, "has not 1 to 4 dimensions");
    tensor->n_dims = (int)n;
    int64_t elements = 1;
    for (int i = 0; i < 4; i++) {
        uint64_t size = 1;
        if (i < tensor->n_dims)
            PLMR_TRY(plmr_gguf_take_u64(cursor, &size));
        if (size < 1 || __builtin_mul_overflow(elements, size, &elements))
            return plmr_gguf_tensor_fault(cursor->gguf, tensor,
                                          "has a dimension of 0, or more elements than any file can hold");
        tensor->ne[i] = (int64_t)size;
    }
    tensor->cols = tensor->ne[0];
    tensor->rows = elements / tensor->cols;
    return PLMR_OK;
}

static plmr_status take_quant(plmr_gguf_cursor *cursor, plmr_gguf_tensor *tensor)
{
    uint32_t number;
    char name[PLMR_GGUF_SHOWN];
    PLMR_TRY(plmr_gguf_take_u32(cursor, &number));
    tensor->quant = plmr_quant_find(number);
    if (!tensor->quant)
        return plmr_gguf_fault(cursor->gguf,
                               "tensor '%s' is of type %s (%u), plmr reads %s; convert the model to one of these",
                               plmr_gguf_show(tensor->name, name, sizeof name), plmr_quant_name(number),
                               (unsigned)number, plmr_quant_list().s);
    if (tensor->cols % tensor->quant->n_elements != 0)
        return plmr_gguf_tensor_fault(cursor->gguf, tensor, "has rows that are no whole number of its type's blocks");
    if (__builtin_mul_overflow((size_t)(tensor->cols / tensor->quant->n_elements), (size_t)tensor->quant->n_bytes,
                               &tensor->row_bytes))
        return plmr_gguf_tensor_fault(cursor->gguf, tensor, "has more elements than any file can hold");
    return PLMR_OK;
}

static plmr_status take_tensor(plmr_gguf_cursor *cursor, plmr_gguf_tensor *tensor)
{
    *tensor = (plmr_gguf_tensor){0};
    PLMR_TRY(take_name(cursor, tensor));
    PLMR_TRY(take_dimensions(cursor, tensor));
    PLMR_TRY(take_quant(cursor, tensor));
    return plmr_gguf_take_u64(cursor, &tensor->offset);
}

static int compare_names(const void *a, const void *b)
{
    return plmr_gguf_text_compare(((const plmr_gguf_tensor *)a)->name, ((const plmr_gguf_tensor *)b)->name);
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t first = ((const plmr_gguf_tensor *)a)->offset, second = ((const plmr_gguf_tensor *)b)->offset;
    return (first > second) - (first < second);
}

static plmr_status check_names(const plmr_gguf *gguf)
{
    for (uint64_t i = 1; i < gguf->n_tensors; i++)
        if (compare_names(&gguf->tensors[i - 1], &gguf->tensors[i]) == 0)
            return plmr_gguf_tensor_fault(gguf, &gguf->tensors[i], "is there twice");
    return PLMR_OK;
}

/* Gives the tensors their places in the file, in which the data start at `start`. */
static plmr_status place_tensors(plmr_gguf *gguf, uint64_t start, uint64_t alignment)
{
    for (uint64_t i = 0; i < gguf->n_tensors; i++) {
        plmr_gguf_tensor *tensor = &gguf->tensors[i];
        uint64_t n_bytes, end;
        if (tensor->offset % alignment != 0)
            return plmr_gguf_tensor_fault(gguf, tensor, "does not lie at a multiple of general.alignment");
        if (__builtin_mul_overflow((uint64_t)tensor->rows, (uint64_t)tensor->row_bytes, &n_bytes) ||
            __builtin_add_overflow(tensor->offset, start, &tensor->offset) ||
            __builtin_add_overflow(tensor->offset, n_bytes, &end) || end > gguf->n_bytes)
            return plmr_gguf_tensor_fault(gguf, tensor, "reaches beyond the end of the file");
        tensor->data = gguf->bytes + tensor->offset;
    }
    return PLMR_OK;
}

plmr_status plmr_gguf_check_overlaps(plmr_gguf *gguf)
{
    uint64_t free_from = 0;
    qsort(gguf->tensors, (size_t)gguf->n_tensors, sizeof *gguf->tensors, compare_offsets);
    for (uint64_t i = 0; i < gguf->n_tensors; i++) {
        const plmr_gguf_tensor *tensor = &gguf->tensors[i];
        if (tensor->offset < free_from)
            return plmr_gguf_tensor_fault(gguf, tensor, "overlaps another");
        free_from = tensor->offset + (uint64_t)tensor->rows * tensor->row_bytes;
    }
    return PLMR_OK;
}

static plmr_status find_alignment(const plmr_gguf *gguf, uint64_t *alignment)
{
    static const char key[] = "general.alignment";
    int64_t value = DEFAULT_ALIGNMENT;
    if (plmr_gguf_has(gguf, key))
        PLMR_TRY(plmr_gguf_get_int(gguf, key, 1, MOST_ALIGNMENT, &value));
    if (value & (value - 1))
        return plmr_gguf_fault(gguf, "key '%s' is %lld, expected a power of two; " PLMR_GGUF_DAMAGED, key,
                               (long long)value);
    *alignment = (uint64_t)value;
    return PLMR_OK;
}

plmr_status plmr_gguf_read_tensors(plmr_gguf_cursor *cursor, plmr_gguf *gguf)
{
    uint64_t alignment;
    PLMR_TRY(find_alignment(gguf, &alignment));
    size_t n = (size_t)gguf->n_tensors;
    gguf->tensors = plmr_take(sizeof *gguf->tensors * (n + 1));
    for (size_t i = 0; i < n; i++)
        PLMR_TRY(take_tensor(cursor, &gguf->tensors[i]));
    PLMR_TRY(place_tensors(gguf, (cursor->at + alignment - 1) / alignment * alignment, alignment));
    PLMR_TRY(plmr_gguf_check_overlaps(gguf));
    return plmr_gguf_sort_tensors(gguf);
}

plmr_status plmr_gguf_sort_tensors(plmr_gguf *gguf)
{
    qsort(gguf->tensors, (size_t)gguf->n_tensors, sizeof *gguf->tensors, compare_names);
    return check_names(gguf);
}

const plmr_gguf_tensor *plmr_gguf_tensors(const plmr_gguf *gguf, size_t *n)
{
    *n = (size_t)gguf->n_tensors;
    return gguf->tensors;
}

static int compare_name(const void *name, const void *tensor)
{
    return plmr_gguf_text_compare(*(const plmr_gguf_text *)name, ((const plmr_gguf_tensor *)tensor)->name);
}

const plmr_gguf_tensor *plmr_gguf_find(const plmr_gguf *gguf, const char *name)
{
    plmr_gguf_text text = {name, strlen(name)};
    return bsearch(&text, gguf->tensors, (size_t)gguf->n_tensors, sizeof *gguf->tensors, compare_name);
}

const char *plmr_gguf_type_name(const plmr_gguf_tensor *tensor)
{
    return tensor->quant->name;
}

enum plmr_dtype plmr_gguf_dtype(const plmr_gguf_tensor *tensor)
{
    return tensor->quant->dtype;
}

/* Elements [from, to) of a block. */
static void read_part(const plmr_quant *quant, const unsigned char *block, int64_t from, int64_t to, float *out)
{
    float all[PLMR_QUANT_MOST_ELEMENTS];
    quant->decode(block, 1, all);
    memcpy(out, all + from, sizeof *out * (size_t)(to - from));
}

/* Elements [col, end) of a row: of its first and last blocks perhaps a part. */
static void read_run(const plmr_quant *quant, const unsigned char *row, int64_t col, int64_t end, float *out)
{
    int64_t n = quant->n_elements, first = col / n, last = end / n;
    if (col % n) {
        int64_t stop = first < last ? n : end % n;
        read_part(quant, row + first * quant->n_bytes, col % n, stop, out);
        out += stop - col % n;
        first++;
    }
    if (first < last)
        quant->decode(row + first * quant->n_bytes, last - first, out);
    if (first <= last && end % n)
        read_part(quant, row + last * quant->n_bytes, 0, end % n, out + (last - first) * n);
}

void plmr_gguf_read(const plmr_gguf_tensor *tensor, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols,
                    float *out, size_t ld)
{
    PLMR_ASSERT(row >= 0 && n_rows >= 0 && n_rows <= tensor->rows - row);
    PLMR_ASSERT(col >= 0 && n_cols >= 0 && n_cols <= tensor->cols - col);
    for (int64_t r = 0; r < n_rows; r++)
        read_run(tensor->quant, tensor->data + (size_t)(row + r) * tensor->row_bytes, col, col + n_cols,
                 out + (size_t)r * ld);
}

static plmr_status get(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                       size_t ld)
{
    plmr_gguf_read(source->context, source->first_row + row, n_rows, col, n_cols, out, ld);
    return PLMR_OK;
}

void plmr_source_gguf(plmr_source *source, const plmr_gguf_tensor *tensor, int64_t first_row, int64_t n_rows)
{
    const plmr_quant *quant = tensor->quant;
    *source =
        (plmr_source){.get = get, .context = tensor, .rows = n_rows, .cols = tensor->cols, .first_row = first_row};
    source->stored = (plmr_stored){tensor->data + (size_t)first_row * tensor->row_bytes,
                                   tensor->row_bytes,
                                   quant->n_elements,
                                   quant->n_bytes,
                                   quant->decode,
                                   quant->packing};
}
