#include "model/transposed.h"

/* Elements of a piece: long in the direction in which the source is stored, and a cache line's worth across. */
enum { LONG = 256, SHORT = 16 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

plmr_status plmr_source_get_transposed(const plmr_source *stored, int64_t row, int64_t col, int n_rows, int n_cols,
                                       float *out, size_t ld)
{
    float piece[SHORT][LONG];
    for (int c0 = 0; c0 < n_cols; c0 += SHORT)
        for (int r0 = 0; r0 < n_rows; r0 += LONG) {
            int n_long = least(n_rows - r0, LONG), n_short = least(n_cols - c0, SHORT);
            PLMR_TRY(stored->get(stored, col + c0, row + r0, n_short, n_long, piece[0], LONG));
            for (int r = 0; r < n_long; r++)
                for (int c = 0; c < n_short; c++)
                    out[(size_t)(r0 + r) * ld + (size_t)(c0 + c)] = piece[c][r];
        }
    return PLMR_OK;
}
