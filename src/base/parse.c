#include "base/parse.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"
#include "base/suggest.h"

/* 0 is a number here; beyond int64 it is the largest. */
static bool read_digits(const char *text, int64_t *value)
{
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return false;
    *value = strtoll(text, NULL, 10); /* INT64_MAX on overflow */
    return true;
}

static plmr_status check_most(const char *option, const char *text, int64_t most, int64_t value)
{
    PLMR_CHECK(value <= most, PLMR_ERROR_INPUT, "%s: %.60s is too large: at most %s", option, text,
               plmr_format_count(most).s);
    return PLMR_OK;
}

plmr_status plmr_parse_count(const char *option, const char *text, int64_t most, int64_t *value)
{
    PLMR_CHECK(read_digits(text, value) && *value > 0, PLMR_ERROR_INPUT, "%s: '%.60s' is not a positive whole number",
               option, text);
    return check_most(option, text, most, *value);
}

plmr_status plmr_parse_whole(const char *option, const char *text, int64_t most, int64_t *value)
{
    PLMR_CHECK(read_digits(text, value), PLMR_ERROR_INPUT, "%s: '%.60s' is not a whole number from 0", option, text);
    return check_most(option, text, most, *value);
}

bool plmr_is_decimal(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && !*end && strspn(text, "0123456789.eE+-") == strlen(text);
}

bool plmr_scan_whole(const char **at, int64_t most, int64_t *value)
{
    size_t n = strspn(*at, "0123456789");
    int64_t number = n ? strtoll(*at, NULL, 10) : INT64_MAX;
    if (number > most)
        return false;
    *value = number;
    *at += n;
    return true;
}

bool plmr_scan_real(const char **at, double *value)
{
    char copy[64];
    size_t n = strspn(*at, "0123456789.eE+-");
    if (n >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", (int)n, *at);
    bool is_number = plmr_is_decimal(copy, value);
    *at += is_number ? n : 0;
    return is_number;
}

bool plmr_scan_text(const char **at, const char *text)
{
    size_t n = strlen(text);
    bool is_there = strncmp(*at, text, n) == 0;
    *at += is_there ? n : 0;
    return is_there;
}

plmr_status plmr_parse_real(const char *option, const char *text, double least, double most, double *value)
{
    PLMR_CHECK(plmr_is_decimal(text, value) && *value >= least && *value <= most, PLMR_ERROR_INPUT,
               "%s: '%.60s' is not a number from %g to %g", option, text, least, most);
    return PLMR_OK;
}

plmr_status plmr_parse_pair(const char *option, const char *text, const char *form, int *first, int *second)
{
    char copy[32];
    int64_t sizes[2] = {0, 0};
    bool fits = strlen(text) < sizeof copy;
    if (fits)
        strcpy(copy, text);
    char *x = fits ? strchr(copy, 'x') : NULL;
    if (x)
        *x = '\0';
    PLMR_CHECK(x && read_digits(copy, &sizes[0]) && read_digits(x + 1, &sizes[1]) && sizes[0] > 0 && sizes[1] > 0,
               PLMR_ERROR_INPUT, "%s: '%.60s' is not %s", option, text, form);
    PLMR_CHECK(sizes[0] <= INT_MAX && sizes[1] <= INT_MAX, PLMR_ERROR_INPUT, "%s: '%.60s' is too large", option, text);
    *first = (int)sizes[0];
    *second = (int)sizes[1];
    return PLMR_OK;
}

/* `more`: what else may be said. */
static plmr_status unknown_word(const char *option, const char *text, const char *const *words, int n, const char *more)
{
    char known[400] = "";
    size_t used = 0;
    const char *near = plmr_suggest(text, words, n);
    for (int i = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", words[i]);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s%sunknown '%.60s'%s%s%s (available: %s%s)", option, *option ? ": " : "",
                           text, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", known, more);
}

static plmr_status find_word(const char *option, const char *text, const char *const *words, int n, const char *more,
                             int *index)
{
    for (*index = 0; *index < n; ++*index)
        if (strcmp(text, words[*index]) == 0)
            return PLMR_OK;
    return unknown_word(option, text, words, n, more);
}

plmr_status plmr_parse_word(const char *option, const char *text, const char *const *words, int n, int *index)
{
    return find_word(option, text, words, n, "", index);
}

static plmr_status parse_each(const char *option, char *list, const char *const *words, int n, int *indices,
                              int *n_indices)
{
    for (char *word; (word = strsep(&list, ","));) {
        PLMR_CHECK(*word, PLMR_ERROR_INPUT, "%s: a name is missing beside a comma", option);
        PLMR_TRY(find_word(option, word, words, n, ", all", &indices[*n_indices]));
        for (int i = 0; i < *n_indices; i++)
            PLMR_CHECK(indices[i] != indices[*n_indices], PLMR_ERROR_INPUT, "%s: %s is named twice", option, word);
        ++*n_indices;
    }
    return PLMR_OK;
}

plmr_status plmr_parse_words(const char *option, const char *text, const char *const *words, int n, int *indices,
                             int *n_indices)
{
    *n_indices = 0;
    if (strcmp(text, "all") == 0) {
        while (*n_indices < n) {
            indices[*n_indices] = *n_indices;
            ++*n_indices;
        }
        return PLMR_OK;
    }
    char *list = plmr_take_copy(text);
    plmr_status status = parse_each(option, list, words, n, indices, n_indices);
    free(list);
    return status;
}

plmr_status plmr_parse_counts(const char *option, const char *text, int64_t most, int room, int *numbers, int *n)
{
    char *list = plmr_take_copy(text), *rest = list;
    plmr_status status = PLMR_OK;
    *n = 0;
    for (char *word; !status && (word = strsep(&rest, ","));) {
        int64_t number = 0;
        status = *n < room ? plmr_parse_count(option, word, most, &number)
                           : plmr_error_make(PLMR_ERROR_INPUT, "%s: more than %d numbers", option, room);
        if (!status)
            numbers[(*n)++] = (int)number;
    }
    free(list);
    return status;
}

static const char blanks[] = " \t\r\n";

static plmr_status parse_ids(const char *option, const char *text, int32_t *list, int *n)
{
    const char *at = text + strspn(text, blanks);
    for (bool more = *at; more;) {
        const char *start = at;
        int length = (int)strcspn(at, ", \t\r\n");
        int64_t id;
        PLMR_CHECK(length, PLMR_ERROR_INPUT, "%s: a token id is missing beside a comma", option);
        bool is_id = plmr_scan_whole(&at, INT32_MAX, &id) && at == start + length;
        PLMR_CHECK(is_id, PLMR_ERROR_INPUT, "%s: '%.*s' is no token id, a whole number from 0", option,
                   length < 40 ? length : 40, start);
        list[(*n)++] = (int32_t)id;
        at += strspn(at, blanks);
        more = plmr_scan_text(&at, ",") || *at;
        at += strspn(at, blanks);
    }
    return PLMR_OK;
}

plmr_status plmr_parse_ids(const char *option, const char *text, int32_t **ids, int *n_ids)
{
    int32_t *list = plmr_take((strlen(text) / 2 + 1) * sizeof *list);
    int n = 0;
    plmr_status status = parse_ids(option, text, list, &n);
    if (status) {
        free(list);
        return status;
    }
    *ids = list;
    *n_ids = n;
    return PLMR_OK;
}
