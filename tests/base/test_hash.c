/* The checksum's values are part of results: they must never change, nor depend on who adds up what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"

static void known_values(void **state)
{
    (void)state;
    static const struct {
        uint64_t index;
        uint32_t bits;
        uint64_t sum;
    } known[] = {
        {0, 0, UINT64_C(0xfbf3d07040a8e228)},
        {0, 0x3f800000, UINT64_C(0x9243cb6fd0e642ba)},
        {1, 0, UINT64_C(0x1d8b045e9be86976)},
        {UINT64_C(1) << 40, 0xffffffff, UINT64_C(0xf148a0920d5d145c)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(plmr_checksum_element(known[i].index, known[i].bits), known[i].sum);
}

static uint32_t value(uint64_t index)
{
    return (uint32_t)(index * 2654435761u) >> (index % 7);
}

static void any_split_adds_up(void **state)
{
    (void)state;
    enum { ROWS = 37, COLS = 41 };
    uint64_t whole = 0, parts[4] = {0};
    for (uint64_t i = 0; i < ROWS * COLS; i++)
        whole += plmr_checksum_element(i, value(i));
    for (uint64_t c = COLS; c-- > 0;)
        for (uint64_t r = 0; r < ROWS; r++)
            parts[(r >= 20) * 2 + (c >= 11)] += plmr_checksum_element(r * COLS + c, value(r * COLS + c));
    assert_int_equal(whole, parts[0] + parts[1] + parts[2] + parts[3]);
}

/* Two elements that change places, or one bit that changes, change the sum. */
static void differences_show(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t j = i + 1 + i % 13;
        uint64_t here = plmr_checksum_element(i, value(i)) + plmr_checksum_element(j, value(j));
        uint64_t swapped = plmr_checksum_element(i, value(j)) + plmr_checksum_element(j, value(i));
        if (value(i) != value(j))
            assert_int_not_equal(here, swapped);
        for (int bit = 0; bit < 32; bit++)
            assert_int_not_equal(plmr_checksum_element(i, value(i)), plmr_checksum_element(i, value(i) ^ 1u << bit));
    }
}

/* Each bit of the sum is 1 about half of the time, also for the small indices and sparse bits of real matrices. */
static void bits_are_balanced(void **state)
{
    (void)state;
    enum { N = 20000 };
    int ones[64] = {0};
    for (uint64_t i = 0; i < N; i++) {
        uint64_t h = plmr_checksum_element(i, i % 2 ? 0x3f800000 : 0);
        for (int bit = 0; bit < 64; bit++)
            ones[bit] += h >> bit & 1;
    }
    for (int bit = 0; bit < 64; bit++)
        assert_in_range(ones[bit], N / 2 - 500, N / 2 + 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(any_split_adds_up),
        cmocka_unit_test(differences_show),
        cmocka_unit_test(bits_are_balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
