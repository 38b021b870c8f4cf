/* The header of a GGUF file up to its list of tensors. */
#include "model/gguf_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_KEYS = 1000000, MOST_TENSORS = 1000000, LONGEST_KEY = 65535 };

/* The least that a key with its value, and a tensor's entry, take in the file. */
enum { LEAST_VALUE_BYTES = 8 + 4 + 1, LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8 };

plmr_status plmr_gguf_skip(plmr_gguf_cursor *cursor, uint64_t n)
{
    size_t left = cursor->gguf->n_bytes - cursor->at;
    if (n > left)
        return plmr_gguf_fault(cursor->gguf,
                               "needs %llu bytes at byte %zu of its header, where %zu are left; " PLMR_GGUF_DAMAGED,
                               (unsigned long long)n, cursor->at, left);
    cursor->at += (size_t)n;
    return PLMR_OK;
}

static plmr_status take(plmr_gguf_cursor *cursor, void *to, size_t n)
{
    const unsigned char *from = cursor->gguf->bytes + cursor->at;
    PLMR_TRY(plmr_gguf_skip(cursor, n));
    memcpy(to, from, n);
    return PLMR_OK;
}

plmr_status plmr_gguf_take_u32(plmr_gguf_cursor *cursor, uint32_t *value)
{
    return take(cursor, value, sizeof *value);
}

plmr_status plmr_gguf_take_u64(plmr_gguf_cursor *cursor, uint64_t *value)
{
    return take(cursor, value, sizeof *value);
}

plmr_status plmr_gguf_take_text(plmr_gguf_cursor *cursor, plmr_gguf_text *text)
{
    uint64_t n;
    PLMR_TRY(plmr_gguf_take_u64(cursor, &n));
    *text = (plmr_gguf_text){(const char *)cursor->gguf->bytes + cursor->at, (size_t)n};
    return plmr_gguf_skip(cursor, n);
}

size_t plmr_gguf_value_bytes(enum plmr_gguf_value_type type)
{
    static const unsigned char sizes[PLMR_GGUF_N_VALUE_TYPES] = {
        [PLMR_GGUF_U8] = 1,  [PLMR_GGUF_I8] = 1,  [PLMR_GGUF_BOOL] = 1, [PLMR_GGUF_U16] = 2,
        [PLMR_GGUF_I16] = 2, [PLMR_GGUF_U32] = 4, [PLMR_GGUF_I32] = 4,  [PLMR_GGUF_F32] = 4,
        [PLMR_GGUF_U64] = 8, [PLMR_GGUF_I64] = 8, [PLMR_GGUF_F64] = 8,
    };
    return sizes[type];
}

/* Bytes of `count` things, each at least `each` bytes, must be left before anything is made room for. */
static plmr_status check_count(const plmr_gguf_cursor *cursor, const char *what, uint64_t count, uint64_t each,
                               uint64_t most)
{
    size_t left = cursor->gguf->n_bytes - cursor->at;
    if (count > most || count > left / each)
        return plmr_gguf_fault(cursor->gguf,
                               "claims to hold %llu %s in the %zu bytes left at byte %zu; " PLMR_GGUF_DAMAGED,
                               (unsigned long long)count, what, left, cursor->at);
    return PLMR_OK;
}

static plmr_status take_type(plmr_gguf_cursor *cursor, const plmr_gguf_value *value, enum plmr_gguf_value_type *type)
{
    char key[PLMR_GGUF_SHOWN];
    uint32_t number;
    PLMR_TRY(plmr_gguf_take_u32(cursor, &number));
    if (number >= PLMR_GGUF_N_VALUE_TYPES)
        return plmr_gguf_fault(cursor->gguf, "key '%s' is of an unknown type, %u; " PLMR_GGUF_DAMAGED,
                               plmr_gguf_show(value->key, key, sizeof key), (unsigned)number);
    *type = (enum plmr_gguf_value_type)number;
    return PLMR_OK;
}

static plmr_status take_array(plmr_gguf_cursor *cursor, plmr_gguf_value *value)
{
    char key[PLMR_GGUF_SHOWN];
    value->is_array = true;
    PLMR_TRY(take_type(cursor, value, &value->type));
    if (value->type == PLMR_GGUF_ARRAY)
        return plmr_gguf_fault(cursor->gguf, "key '%s' is an array of arrays, which plmr does not read; remove it",
                               plmr_gguf_show(value->key, key, sizeof key));
    PLMR_TRY(plmr_gguf_take_u64(cursor, &value->count));
    size_t each = plmr_gguf_value_bytes(value->type);
    return check_count(cursor, "array elements", value->count, each ? each : sizeof(uint64_t), UINT64_MAX);
}

static plmr_status skip_elements(plmr_gguf_cursor *cursor, const plmr_gguf_value *value)
{
    size_t each = plmr_gguf_value_bytes(value->type);
    if (each)
        return plmr_gguf_skip(cursor, value->count * each); /* check_count has made sure of the product */
    plmr_gguf_text unused;
    for (uint64_t i = 0; i < value->count; i++)
        PLMR_TRY(plmr_gguf_take_text(cursor, &unused));
    return PLMR_OK;
}

static plmr_status take_value(plmr_gguf_cursor *cursor, plmr_gguf_value *value)
{
    *value = (plmr_gguf_value){.count = 1};
    size_t start = cursor->at;
    PLMR_TRY(plmr_gguf_take_text(cursor, &value->key));
    if (value->key.n_bytes == 0 || value->key.n_bytes > LONGEST_KEY)
        return plmr_gguf_fault(cursor->gguf, "has a key of %zu bytes at byte %zu, expected 1 to %d; " PLMR_GGUF_DAMAGED,
                               value->key.n_bytes, start, LONGEST_KEY);
    PLMR_TRY(take_type(cursor, value, &value->type));
    if (value->type == PLMR_GGUF_ARRAY)
        PLMR_TRY(take_array(cursor, value));
    value->at = cursor->at;
    return skip_elements(cursor, value);
}

static int compare_values(const void *a, const void *b)
{
    return plmr_gguf_text_compare(((const plmr_gguf_value *)a)->key, ((const plmr_gguf_value *)b)->key);
}

static plmr_status take_values(plmr_gguf_cursor *cursor, plmr_gguf *gguf)
{
    gguf->values = plmr_take(sizeof *gguf->values * ((size_t)gguf->n_values + 1));
    for (uint64_t i = 0; i < gguf->n_values; i++)
        PLMR_TRY(take_value(cursor, &gguf->values[i]));
    qsort(gguf->values, (size_t)gguf->n_values, sizeof *gguf->values, compare_values);
    char key[PLMR_GGUF_SHOWN];
    for (uint64_t i = 1; i < gguf->n_values; i++)
        if (compare_values(&gguf->values[i - 1], &gguf->values[i]) == 0)
            return plmr_gguf_fault(gguf, "has the key '%s' twice; write the file again with one of them",
                                   plmr_gguf_show(gguf->values[i].key, key, sizeof key));
    return PLMR_OK;
}

/* The 4 bytes of magic were read as one number, whose bytes are in reverse in files for big-endian machines. */
static plmr_status check_version(const plmr_gguf *gguf, uint32_t version)
{
    if (version && (version & 0xffff) == 0)
        return plmr_gguf_fault(gguf, "is a big-endian GGUF file; convert it to little-endian, or download that one");
    if (version == 1)
        return plmr_gguf_fault(gguf, "is of GGUF version 1; convert it with a current converter to version 3");
    if (version != 2 && version != 3)
        return plmr_gguf_fault(gguf, "is of GGUF version %u, of which plmr knows 2 and 3; convert it to version 3",
                               (unsigned)version);
    return PLMR_OK;
}

static plmr_status check_magic(const plmr_gguf *gguf)
{
    if (gguf->n_bytes < 4 || memcmp(gguf->bytes, "GGUF", 4) != 0)
        return plmr_gguf_fault(gguf, "is not a GGUF file; convert the model to GGUF (the file of a shape without "
                                     "weights must end in .json)");
    return PLMR_OK;
}

plmr_status plmr_gguf_read_header(plmr_gguf *gguf)
{
    uint32_t version;
    plmr_gguf_cursor cursor = {gguf, 4};
    PLMR_TRY(check_magic(gguf));
    PLMR_TRY(plmr_gguf_take_u32(&cursor, &version));
    PLMR_TRY(check_version(gguf, version));
    PLMR_TRY(plmr_gguf_take_u64(&cursor, &gguf->n_tensors));
    PLMR_TRY(plmr_gguf_take_u64(&cursor, &gguf->n_values));
    PLMR_TRY(check_count(&cursor, "keys", gguf->n_values, LEAST_VALUE_BYTES, MOST_KEYS));
    PLMR_TRY(check_count(&cursor, "tensors", gguf->n_tensors, LEAST_TENSOR_BYTES, MOST_TENSORS));
    PLMR_TRY(take_values(&cursor, gguf));
    return plmr_gguf_read_tensors(&cursor, gguf);
}
