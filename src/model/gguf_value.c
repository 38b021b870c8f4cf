/* What a GGUF file's keys say, by type. */
#include "model/gguf_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int plmr_gguf_text_compare(plmr_gguf_text a, plmr_gguf_text b)
{
    int order = memcmp(a.bytes, b.bytes, a.n_bytes < b.n_bytes ? a.n_bytes : b.n_bytes);
    return order ? order : (a.n_bytes > b.n_bytes) - (a.n_bytes < b.n_bytes);
}

bool plmr_gguf_text_is(plmr_gguf_text text, const char *word)
{
    return text.n_bytes == strlen(word) && memcmp(text.bytes, word, text.n_bytes) == 0;
}

const char *plmr_gguf_show(plmr_gguf_text text, char *to, size_t size)
{
    size_t n = text.n_bytes < size - 1 ? text.n_bytes : size - 1;
    for (size_t i = 0; i < n; i++)
        to[i] = text.bytes[i] >= ' ' && text.bytes[i] <= '~' ? text.bytes[i] : '?';
    to[n] = '\0';
    return to;
}

static int compare_key(const void *key, const void *value)
{
    return plmr_gguf_text_compare(*(const plmr_gguf_text *)key, ((const plmr_gguf_value *)value)->key);
}

static const plmr_gguf_value *find(const plmr_gguf *gguf, const char *key)
{
    plmr_gguf_text text = {key, strlen(key)};
    return bsearch(&text, gguf->values, (size_t)gguf->n_values, sizeof *gguf->values, compare_key);
}

bool plmr_gguf_has(const plmr_gguf *gguf, const char *key)
{
    return find(gguf, key) != NULL;
}

bool plmr_gguf_is_array(const plmr_gguf *gguf, const char *key)
{
    const plmr_gguf_value *value = find(gguf, key);
    return value && value->is_array;
}

static const char *type_name(enum plmr_gguf_value_type type)
{
    static const char *const names[PLMR_GGUF_N_VALUE_TYPES] = {"uint8",  "int8",    "uint16",  "int16",  "uint32",
                                                               "int32",  "float32", "boolean", "string", "array",
                                                               "uint64", "int64",   "float64"};
    return names[type];
}

static plmr_status wrong_type(const plmr_gguf *gguf, const plmr_gguf_value *value, bool is_array, const char *expected)
{
    static const char *const array = "an array of ";
    char key[PLMR_GGUF_SHOWN];
    return plmr_gguf_fault(gguf, "key '%s' is %s%s, expected %s%s; convert the model again",
                           plmr_gguf_show(value->key, key, sizeof key), value->is_array ? array : "",
                           type_name(value->type), is_array ? array : "", expected);
}

/* The value of a key that must have one, or be an array. */
static plmr_status find_value(const plmr_gguf *gguf, const char *key, bool is_array, const char *expected,
                              const plmr_gguf_value **value)
{
    *value = find(gguf, key);
    if (!*value)
        return plmr_gguf_fault(gguf, "lacks the key '%.80s'; convert the model again with a current converter", key);
    return (*value)->is_array == is_array ? PLMR_OK : wrong_type(gguf, *value, is_array, expected);
}

/* The integer at `from`, or the nearest that an int64_t can hold; false if the type is another. */
static bool load_int(enum plmr_gguf_value_type type, const unsigned char *from, int64_t *to)
{
    uint64_t bits = 0;
    memcpy(&bits, from, plmr_gguf_value_bytes(type));
    switch (type) {
    case PLMR_GGUF_U8:
    case PLMR_GGUF_U16:
    case PLMR_GGUF_U32:
    case PLMR_GGUF_I64:
        *to = (int64_t)bits;
        return true;
    case PLMR_GGUF_U64:
        *to = bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
        return true;
    case PLMR_GGUF_I8:
        *to = (int8_t)bits;
        return true;
    case PLMR_GGUF_I16:
        *to = (int16_t)bits;
        return true;
    case PLMR_GGUF_I32:
        *to = (int32_t)bits;
        return true;
    default:
        return false;
    }
}

static bool load_float(enum plmr_gguf_value_type type, const unsigned char *from, double *to)
{
    float single;
    if (type == PLMR_GGUF_F64) {
        memcpy(to, from, sizeof *to);
    } else if (type == PLMR_GGUF_F32) {
        memcpy(&single, from, sizeof single);
        *to = single;
    } else {
        return false;
    }
    return true;
}

plmr_status plmr_gguf_get_int(const plmr_gguf *gguf, const char *key, int64_t least, int64_t most, int64_t *value)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, false, "an integer", &found));
    if (!load_int(found->type, gguf->bytes + found->at, value))
        return wrong_type(gguf, found, false, "an integer");
    if (*value < least || *value > most)
        return plmr_gguf_fault(gguf, "key '%.80s' is %lld; plmr takes %lld to %lld", key, (long long)*value,
                               (long long)least, (long long)most);
    return PLMR_OK;
}

plmr_status plmr_gguf_get_float(const plmr_gguf *gguf, const char *key, double least, double most, double *value)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, false, "a float", &found));
    if (!load_float(found->type, gguf->bytes + found->at, value))
        return wrong_type(gguf, found, false, "a float");
    bool is_single = found->type == PLMR_GGUF_F32; /* so are the bounds, for it has no nearer values */
    if (!(*value >= (is_single ? (float)least : least) && *value <= (is_single ? (float)most : most)))
        return plmr_gguf_fault(gguf, "key '%.80s' is %g; plmr takes %g to %g", key, *value, least, most);
    return PLMR_OK;
}

plmr_status plmr_gguf_get_bool(const plmr_gguf *gguf, const char *key, bool *value)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, false, "a boolean", &found));
    if (found->type != PLMR_GGUF_BOOL)
        return wrong_type(gguf, found, false, "a boolean");
    *value = gguf->bytes[found->at] != 0;
    return PLMR_OK;
}

plmr_status plmr_gguf_get_text(const plmr_gguf *gguf, const char *key, plmr_gguf_text *value)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, false, "a string", &found));
    if (found->type != PLMR_GGUF_TEXT)
        return wrong_type(gguf, found, false, "a string");
    return plmr_gguf_take_text(&(plmr_gguf_cursor){gguf, found->at}, value);
}

/* Room for the elements of an array, which take `each` bytes; the file has a byte at least for each of them. */
static void *make_room(const plmr_gguf_value *value, size_t each)
{
    PLMR_ASSERT(value->count <= SIZE_MAX / each);
    return plmr_take((size_t)value->count * each);
}

plmr_status plmr_gguf_get_ints(const plmr_gguf *gguf, const char *key, int64_t **values, size_t *n)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, true, "integers", &found));
    int64_t *to = make_room(found, sizeof *to);
    size_t each = plmr_gguf_value_bytes(found->type);
    enum plmr_gguf_value_type type = found->type == PLMR_GGUF_BOOL ? PLMR_GGUF_U8 : found->type;
    for (size_t i = 0; i < found->count; i++)
        if (!load_int(type, gguf->bytes + found->at + i * each, &to[i])) {
            free(to);
            return wrong_type(gguf, found, true, "integers");
        }
    *values = to;
    *n = (size_t)found->count;
    return PLMR_OK;
}

plmr_status plmr_gguf_get_floats(const plmr_gguf *gguf, const char *key, float **values, size_t *n)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, true, "float32", &found));
    if (found->type != PLMR_GGUF_F32)
        return wrong_type(gguf, found, true, "float32");
    *values = make_room(found, sizeof **values);
    memcpy(*values, gguf->bytes + found->at, sizeof **values * (size_t)found->count);
    *n = (size_t)found->count;
    return PLMR_OK;
}

plmr_status plmr_gguf_get_texts(const plmr_gguf *gguf, const char *key, plmr_gguf_text **values, size_t *n)
{
    const plmr_gguf_value *found;
    PLMR_TRY(find_value(gguf, key, true, "strings", &found));
    if (found->type != PLMR_GGUF_TEXT)
        return wrong_type(gguf, found, true, "strings");
    plmr_gguf_cursor cursor = {gguf, found->at};
    plmr_gguf_text *to = make_room(found, sizeof *to);
    for (size_t i = 0; i < found->count; i++) {
        plmr_status status = plmr_gguf_take_text(&cursor, &to[i]);
        if (status) {
            free(to);
            return status;
        }
    }
    *values = to;
    *n = (size_t)found->count;
    return PLMR_OK;
}
