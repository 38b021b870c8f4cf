#include "report/result.h"

#include <string.h>

#include "base/hash.h"
#include "kernel/kernel.h"
#include "ranks/shared_npy.h"

enum { PIECE = 1024 };

static int inside(int64_t first, int count, int64_t limit)
{
    return first >= limit ? 0 : count < limit - first ? count : (int)(limit - first);
}

void plmr_result_clip(int64_t m, int64_t n, int64_t row, int64_t col, int *n_rows, int *n_cols)
{
    *n_rows = inside(row, *n_rows, m);
    *n_cols = inside(col, *n_cols, n);
}

static uint64_t checksum_f32(uint64_t index, int n, const float *values)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        sum += plmr_checksum_element(index + (uint64_t)i, bits);
    }
    return sum;
}

static uint64_t checksum_half(enum plmr_dtype dtype, uint64_t index, int n, const float *values)
{
    uint16_t stored[PIECE];
    uint64_t sum = 0;
    for (int done = 0; done < n; done += PIECE) {
        int piece = n - done < PIECE ? n - done : PIECE;
        plmr_convert_from_float(dtype, piece, values + done, stored);
        for (int i = 0; i < piece; i++)
            sum += plmr_checksum_element(index + (uint64_t)(done + i), stored[i]);
    }
    return sum;
}

plmr_status plmr_checksum_rectangle(void *context, int64_t row, int64_t col, int n_rows, int n_cols,
                                    const float *values, size_t ld)
{
    plmr_checksum *checksum = context;
    plmr_result_clip(checksum->m, checksum->n, row, col, &n_rows, &n_cols);
    for (int r = 0; r < n_rows; r++) {
        uint64_t index = (uint64_t)(row + r) * (uint64_t)checksum->n + (uint64_t)col;
        const float *line = values + (size_t)r * ld;
        checksum->sum += checksum->dtype == PLMR_F32 ? checksum_f32(index, n_cols, line)
                                                     : checksum_half(checksum->dtype, index, n_cols, line);
    }
    return PLMR_OK;
}

/* ---- the user's file ---- */

plmr_status plmr_output_open(const char *option, const char *path, enum plmr_dtype dtype, int n_dims, int64_t m,
                             int64_t n, plmr_npy *output)
{
    *output = (plmr_npy){.fd = -1};
    if (!path)
        return PLMR_OK;
    enum plmr_dtype stored = dtype == PLMR_F16 ? PLMR_F16 : PLMR_F32;
    plmr_status error = plmr_shared_npy_create(path, stored, n_dims, m, n, output), named;
    if (!error)
        return PLMR_OK;
    named = plmr_error_make(plmr_error_code(error), "%s: %s", option, plmr_error_text(error));
    plmr_error_free(error);
    return named;
}

static plmr_status write_f16(const plmr_npy *npy, int64_t row, int64_t col, int n_cols, const float *values)
{
    uint16_t stored[PIECE];
    for (int done = 0; done < n_cols; done += PIECE) {
        int n = n_cols - done < PIECE ? n_cols - done : PIECE;
        plmr_convert_from_float(PLMR_F16, n, values + done, stored);
        PLMR_TRY(plmr_npy_write(npy, row, row + 1, col + done, col + done + n, stored, n));
    }
    return PLMR_OK;
}

plmr_status plmr_output_rectangle(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld)
{
    const plmr_npy *npy = context;
    plmr_result_clip(npy->rows, npy->cols, row, col, &n_rows, &n_cols);
    if (n_rows == 0 || n_cols == 0)
        return PLMR_OK;
    if (npy->dtype == PLMR_F32)
        return plmr_npy_write(npy, row, row + n_rows, col, col + n_cols, values, (int64_t)ld);
    for (int r = 0; r < n_rows; r++)
        PLMR_TRY(write_f16(npy, row + r, col, n_cols, values + (size_t)r * ld));
    return PLMR_OK;
}
