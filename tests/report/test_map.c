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

static double entry(const json_t *list, int i)
{
    return json_number_value(json_is_array(list) ? json_array_get(list, (size_t)i) : list);
}

static double clock_at(const json_t *json, int cols, int row, int col)
{
    const char *text = json_string_value(json_object_get(json, "cores"));
    if (!text)
        return entry(json_object_get(json, "x"), col) + entry(json_object_get(json, "y"), row);
    size_t i = (size_t)row * (size_t)cols + (size_t)col;
    bool wide = json_integer_value(json_object_get(json, "bits")) == 16;
    unsigned code = wide ? byte_at(text, 2 * i) | byte_at(text, 2 * i + 1) << 8 : byte_at(text, i);
    const json_t *values = json_object_get(json, "values");
    if (values)
        return json_number_value(json_array_get(values, code));
    return json_number_value(json_object_get(json, "most")) - code * json_number_value(json_object_get(json, "step"));
}

/* They come out again, but for so much, and the latest exactly. */
static void check_clocks(const double *clocks, int rows, int cols, const char *form, double allowed)
{
    double most = 0, worst = 0, latest = 0;
    json_t *json = plmr_map_clocks(clocks, rows, cols);
    assert_non_null(json_object_get(json, form));
    for (int row = 0; row < rows; row++)
        for (int col = 0; col < cols; col++) {
            double t = clocks[row * cols + col], got = clock_at(json, cols, row, col);
            worst = fmax(worst, fabs(got - t));
            latest = fmax(latest, got);
            most = fmax(most, t);
        }
    assert_true(worst <= allowed);
    assert_true(latest == most);
    json_decref(json);
}

/* Clocks of so many kinds, without order. */
static void check_scattered(int rows, int cols, uint32_t kinds, const char *form, double allowed)
{
    double *clocks = malloc((size_t)(rows * cols) * sizeof *clocks);
    uint32_t seed = 5;
    for (int i = 0; i < rows * cols; i++)
        clocks[i] = 1000 + (double)(test_random(&seed) % kinds) / 64;
    check_clocks(clocks, rows, cols, form, allowed);
    free(clocks);
}

static void test_clocks(void **state)
{
    (void)state;
    check_scattered(20, 50, 256, "values", 0);
    check_scattered(50, 20, 257, "values", 0);
    check_scattered(400, 250, 60000, "values", 0);
    check_scattered(600, 500, 1 << 22, "step", (1 << 22) / 64.0 / 65535);
}

static void test_sums(void **state)
{
    (void)state;
    enum { ROWS = 30, COLS = 17 };
    double clocks[ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++)
        clocks[i] = 100000 + i / COLS * (i / COLS) / 64.0 + i % COLS * 7.25;
    check_clocks(clocks, ROWS, COLS, "x", 0);
    clocks[ROWS * COLS - 1] += 1 / 64.0;
    check_clocks(clocks, ROWS, COLS, "values", 0);
    check_scattered(1, 1, 1, "x", 0);
    check_scattered(1, 40, 99, "x", 0);
    check_scattered(12, 9, 1, "x", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
