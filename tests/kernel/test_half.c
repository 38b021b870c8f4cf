/* f16 and bf16: every value, and every place where rounding changes its mind, in every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernel/kernel.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>

enum { ALL = 1 << 16 };

static bool same_value(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && !signbit(a) == !signbit(b));
}

static void every_f16(void **state)
{
    (void)state;
    for (unsigned half = 0; half < ALL; half++) {
        float value = plmr_float_from_f16((uint16_t)half);
        assert_true(same_value((double)value, value_of_f16(half)));
        assert_true(!signbit(value) == !(half & 0x8000));
        if (isnan(value))
            assert_true(isnan(value_of_f16(plmr_f16_from_float(value))));
        else
            assert_int_equal(plmr_f16_from_float(value), half);
        assert_true(same_bits(plmr_f16_round(value), value));
    }
}

static void every_bf16(void **state)
{
    (void)state;
    for (unsigned brain = 0; brain < ALL; brain++) {
        float value = plmr_float_from_bf16((uint16_t)brain);
        assert_true(same_value((double)value, value_of_bf16(brain)));
        if (isnan(value))
            assert_true(isnan(value_of_bf16(plmr_bf16_from_float(value))));
        else
            assert_int_equal(plmr_bf16_from_float(value), brain);
    }
}

static void check_rounding(float value)
{
    unsigned half = plmr_f16_from_float(value), brain = plmr_bf16_from_float(value);
    double want = nearest_f16((double)value);
    if (!same_value(value_of_f16(half), want) || !same_value((double)plmr_f16_round(value), want))
        fail_msg("%a becomes f16 %#x, %a", (double)value, half, (double)plmr_f16_round(value));
    if (!same_value(value_of_bf16(brain), nearest_bf16((double)value)))
        fail_msg("%a becomes bf16 %#x", (double)value, brain);
    assert_true(!signbit(value) == !(half & 0x8000) && !signbit(value) == !(brain & 0x8000));
}

static void check_around(float value)
{
    check_rounding(value);
    check_rounding(nextafterf(value, INFINITY));
    check_rounding(nextafterf(value, -INFINITY));
}

/* Both types' values, and the ties half-way to the next one, with their neighbours. */
static void ties(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < ALL; bits++) {
        double half = value_of_f16(bits), next_half = value_of_f16((bits + 1) % ALL);
        double brain = value_of_bf16(bits), next_brain = value_of_bf16((bits + 1) % ALL);
        if (isfinite(half))
            check_around((float)half);
        if (isfinite(half) && isfinite(next_half))
            check_around((float)((half + next_half) / 2));
        if (isfinite(brain))
            check_around((float)brain);
        if (isfinite(brain) && isfinite(next_brain))
            check_around((float)((brain + next_brain) / 2));
    }
}

static void limits(void **state)
{
    (void)state;
    static const float values[] = {65504,    65519.996f, 65520,    65536, 1e30f,     0x1.fefffep127f, 0x1.ffp127f,
                                   0x1p-14f, 0x1p-24f,   0x1p-25f, 0,     0x1p-149f, 0x1p-126f,       0x1.fffffep127f};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        check_around(values[i]);
        check_around(-values[i]);
    }
    check_rounding(INFINITY);
    check_rounding(-INFINITY);
    check_rounding(NAN);
    check_rounding(-NAN);
    check_rounding(plmr_float_from_bits(0x7f800001u)); /* signalling, its payload in bits that are cut off */
    check_rounding(plmr_float_from_bits(0xff80ffffu));
}

static void anything(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000000; i++)
        check_rounding(plmr_float_from_bits(hash(i, 1, 2, 3)));
}

static void check_to_float(const plmr_isa *isa, enum plmr_dtype dtype)
{
    uint16_t *words = must_allocate(ALL * sizeof *words);
    float *values = must_allocate(ALL * sizeof *values);
    for (unsigned i = 0; i < ALL; i++)
        words[i] = (uint16_t)(i * 0x9e37u); /* odd: every number once */
    for (int n = ALL; n > ALL - 20; n--) {
        values[ALL - 1] = 77;
        isa->to_float(dtype, n, words, values);
        for (int i = 0; i < n; i++)
            assert_true(
                same_value((double)values[i], dtype == PLMR_F16 ? value_of_f16(words[i]) : value_of_bf16(words[i])));
        assert_true(n == ALL || values[ALL - 1] == 77);
    }
    free(words);
    free(values);
}

static void check_from_float(const plmr_isa *isa, enum plmr_dtype dtype)
{
    enum { N = 100003 };
    uint16_t *words = must_allocate((N + 1) * sizeof *words);
    float *values = must_allocate(N * sizeof *values);
    for (uint32_t i = 0; i < N; i++) {
        uint32_t h = hash(i, 4, 5, 6);
        values[i] = i % 2 ? plmr_float_from_bits(h) : plmr_float_from_f16((uint16_t)h) * (1 + (int)(i % 3) * 0x1p-11f);
    }
    for (int n = N; n > N - 20; n--) {
        words[n] = 77;
        isa->from_float(dtype, n, values, words);
        for (int i = 0; i < n; i++)
            assert_int_equal(words[i],
                             dtype == PLMR_F16 ? plmr_f16_from_float(values[i]) : plmr_bf16_from_float(values[i]));
        assert_int_equal(words[n], 77);
    }
    free(words);
    free(values);
}

static void arrays(void **state)
{
    (void)state;
    for (int i = 0; i < N_ISAS; i++)
        if (isa_number(i)) {
            check_to_float(isa_number(i), PLMR_F16);
            check_to_float(isa_number(i), PLMR_BF16);
            check_from_float(isa_number(i), PLMR_F16);
            check_from_float(isa_number(i), PLMR_BF16);
        }
}

static void floats_are_copied(void **state)
{
    (void)state;
    float values[37], to[37], back[37];
    for (uint32_t i = 0; i < 37; i++)
        values[i] = plmr_float_from_bits(hash(i, 7, 8, 9) & 0xbfffffffu);
    plmr_convert_to_float(PLMR_F32, 37, values, to);
    plmr_convert_from_float(PLMR_F32, 37, to, back);
    assert_memory_equal(values, back, sizeof values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16),
        cmocka_unit_test(every_bf16),
        cmocka_unit_test(ties),
        cmocka_unit_test(limits),
        cmocka_unit_test(anything),
        cmocka_unit_test(arrays),
        cmocka_unit_test(floats_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
