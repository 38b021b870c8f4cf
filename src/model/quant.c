#include "model/quant.h"

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

enum { Q4_0_BYTES = 18, Q8_0_BYTES = 34, Q4_K_BYTES = 144, Q5_K_BYTES = 176, Q6_K_BYTES = 210 };

/* Scale d (f16), 32 4-bit q, the first 16 in the low halves of 16 bytes, the others in the high; element = d * (q - 8).
 */
static void decode_q4_0(const unsigned char *from, int64_t n_blocks, float *to)
{
    for (; n_blocks > 0; n_blocks--, from += Q4_0_BYTES, to += 32) {
        float scale = load_f16(from);
        for (int i = 0; i < 16; i++) {
            to[i] = scale * (float)((from[2 + i] & 15) - 8);
            to[16 + i] = scale * (float)((from[2 + i] >> 4) - 8);
        }
    }
}

/* Scale d (f16), 32 int8 q; element = d * q. */
static void decode_q8_0(const unsigned char *from, int64_t n_blocks, float *to)
{
    for (; n_blocks > 0; n_blocks--, from += Q8_0_BYTES, to += 32) {
        float scale = load_f16(from);
        for (int i = 0; i < 32; i++)
            to[i] = scale * (float)(int8_t)from[2 + i];
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
static void decode_q4_k(const unsigned char *from, int64_t n_blocks, float *to)
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
static void decode_q5_k(const unsigned char *from, int64_t n_blocks, float *to)
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
static void decode_q6_k(const unsigned char *from, int64_t n_blocks, float *to)
{
    for (; n_blocks > 0; n_blocks--, from += Q6_K_BYTES) {
        float d = load_f16(from + 208);
        for (int group = 0; group < 8; group++, to += 32) {
            const unsigned char *low = from + group / 4 * 64 + group % 2 * 32, *high = from + 128 + group / 4 * 32;
            int low_shift = group % 4 / 2 * 4, high_shift = group % 4 * 2;
            for (int i = 0; i < 32; i++) {
                int q = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
                to[i] = d * (float)(int8_t)from[192 + group * 2 + i / 16] * (float)(q - 32);
            }
        }
    }
}

/* Those that plmr reads, by their numbers. */
static const plmr_quant types[] = {
    [0] = {"F32", 1, 4, PLMR_F32, decode_f32},
    [1] = {"F16", 1, 2, PLMR_F16, decode_f16},
    [2] = {"Q4_0", 32, Q4_0_BYTES, PLMR_F16, decode_q4_0},
    [8] = {"Q8_0", 32, Q8_0_BYTES, PLMR_F16, decode_q8_0},
    [12] = {"Q4_K", 256, Q4_K_BYTES, PLMR_F16, decode_q4_k},
    [13] = {"Q5_K", 256, Q5_K_BYTES, PLMR_F16, decode_q5_k},
    [14] = {"Q6_K", 256, Q6_K_BYTES, PLMR_F16, decode_q6_k},
    [30] = {"BF16", 1, 2, PLMR_BF16, decode_bf16},
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
