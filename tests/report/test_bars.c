/* Bar charts: lengths in proportion, no part that is there without a mark, nothing wider than asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "report/bars.h"

static char *printed(plmr_bars_style style, const plmr_bar *bars, int n)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    plmr_bars_print(out, style, "title", bars, n);
    fclose(out);
    return text;
}

static void test_lengths(void **state)
{
    (void)state;
    const plmr_bar bars[] = {{"one", 30, 10, {"40"}}, {"half", 20, 0, {"20"}}, {"quarter", 0, 10, {"10"}}};
    char *text = printed((plmr_bars_style){55, false}, bars, 3);
    assert_string_equal(text, "\n  title\n"
                              "  one      ##############################..........  40\n"
                              "  half     ####################  20\n"
                              "  quarter  ..........  10\n");
    free(text);
    text = printed((plmr_bars_style){55, true}, bars + 1, 1);
    assert_int_equal(strlen(text), strlen("\n  title\n  half    20\n") + 43 * strlen("\u2588"));
    free(text);
}

/* Tiny parts beside large ones, nothing at all, what is not a number, texts that leave no room. */
static void test_edges(void **state)
{
    (void)state;
    const plmr_bar bars[] = {{"a", 1e-9, 1, {"-"}},    {"b", 1, 1e-9, {"-"}}, {"c", 1e-9, 0, {"-"}},
                             {"d", 1e-9, 1e-9, {"-"}}, {"e", 0, 0, {"-"}},    {"f", NAN, -1, {"none"}}};
    char *text = printed((plmr_bars_style){40, false}, bars, 6);
    assert_non_null(strstr(text, "\n  a  #............................  -\n"));
    assert_non_null(strstr(text, "\n  b  ############################.  -\n"));
    assert_non_null(strstr(text, "\n  c  #  -\n  d  #.  -\n  e  -\n  f  none\n"));
    free(text);
    const plmr_bar wide = {"a label that is long", 1, 1, {"and a text that is even longer than that"}};
    text = printed((plmr_bars_style){40, false}, &wide, 1);
    assert_non_null(strstr(text, "  #####.....  and"));
    free(text);
    text = printed((plmr_bars_style){40, false}, bars + 4, 1);
    assert_string_equal(text, "\n  title\n  e  -\n");
    free(text);
}

static void test_style(void **state)
{
    (void)state;
    const struct {
        const char *columns, *all, *lang;
        int width;
        bool utf8;
    } cases[] = {{"100", NULL, "C.UTF-8", 100, true},
                 {"5", "en_US.utf8", "C", 40, true},
                 {"9999", "C", "C.UTF-8", 120, false},
                 {"x", "", "C", 80, false}};
    FILE *out = tmpfile();
    assert_non_null(out);
    unsetenv("LC_CTYPE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("COLUMNS", cases[i].columns, 1);
        setenv("LANG", cases[i].lang, 1);
        if (cases[i].all)
            setenv("LC_ALL", cases[i].all, 1);
        else
            unsetenv("LC_ALL");
        plmr_bars_style style = plmr_bars_style_of(out);
        assert_int_equal(style.width, cases[i].width);
        assert_int_equal(style.utf8, cases[i].utf8);
    }
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths), cmocka_unit_test(test_edges),
                                       cmocka_unit_test(test_style)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
