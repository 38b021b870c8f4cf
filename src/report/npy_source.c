#include "report/npy_source.h"

#include "kernel/kernel.h"

enum { PIECE = 2048 };

static plmr_status get_f16(const plmr_npy *npy, int64_t row, int64_t col, int n_cols, float *out)
{
    uint16_t stored[PIECE];
    for (int done = 0; done < n_cols; done += PIECE) {
        int n = n_cols - done < PIECE ? n_cols - done : PIECE;
        PLMR_TRY(plmr_npy_read(npy, row, row + 1, col + done, col + done + n, stored, n));
        plmr_convert_to_float(PLMR_F16, n, stored, out + done);
    }
    return PLMR_OK;
}

static plmr_status get(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                       size_t ld)
{
    const plmr_npy *npy = source->context;
    if (npy->dtype == PLMR_F32)
        return plmr_npy_read(npy, row, row + n_rows, col, col + n_cols, out, (int64_t)ld);
    for (int r = 0; r < n_rows; r++)
        PLMR_TRY(get_f16(npy, row + r, col, n_cols, out + (size_t)r * ld));
    return PLMR_OK;
}

void plmr_source_npy(plmr_source *source, const plmr_npy *npy)
{
    *source = (plmr_source){.get = get, .context = npy, .rows = npy->rows, .cols = npy->cols};
}
