/* Clocks as a report has them: every one comes out again, exactly as long as there are not too many. */
#include "tests/support.h"

#include <math.h>

#include "report/base64.h"
#include "report/map.h"

static void test_base64(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *text;
    } cases[] = {{"", ""},        {"a", "YQ=="},        {"ab", "YWI="},
                 {"abc", "YWJj"}, {"abcd", "YWJjZA=="}, {"\xff\xfe\xfd", "//79"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = plmr_base64((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (int)(strchr(digits, c) - digits);
}

static unsigned byte_at(const char *text, size_t i)
{
    const char *four = text + i / 3 * 4;
    unsigned word = 0;
    for (int d = 0; d < 4; d++)
        word = word << 6 | (four[d] == '=' ? 0 : (unsigned)digit(four[d]));
    return word >> (16 - 8 * (i % 3)) & 255;
}

static double clock_at(const json_t *json, size_t i)
{
    const char *text = json_string_value(json_object_get(json, "cores"));
    const json_t *values = json_object_get(json, "values");
    bool wide = json_integer_value(json_object_get(json, "bits")) == 16;
    unsigned code = !text ? 0 : wide ? byte_at(text, 2 * i) | byte_at(text, 2 * i + 1) << 8 : byte_at(text, i);
    if (values)
        return json_number_value(json_array_get(values, code));
    return json_number_value(json_object_get(json, "most")) - code * json_number_value(json_object_get(json, "step"));
}

/* n clocks of so many kinds. */
static void check_clocks(size_t n, size_t kinds, double allowed)
{
    double *clocks = malloc(n * sizeof *clocks), most = 0;
    uint32_t seed = 5;
    for (size_t i = 0; i < n; i++) {
        clocks[i] = 1000 + (double)(test_random(&seed) % kinds) / 64;
        most = clocks[i] > most ? clocks[i] : most;
    }
    json_t *json = plmr_map_clocks(clocks, n);
    assert_non_null(json);
    double worst = 0, latest = 0;
    for (size_t i = 0; i < n; i++) {
        double t = clock_at(json, i);
        worst = fmax(worst, fabs(t - clocks[i]));
        latest = fmax(latest, t);
    }
    assert_true(worst <= allowed);
    assert_true(latest == most);
    json_decref(json);
    free(clocks);
}

static void test_clocks(void **state)
{
    (void)state;
    check_clocks(1, 1, 0);
    check_clocks(100, 1, 0);
    check_clocks(1000, 256, 0);
    check_clocks(1000, 257, 0);
    check_clocks(100000, 60000, 0);
    check_clocks(300000, 1 << 22, (1 << 22) / 64.0 / 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
