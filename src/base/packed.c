#include "base/packed.h"

#include <math.h>

#include "base/half.h"

static const struct {
    const char *name;
    int n_bits;
    float largest;
} types[PLMR_N_PACKED] = {[PLMR_F8] = {"f8", 8, 448}, [PLMR_I8] = {"i8", 8, 127}, [PLMR_I4] = {"i4", 4, 7}};

const char *plmr_packed_name(enum plmr_packed packed)
{
    return types[packed].name;
}

/* To four bits of significand, below 2^-6 to multiples of 2^-9. */
static float round_f8(float value)
{
    int exponent;
    frexpf(value, &exponent);
    float step = ldexpf(1, exponent < -5 ? -9 : exponent - 4);
    return rintf(value / step) * step;
}

static float round_number(enum plmr_packed packed, float value)
{
    float number = packed == PLMR_F8 ? round_f8(value) : rintf(value);
    return fmaxf(fminf(number, types[packed].largest), -types[packed].largest);
}

static float scale_of(enum plmr_packed packed, int64_t n, const float *values)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(values[i]));
    return plmr_f16_round(most / types[packed].largest);
}

void plmr_packed_round(enum plmr_packed packed, bool scaled, int64_t n, float *values)
{
    float scale = scaled ? scale_of(packed, n, values) : 1;
    for (int64_t i = 0; i < n; i++)
        values[i] = scale == 0 ? 0 : plmr_f16_round(round_number(packed, values[i] / scale) * scale);
}

int64_t plmr_packed_bytes(enum plmr_packed packed, int64_t n, int64_t n_scales)
{
    return plmr_ceil_div(plmr_ceil_div(n * types[packed].n_bits, 8) + n_scales * PLMR_SCALE_BYTES, 4) * 4;
}
