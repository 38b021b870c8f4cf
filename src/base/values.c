#include "base/values.h"

#include <Random123/philox.h>

/* Four neighbours of a row come from one counter. */
static void four_values(uint64_t seed, int64_t row, int64_t group, float out[4])
{
    philox4x32_ctr_t counter = {{(uint32_t)group, (uint32_t)(group >> 32), (uint32_t)row, (uint32_t)(row >> 32)}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    for (int i = 0; i < 4; i++)
        out[i] = (float)((int32_t)bits.v[i] >> 8) * 0x1p-23f;
}

static plmr_status get(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                       size_t ld)
{
    for (int r = 0; r < n_rows; r++)
        for (int64_t group = col / 4; group * 4 < col + n_cols; group++) {
            float four[4];
            four_values(source->seed, row + r, group, four);
            for (int64_t c = group * 4; c < group * 4 + 4; c++)
                if (c >= col && c < col + n_cols)
                    out[(size_t)r * ld + (size_t)(c - col)] = four[c - group * 4];
        }
    return PLMR_OK;
}

void plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols)
{
    *source = (plmr_source){.get = get, .seed = seed, .rows = rows, .cols = cols};
}

static plmr_status get_ones(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                            size_t ld)
{
    (void)source, (void)row, (void)col;
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n_cols; j++)
            out[(size_t)i * ld + (size_t)j] = 1;
    return PLMR_OK;
}

void plmr_source_ones(plmr_source *source, int64_t rows, int64_t cols)
{
    *source = (plmr_source){.get = get_ones, .rows = rows, .cols = cols};
}
