/* Models that are split into several files: MODEL-00001-of-0000N.gguf and so on. */
#include "model/gguf_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_PARTS = 99999, SUFFIX = sizeof "-00001-of-00001.gguf" - 1 };

/* Parts are counted from 0 inside files, from 1 in their names. */
static plmr_status read_place(const plmr_gguf *gguf, int64_t *place, int64_t *n_parts)
{
    *place = 0;
    *n_parts = 1;
    if (!plmr_gguf_has(gguf, "split.count"))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_int(gguf, "split.count", 0, MOST_PARTS, n_parts));
    return *n_parts > 1 ? plmr_gguf_get_int(gguf, "split.no", 0, *n_parts - 1, place) : PLMR_OK;
}

/* Of arrays, such as the texts of tokens, the length. */
static bool are_alike(const plmr_gguf *a, const plmr_gguf_value *x, const plmr_gguf *b, const plmr_gguf_value *y)
{
    plmr_gguf_text of[2];
    if (x->type != y->type || x->is_array != y->is_array || x->count != y->count)
        return false;
    if (x->is_array || x->type != PLMR_GGUF_TEXT)
        return x->is_array || memcmp(a->bytes + x->at, b->bytes + y->at, plmr_gguf_value_bytes(x->type)) == 0;
    plmr_error_free(plmr_gguf_take_text(&(plmr_gguf_cursor){a, x->at}, &of[0])); /* it has been read before */
    plmr_error_free(plmr_gguf_take_text(&(plmr_gguf_cursor){b, y->at}, &of[1]));
    return plmr_gguf_text_compare(of[0], of[1]) == 0;
}

/* Parts may repeat what the first says of the model, and have nothing else to say of it. */
static plmr_status check_keys(const plmr_gguf *first, const plmr_gguf *part)
{
    char key[PLMR_GGUF_SHOWN];
    for (uint64_t i = 0, j = 0; i < part->n_values; i++) {
        const plmr_gguf_value *value = &part->values[i];
        while (j < first->n_values && plmr_gguf_text_compare(first->values[j].key, value->key) < 0)
            j++;
        bool is_own = plmr_gguf_text_is(value->key, "split.no") || plmr_gguf_text_is(value->key, "general.alignment");
        if (!is_own && j < first->n_values && plmr_gguf_text_compare(first->values[j].key, value->key) == 0 &&
            !are_alike(first, &first->values[j], part, value))
            return plmr_gguf_fault(part, "key '%s' is not what it is in the first part; download it again",
                                   plmr_gguf_show(value->key, key, sizeof key));
    }
    return PLMR_OK;
}

void plmr_gguf_take_tensors(plmr_gguf *first, const plmr_gguf *part)
{
    size_t n = (size_t)first->n_tensors, more = (size_t)part->n_tensors;
    first->tensors = plmr_take_more(first->tensors, (n + more + 1) * sizeof *first->tensors);
    memcpy(first->tensors + n, part->tensors, more * sizeof *first->tensors);
    first->n_tensors += more;
}

static plmr_status open_part(plmr_gguf *first, int64_t number, int64_t n_parts, plmr_gguf ***end)
{
    char path[PATH_MAX];
    int64_t place, n;
    size_t length = strlen(first->path) - SUFFIX;
    snprintf(path, sizeof path, "%.*s-%05lld-of-%05lld.gguf", (int)length, first->path, (long long)number,
             (long long)n_parts);
    PLMR_TRY(plmr_gguf_open(path, *end));
    plmr_gguf *part = **end;
    *end = &part->part;
    PLMR_TRY(read_place(part, &place, &n));
    if (n != n_parts || place != number - 1)
        return plmr_gguf_fault(part, "is part %lld of %lld, by its name it is %lld of %lld; download it again",
                               (long long)place + 1, (long long)n, (long long)number, (long long)n_parts);
    PLMR_TRY(check_keys(first, part));
    plmr_gguf_take_tensors(first, part);
    return PLMR_OK;
}

/* Of all parts; some files do not say how many there are. */
static plmr_status check_count(const plmr_gguf *first)
{
    int64_t n = (int64_t)first->n_tensors;
    if (plmr_gguf_has(first, "split.tensors.count"))
        PLMR_TRY(plmr_gguf_get_int(first, "split.tensors.count", 0, INT64_MAX, &n));
    return n == (int64_t)first->n_tensors
               ? PLMR_OK
               : plmr_gguf_fault(first,
                                 "has %llu tensors in its parts, key 'split.tensors.count' says %lld; download them "
                                 "again",
                                 (unsigned long long)first->n_tensors, (long long)n);
}

plmr_status plmr_gguf_join(plmr_gguf *first)
{
    int64_t place, n;
    char suffix[SUFFIX + 16];
    plmr_gguf **end = &first->part;
    size_t length = strlen(first->path);
    PLMR_TRY(read_place(first, &place, &n));
    if (n <= 1)
        return PLMR_OK;
    snprintf(suffix, sizeof suffix, "-00001-of-%05lld.gguf", (long long)n);
    if (place || length < SUFFIX || strcmp(first->path + length - SUFFIX, suffix) != 0)
        return plmr_gguf_fault(first, "is part %lld of a split model; name the first of its %lld files, MODEL%s",
                               (long long)place + 1, (long long)n, suffix);
    for (int64_t number = 2; number <= n; number++)
        PLMR_TRY(open_part(first, number, n, &end));
    PLMR_TRY(check_count(first));
    return plmr_gguf_sort_tensors(first);
}

bool plmr_gguf_is_joined(const plmr_gguf *gguf)
{
    return gguf->part != NULL;
}
