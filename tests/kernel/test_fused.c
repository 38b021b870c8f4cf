/* One multiply-add in every instruction set, bit for bit against fmaf: above all where an emulation that rounds twice, to double
 * and then to float, goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernel/isa.h"
#include "reference.h"

#include <math.h>

enum { MOST = 32 };

typedef struct tile {
    float a[MOST], b[MOST], c[MOST * MOST];
} tile;

typedef void fill(uint32_t seed, tile *t);

static void check_tile(const plmr_isa *isa, const tile *t)
{
    const plmr_fetch none = {0};
    float c[MOST * MOST];
    for (int i = 0; i < MOST * MOST; i++)
        c[i] = t->c[i];
    isa->multiply[0](1, t->a, t->b, c, MOST, &none);
    for (int i = 0; i < isa->rows; i++)
        for (int j = 0; j < isa->cols; j++) {
            float want = fmaf(t->a[i], t->b[j], t->c[i * MOST + j]), got = c[i * MOST + j];
            if (!same_bits(got, want))
                fail_msg("%s: %a * %a + %a is %a, not %a", isa->name, (double)t->a[i], (double)t->b[j],
                         (double)t->c[i * MOST + j], (double)got, (double)want);
        }
}

static void check(int n_tiles, fill *fill)
{
    for (int i = 0; i < N_ISAS; i++)
        for (int n = 0; isa_number(i) && n < n_tiles; n++) {
            tile t;
            fill((uint32_t)n, &t);
            assert_true(isa_number(i)->rows <= MOST && isa_number(i)->cols <= MOST);
            check_tile(isa_number(i), &t);
        }
}

/* From lo <= number <= hi. */
static int between(int lo, int hi, uint32_t h)
{
    return lo + (int)(h % (uint32_t)(hi - lo + 1));
}

static void any_bits(uint32_t seed, tile *t)
{
    for (uint32_t i = 0; i < MOST; i++) {
        t->a[i] = plmr_float_from_bits(hash(seed, i, 0, 1));
        t->b[i] = plmr_float_from_bits(hash(seed, i, 0, 2));
    }
    for (uint32_t i = 0; i < MOST * MOST; i++)
        t->c[i] = plmr_float_from_bits(hash(seed, i, 0, 3));
}

static float near_one(uint32_t h)
{
    return (h & 8 ? -1.0f : 1.0f) * (1 + (float)between(0, 4, h >> 4) * 0x1p-23f - 0x1p-22f);
}

/* Products of about half a unit of the last place of c, or a quarter or one. c may be the least floats, and the greatest. */
static void near_ties(uint32_t seed, tile *t)
{
    int exponent = between(-151, 105, hash(seed, 0, 0, 1)); /* of the product */
    int half = exponent / 2 + between(-20, 20, hash(seed, 0, 0, 2));
    int least = exponent + 24 < -126 ? -126 : exponent + 24;
    for (uint32_t i = 0; i < MOST; i++) {
        t->a[i] = ldexpf(near_one(hash(seed, i, 0, 3)), half);
        t->b[i] = ldexpf(near_one(hash(seed, i, 0, 4)), exponent - half);
    }
    for (uint32_t i = 0; i < MOST * MOST; i++) {
        uint32_t h = hash(seed, i, 0, 5);
        int end = least - 23 + between(-1, 1, h >> 3);
        int whole = h & 1                   ? between(0, 9, h >> 8)
                    : between(0, 1, h >> 5) ? 0xffffff - between(0, 3, h >> 8)
                                            : (int)(h >> 8);
        t->c[i] = (float)ldexp(h & 4 ? whole : -whole, end < -149 ? -149 : end > 104 ? 104 : end);
    }
}

/* Products of 25 bits, which are ties themselves, and a c that is far below or nothing. */
static void ties_and_dust(uint32_t seed, tile *t)
{
    int exponent = between(-60, 40, hash(seed, 0, 0, 1));
    for (uint32_t i = 0; i < MOST; i++) {
        t->a[i] = ldexpf((float)(4097 + 2 * between(0, 2, hash(seed, i, 0, 2))), exponent);
        t->b[i] = ldexpf((float)(4097 + 2 * between(0, 2, hash(seed, i, 0, 3))), exponent);
    }
    for (uint32_t i = 0; i < MOST * MOST; i++) {
        uint32_t h = hash(seed, i, 0, 4);
        float dust = ldexpf(h & 1 ? 1 : -1, 2 * exponent - between(0, 60, h >> 4));
        t->c[i] = h & 2 ? dust : h & 4 ? 0.0f : -0.0f;
    }
}

static void special(uint32_t seed, tile *t)
{
    static const float values[] = {0,
                                   -0.0f,
                                   INFINITY,
                                   -INFINITY,
                                   NAN,
                                   1,
                                   -1,
                                   0x1p-149f,
                                   -0x1p-149f,
                                   0x1p-126f,
                                   -0x1p-126f,
                                   0x1.fffffep127f,
                                   -0x1.fffffep127f,
                                   0x1p-75f,
                                   0x1.fffffep-127f,
                                   0x1p64f};
    enum { N = sizeof values / sizeof *values };
    for (uint32_t i = 0; i < MOST; i++) {
        t->a[i] = values[hash(seed, i, 0, 1) % N];
        t->b[i] = values[hash(seed, i, 0, 2) % N];
    }
    for (uint32_t i = 0; i < MOST * MOST; i++)
        t->c[i] = values[hash(seed, i, 0, 3) % N];
}

static void anything(void **state)
{
    (void)state;
    check(20000, any_bits);
}

static void ties(void **state)
{
    (void)state;
    check(40000, near_ties);
    check(5000, ties_and_dust);
}

static void specials(void **state)
{
    (void)state;
    check(5000, special);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything),
        cmocka_unit_test(ties),
        cmocka_unit_test(specials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
