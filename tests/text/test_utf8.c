/* Characters whole, broken and cut, however the text is cut into pieces. */
#include "../support.h"

#include "text/stops.h"
#include "text/utf8.h"

enum { MOST = 400 };

static void test_scan(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum plmr_utf8_state state;
        int n_bytes;
    } cases[] = {
        {"a", 1, PLMR_UTF8_WHOLE, 1},
        {"\0", 1, PLMR_UTF8_WHOLE, 1},
        {"\x7f\x80", 2, PLMR_UTF8_WHOLE, 1},
        {"\xc2\x80", 2, PLMR_UTF8_WHOLE, 2},
        {"\xe0\xa0\x80", 3, PLMR_UTF8_WHOLE, 3},
        {"\xed\x9f\xbf", 3, PLMR_UTF8_WHOLE, 3},
        {"\xef\xbf\xbf", 3, PLMR_UTF8_WHOLE, 3},
        {"\xf0\x90\x80\x80x", 5, PLMR_UTF8_WHOLE, 4},
        {"\xf4\x8f\xbf\xbf", 4, PLMR_UTF8_WHOLE, 4},
        {"\x80", 1, PLMR_UTF8_BROKEN, 1},
        {"\xc1\x81", 2, PLMR_UTF8_BROKEN, 1},     /* an overlong form */
        {"\xe0\x9f\xbf", 3, PLMR_UTF8_BROKEN, 1}, /* another */
        {"\xf0\x8f\xbf\xbf", 4, PLMR_UTF8_BROKEN, 1},
        {"\xed\xa0\x80", 3, PLMR_UTF8_BROKEN, 1},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, PLMR_UTF8_BROKEN, 1}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 4, PLMR_UTF8_BROKEN, 1},
        {"\xff", 1, PLMR_UTF8_BROKEN, 1},
        {"\xe6\x97"
         "a",
         3, PLMR_UTF8_BROKEN, 2},
        {"\xf0\x9f\x98\xc3", 4, PLMR_UTF8_BROKEN, 3},
        {"\xc3", 1, PLMR_UTF8_CUT, 1},
        {"\xe6\x97", 2, PLMR_UTF8_CUT, 2},
        {"\xf0\x9f\x98", 3, PLMR_UTF8_CUT, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n_bytes;
        assert_int_equal(plmr_utf8_scan(cases[i].bytes, cases[i].n, &n_bytes), cases[i].state);
        assert_int_equal(n_bytes, cases[i].n_bytes);
    }
}

/* The text as a stream that gets it in pieces of random lengths up to `longest`. */
static size_t stream(const char *text, size_t n, size_t longest, uint32_t *seed, char *out)
{
    plmr_utf8_stream stream = {0};
    size_t n_out = 0, n_piece;
    for (size_t at = 0; at < n; at += n_piece) {
        n_piece = test_random(seed) % (longest + 1);
        n_piece = n_piece < n - at ? n_piece : n - at;
        size_t n_new = plmr_utf8_push(&stream, text + at, n_piece, out + n_out);
        assert_true(n_new <= PLMR_UTF8_ROOM(n_piece));
        n_out += n_new;
    }
    return n_out + plmr_utf8_flush(&stream, out + n_out);
}

static void test_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"a\u00e9\u65e5\U0001f600", "a\u00e9\u65e5\U0001f600"},
        {"\xe6\x97", "\ufffd"},
        {"\xf0\x9f\x98"
         "a",
         "\ufffda"},
        {"\xe6\xe6\x97\xa5", "\ufffd\u65e5"},
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
        /* the example of the Unicode standard, section 3.9 */
        {"a\xf1\x80\x80\xe1\x80\xc2"
         "b\x80"
         "c\x80\xbf"
         "d",
         "a\ufffd\ufffd\ufffdb\ufffdc\ufffd\ufffdd"},
    };
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t longest = 1; longest < 20; longest++) {
            char out[MOST];
            size_t n_out = stream(cases[i].text, strlen(cases[i].text), longest, &seed, out);
            assert_int_equal(n_out, strlen(cases[i].expected));
            assert_memory_equal(out, cases[i].expected, n_out);
        }
}

/* A character comes as soon as it is whole, and not before. */
static void test_prompt(void **state)
{
    (void)state;
    plmr_utf8_stream stream = {0};
    char out[PLMR_UTF8_ROOM(2)];
    assert_int_equal(plmr_utf8_push(&stream, "\xf0\x9f", 2, out), 0);
    assert_int_equal(plmr_utf8_push(&stream, "\x98", 1, out), 0);
    assert_int_equal(plmr_utf8_push(&stream, "\x80\xe6", 2, out), 4);
    assert_memory_equal(out, "\U0001f600", 4);
    assert_int_equal(plmr_utf8_push(&stream, "a", 1, out), 4);
    assert_memory_equal(out, "\ufffda", 4);
    assert_int_equal(plmr_utf8_flush(&stream, out), 0);
    assert_int_equal(plmr_utf8_push(&stream, "\xc3", 1, out), 0);
    assert_int_equal(plmr_utf8_flush(&stream, out), 3);
    assert_int_equal(plmr_utf8_push(&stream, "\xa9", 1, out), 3); /* what was flushed is forgotten */
}

/* Random bytes, many of them parts of characters: the pieces do not matter, and what comes out is well-formed. */
static void test_random_pieces(void **state)
{
    (void)state;
    static const unsigned char likely[] = {'a', 0x80, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xe6, 0xf0, 0xf4, 0x8f, 0x90};
    uint32_t seed = 2;
    for (int i = 0; i < 20000; i++) {
        char text[60], once[MOST], pieces[MOST];
        size_t n = test_random(&seed) % sizeof text;
        for (size_t j = 0; j < n; j++)
            text[j] = (char)(test_random(&seed) % 8 ? likely[test_random(&seed) % sizeof likely] : test_random(&seed));
        plmr_utf8_stream whole = {0};
        size_t n_once = plmr_utf8_push(&whole, text, n, once);
        n_once += plmr_utf8_flush(&whole, once + n_once);
        assert_int_equal(stream(text, n, 1 + test_random(&seed) % 9, &seed, pieces), n_once);
        assert_memory_equal(once, pieces, n_once);
        int n_character;
        for (size_t at = 0; at < n_once; at += (size_t)n_character)
            assert_int_equal(plmr_utf8_scan(once + at, n_once - at, &n_character), PLMR_UTF8_WHOLE);
    }
}

/* However a text is cut into pieces, what comes out is what lies before the first stop string, and all without one. */
static void test_stops(void **state)
{
    (void)state;
    static const char *const strings[] = {"abac", "\n\n", "ba", "x\n\n"};
    static const struct {
        const char *text, *out;
        bool found;
    } cases[] = {{"ababac", "a", true}, {"aabaqabac", "aa", true}, {"xabax", "xa", true}, {"aabac", "aa", true},
                 {"xaba", "xa", true},  {"x\n\ny", "", true},      {"z\n\ny", "z", true}, {"abx\nab", "abx\nab", false},
                 {"", "", false},       {"\n", "\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 8; step++) {
            plmr_stops stops = {.strings = strings, .n_strings = 4};
            char out[32] = "";
            for (size_t at = 0, n = strlen(cases[i].text); at < n && !stops.found; at += step) {
                size_t n_out = plmr_stops_push(&stops, cases[i].text + at, n - at < step ? n - at : step);
                strncat(out, stops.text, n_out);
            }
            size_t n_left = plmr_stops_flush(&stops);
            strncat(out, stops.text, n_left);
            assert_string_equal(out, cases[i].out);
            assert_true(stops.found == cases[i].found);
            plmr_stops_free(&stops);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),          cmocka_unit_test(test_replaced), cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_random_pieces), cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
