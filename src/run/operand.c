#include "run/operand.h"

#include <stdio.h>

#include "base/values.h"
#include "plmr/ranks.h"
#include "report/npy_source.h"
#include "run/job.h"

plmr_status plmr_operand_open(const char *path, plmr_operand *operand)
{
    *operand = (plmr_operand){.npy = {.fd = -1}};
    if (!path)
        return PLMR_OK;
    plmr_status status = plmr_agree(plmr_npy_open(path, &operand->npy));
    if (status) {
        plmr_operand_close(operand);
        return status;
    }
    operand->path = path;
    plmr_source_npy(&operand->source, &operand->npy);
    return PLMR_OK;
}

void plmr_operand_close(plmr_operand *operand)
{
    plmr_error_free(plmr_npy_close(&operand->npy));
    operand->path = NULL;
}

void plmr_operand_fill(plmr_operand *operand, int64_t seed, int which, int64_t rows, int64_t cols)
{
    if (!operand->path)
        plmr_source_synthetic(&operand->source, 2 * (uint64_t)seed + (uint64_t)which, rows, cols);
}

void plmr_operand_describe(const char *name, const plmr_operand *operand, const char *other_name,
                           const plmr_operand *other, int64_t seed, char *text, size_t size)
{
    long long n = seed;
    if (operand->path && other->path)
        snprintf(text, size, "%s from %s, %s from %s", name, operand->path, other_name, other->path);
    else if (operand->path)
        snprintf(text, size, "%s from %s, %s synthetic with seed %lld", name, operand->path, other_name, n);
    else if (other->path)
        snprintf(text, size, "%s synthetic with seed %lld, %s from %s", name, n, other_name, other->path);
    else
        snprintf(text, size, "synthetic with seed %lld", n);
}

plmr_status plmr_read_size(const plmr_option *option, const char *text, void *member)
{
    return plmr_parse_count(plmr_option_shown(option).s, text, PLMR_MOST_ELEMENTS, &((plmr_size *)member)->value);
}

plmr_status plmr_size_set(plmr_size *size, const char *name, int64_t value, const plmr_operand *operand)
{
    PLMR_CHECK(!size->value || size->value == value, PLMR_ERROR_INPUT,
               "%s is %lld by %s%s, but %lld by %s, which is %lld x %lld: they must be the same", name,
               (long long)size->value, size->file ? "" : "--", size->file ? size->file : name, (long long)value,
               operand->path, (long long)operand->npy.rows, (long long)operand->npy.cols);
    *size = (plmr_size){value, operand->path};
    return PLMR_OK;
}

int64_t plmr_size_or(const plmr_size *size, int64_t value)
{
    return size->value ? size->value : value;
}
