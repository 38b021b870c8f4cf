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
    plmr_gguf_take_tensors(first, part);
    return PLMR_OK;
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
    return plmr_gguf_sort_tensors(first);
}

bool plmr_gguf_is_joined(const plmr_gguf *gguf)
{
    return gguf->part != NULL;
}
