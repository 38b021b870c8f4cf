#include "model/quant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "kernel/kernel.h"

/* Types as numbered in the file; those without a name were never in use, or are no more. */
static const char *const names[] = {
    "F32",    "F16",      "Q4_0",     "Q4_1",     "Q4_2",  "Q4_3",  "Q5_0",       "Q5_1",       "Q8_0",       "Q8_1",
    "Q2_K",   "Q3_K",     "Q4_K",     "Q5_K",     "Q6_K",  "Q8_K",  "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",    "IQ1_S",
    "IQ4_NL", "IQ3_S",    "IQ2_S",    "IQ4_XS",   "I8",    "I16",   "I32",        "I64",        "F64",        "IQ1_M",
    "BF16",   "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4"};

const char *plmr_quant_name(uint32_t number)
{
    return number < sizeof names / sizeof *names ? names[number] : "unknown";
}

static uint16_t load_u16(const unsigned char *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

static float load_f16(const unsigned char *from)
{
    return plmr_float_from_f16(load_u16(from));
}

static void decode_f32(const unsigned char *from, int64_t n, float *to)
{
    memcpy(to, from, sizeof *to * (size_t)n);
}

/* The kernels want whole words. */
static void decode_16(enum plmr_dtype dtype, const unsigned char *from, int64_t n, float *to)
{
    if ((uintptr_t)from % sizeof(uint16_t) == 0) {
        plmr_convert_to_float(dtype, n, from, to);
        return;
    }
    for (int64_t i = 0; i < n; i++, from += 2)
        to[i] = dtype == PLMR_F16 ? load_f16(from) : plmr_float_from_bf16(load_u16(from));
}

static void decode_f16(const unsigned char *from, int64_t n, float *to)
{
    decode_16(PLMR_F16, from, n, to);
}

static void decode_bf16(const unsigned char *from, int64_t n, float *to)
{
    decode_16(PLMR_BF16, from, n, to);
}

enum {
    Q4_0_BYTES = 18,
    Q4_1_BYTES = 20,
    Q5_0_BYTES = 22,
    Q5_1_BYTES = 24,
    Q8_0_BYTES = 34,
    Q2_K_BYTES = 84,
    Q3_K_BYTES = 110,
    Q4_K_BYTES = 144,
    Q5_K_BYTES = 176,
    Q6_K_BYTES = 210,
    IQ4_NL_BYTES = 18,
    IQ4_XS_BYTES = 136,
    MXFP4_BYTES = 17
};

/* ---- blocks of 32 ---- */

/* Scale d (f16), 32 4-bit q, the first 16 in the low halves of 16 bytes, the others in the high; element = d * (q - 8).
 */
static void decode_q4_0(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q4_0_BYTES, to += 32) {
        float scale = load_f16(from);
        for (int i = 0; i < 16; i++) {
            to[i] = scale * (float)((from[2 + i] & 15) - 8);
            to[16 + i] = scale * (float)((from[2 + i] >> 4) - 8);
        }
    }
}

/* Scale d and least m (f16), q as in Q4_0; element = d * q + m. */
static void decode_q4_1(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q4_1_BYTES, to += 32) {
        float scale = load_f16(from), least = load_f16(from + 2);
        for (int i = 0; i < 32; i++)
            to[i] = scale * (float)(from[4 + i % 16] >> i / 16 * 4 & 15) + least;
    }
}

/* Element i of 32 with five bits: the low four as in Q4_0 at `low`, the fifth in bit i of the four bytes at `high`. */
static int five_bits(const unsigned char *low, const unsigned char *high, int i)
{
    return (low[i % 16] >> i / 16 * 4 & 15) | (high[i / 8] >> i % 8 & 1) << 4;
}

/* Scale d (f16), 32 5-bit q; element = d * (q - 16). */
static void decode_q5_0(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q5_0_BYTES, to += 32) {
        float scale = load_f16(from);
        for (int i = 0; i < 32; i++)
            to[i] = scale * (float)(five_bits(from + 6, from + 2, i) - 16);
    }
}

/* Scale d and least m (f16), 32 5-bit q; element = d * q + m. */
static void decode_q5_1(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q5_1_BYTES, to += 32) {
        float scale = load_f16(from), least = load_f16(from + 2);
        for (int i = 0; i < 32; i++)
            to[i] = scale * (float)five_bits(from + 8, from + 4, i) + least;
    }
}

/* What the four bits of IQ4_NL and IQ4_XS stand for: steps that are finer about 0. */
static const signed char uneven[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* Of MXFP4, in halves: a sign, two bits of exponent and one of mantissa. */
static const signed char e2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* 32 numbers of a table, placed as in Q4_0, times a scale. */
static void look_up(const signed char table[16], float scale, const unsigned char *from, float *to)
{
    for (int i = 0; i < 32; i++)
        to[i] = scale * (float)table[from[i % 16] >> i / 16 * 4 & 15];
}

static void decode_iq4_nl(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += IQ4_NL_BYTES, to += 32)
        look_up(uneven, load_f16(from), from + 2, to);
}

/* The scale is 2^(e - 127), e in one byte. */
static void decode_mxfp4(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += MXFP4_BYTES, to += 32)
        look_up(e2m1, ldexpf(1, *from - 128), from + 1, to);
}

/* Scale d (f16), 32 int8 q; element = d * q. */
static void decode_q8_0(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q8_0_BYTES, to += 32) {
        float scale = load_f16(from);
        for (int i = 0; i < 32; i++)
            to[i] = scale * (float)(int8_t)from[2 + i];
    }
}

/* ---- blocks of 256 ---- */

/* Where two bits of element i of 128 lie: in byte i % 32 of 32, those of elements 32 apart side by side. */
static int two_bits(const unsigned char *from, int i)
{
    return from[i % 32] >> i / 32 * 2 & 3;
}

/* 16 bytes with a 4-bit s and a 4-bit t, 256 2-bit q, scales d and m (f16); element of sub-block j of 16 = d * s[j] * q
 * - m * t[j]. */
static void decode_q2_k(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q2_K_BYTES) {
        float d = load_f16(from + 80), m = load_f16(from + 82);
        for (int j = 0; j < 16; j++, to += 16) {
            float step = d * (float)(from[j] & 15), least = m * (float)(from[j] >> 4);
            for (int i = 0; i < 16; i++)
                to[i] = step * (float)two_bits(from + 16 + j / 8 * 32, j % 8 * 16 + i) - least;
        }
    }
}

/* The third bits of 256 q, their low two bits, 16 6-bit s in 12 bytes, d (f16); element of sub-block j of 16 = d *
 * (s[j] - 32) * (q - 4). Bit b of the byte i of third bits is that of element 32 b + i. Low halves and then high halves
 * of 8 bytes are the low bits of s, of which 4 bytes hold the others: those of s[j] in byte j % 4. */
static void decode_q3_k(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q3_K_BYTES) {
        const unsigned char *scales = from + 96;
        float d = load_f16(from + 108);
        for (int j = 0; j < 16; j++, to += 16) {
            int s = (scales[j % 8] >> j / 8 * 4 & 15) | (scales[8 + j % 4] >> j / 4 * 2 & 3) << 4;
            float step = d * (float)(s - 32);
            for (int i = 0; i < 16; i++) {
                int third = from[j % 2 * 16 + i] >> j / 2 & 1;
                to[i] = step * (float)((two_bits(from + 32 + j / 8 * 32, j % 8 * 16 + i) | third << 2) - 4);
            }
        }
    }
}

/* Pair j of the eight 6-bit scales and minima. The first four of each fill the low bits of bytes 0-3 and 4-7, whose top
 * bits hold those of the last four; the rest of these shares bytes 8-11. */
static void unpack_scale(const unsigned char *packed, int j, int *scale, int *minimum)
{
    if (j < 4) {
        *scale = packed[j] & 63;
        *minimum = packed[j + 4] & 63;
    } else {
        *scale = (packed[j + 4] & 15) | packed[j - 4] >> 6 << 4;
        *minimum = packed[j + 4] >> 4 | packed[j] >> 6 << 4;
    }
}

/* Scales d and m (f16), 8 pairs of 6-bit (s, t) in 12 bytes, 256 4-bit q; element of sub-block j of 32 = d * s[j] * q -
 * m * t[j]. Sub-blocks 2 i and 2 i + 1 are the low and the high halves of the same 32 bytes. */
static void decode_q4_k(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q4_K_BYTES) {
        float d = load_f16(from), m = load_f16(from + 2);
        for (int j = 0; j < 8; j++, to += 32) {
            const unsigned char *bytes = from + 16 + j / 2 * 32;
            int scale, minimum, shift = j % 2 * 4;
            unpack_scale(from + 4, j, &scale, &minimum);
            float step = d * (float)scale, least = m * (float)minimum;
            for (int i = 0; i < 32; i++)
                to[i] = step * (float)(bytes[i] >> shift & 15) - least;
        }
    }
}

/* As Q4_K, with 32 bytes before the low bits: bit j of byte i is the fifth bit of element i of sub-block j. */
static void decode_q5_k(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q5_K_BYTES) {
        float d = load_f16(from), m = load_f16(from + 2);
        for (int j = 0; j < 8; j++, to += 32) {
            const unsigned char *low = from + 48 + j / 2 * 32, *high = from + 16;
            int scale, minimum, shift = j % 2 * 4;
            unpack_scale(from + 4, j, &scale, &minimum);
            float step = d * (float)scale, least = m * (float)minimum;
            for (int i = 0; i < 32; i++)
                to[i] = step * (float)((low[i] >> shift & 15) | (high[i] >> j & 1) << 4) - least;
        }
    }
}

/* The low 4 bits and the high 2 bits of 256 q, 16 int8 s, d (f16); element of sub-block j of 16 = d * s[j] * (q - 32).
 * Each half block of 128 has four groups of 32: low bits in 64 bytes, a group's in the low or high halves of 32 of
 * them; high bits in 32 bytes, two bits for each group. */
static void decode_q6_k(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += Q6_K_BYTES) {
        float d = load_f16(from + 208);
        for (int part = 0; part < 16; part++, to += 16) {
            int group = part / 2, at = group % 2 * 32 + part % 2 * 16, bits = part % 2 * 16;
            const unsigned char *low = from + group / 4 * 64 + at, *high = from + 128 + group / 4 * 32 + bits;
            int low_shift = group % 4 / 2 * 4, high_shift = group % 4 * 2;
            float step = d * (float)(int8_t)from[192 + part];
            for (int i = 0; i < 16; i++)
                to[i] = step * (float)(((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4) - 32);
        }
    }
}

/* d (f16), 8 6-bit s: their high bits in two bytes, then their low bits in four; 256 4-bit q; each 32 as in IQ4_NL, with
 * the scale d * (s - 32). */
static void decode_iq4_xs(const unsigned char *restrict from, int64_t n_blocks, float *restrict to)
{
    for (; n_blocks > 0; n_blocks--, from += IQ4_XS_BYTES) {
        float d = load_f16(from);
        for (int j = 0; j < 8; j++, to += 32) {
            int s = (from[4 + j / 2] >> j % 2 * 4 & 15) | (load_u16(from + 2) >> 2 * j & 3) << 4;
            look_up(uneven, d * (float)(s - 32), from + 8 + j * 16, to);
        }
    }
}

/* Those that plmr reads, by their numbers. bf16 holds what MXFP4 has, f16 has not its exponents. */
static const plmr_quant types[] = {
    [0] = {"F32", 1, 4, PLMR_F32, decode_f32, PLMR_PACKING_NONE},
    [1] = {"F16", 1, 2, PLMR_F16, decode_f16, PLMR_PACKING_NONE},
    [2] = {"Q4_0", 32, Q4_0_BYTES, PLMR_F16, decode_q4_0, PLMR_PACKING_NONE},
    [3] = {"Q4_1", 32, Q4_1_BYTES, PLMR_F16, decode_q4_1, PLMR_PACKING_NONE},
    [6] = {"Q5_0", 32, Q5_0_BYTES, PLMR_F16, decode_q5_0, PLMR_PACKING_NONE},
    [7] = {"Q5_1", 32, Q5_1_BYTES, PLMR_F16, decode_q5_1, PLMR_PACKING_NONE},
    [8] = {"Q8_0", 32, Q8_0_BYTES, PLMR_F16, decode_q8_0, PLMR_PACKING_Q8_0},
    [10] = {"Q2_K", 256, Q2_K_BYTES, PLMR_F16, decode_q2_k, PLMR_PACKING_NONE},
    [11] = {"Q3_K", 256, Q3_K_BYTES, PLMR_F16, decode_q3_k, PLMR_PACKING_NONE},
    [12] = {"Q4_K", 256, Q4_K_BYTES, PLMR_F16, decode_q4_k, PLMR_PACKING_Q4_K},
    [13] = {"Q5_K", 256, Q5_K_BYTES, PLMR_F16, decode_q5_k, PLMR_PACKING_NONE},
    [14] = {"Q6_K", 256, Q6_K_BYTES, PLMR_F16, decode_q6_k, PLMR_PACKING_Q6_K},
    [20] = {"IQ4_NL", 32, IQ4_NL_BYTES, PLMR_F16, decode_iq4_nl, PLMR_PACKING_NONE},
    [23] = {"IQ4_XS", 256, IQ4_XS_BYTES, PLMR_F16, decode_iq4_xs, PLMR_PACKING_NONE},
    [30] = {"BF16", 1, 2, PLMR_BF16, decode_bf16, PLMR_PACKING_NONE},
    [39] = {"MXFP4", 32, MXFP4_BYTES, PLMR_BF16, decode_mxfp4, PLMR_PACKING_NONE},
};
enum { N_TYPES = sizeof types / sizeof *types };
_Static_assert((int)N_TYPES <= (int)PLMR_QUANT_MOST_TYPES, "there is room for a count of each type");

const plmr_quant *plmr_quant_find(uint32_t number)
{
    return number < N_TYPES && types[number].decode ? &types[number] : NULL;
}

plmr_quant_names plmr_quant_list(void)
{
    plmr_quant_names names = {""};
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].decode) {
            size_t at = strlen(names.s);
            snprintf(names.s + at, sizeof names.s - at, "%s%s", at ? ", " : "", types[i].name);
        }
    return names;
}
