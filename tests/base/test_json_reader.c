/* Texts that are no JSON objects: one line says so, and nothing is left to free. */
#include "../support.h"

#include "base/json_reader.h"

static plmr_status load(const char *text, json_t **root)
{
    plmr_reader reader = {.text = text, .file = "file", .lines_before = 4};
    *root = (json_t *)(uintptr_t)text; /* that is not kept */
    return plmr_reader_load(&reader, "a thing", root);
}

static void nothing_of_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } refused[] = {
        {"[]", "file:5: is an array, expected an object that describes a thing"},
        {"[[1], {\"a\": 2}]", "file:5: is an array, expected an object that describes a thing"},
        {"{\n\"a\"", "file:6: not valid JSON"},
        {"{\"a\": 1, \"a\": 2}", "file:5: not valid JSON: duplicate object key"},
        {"7", "file:5: not valid JSON"},
        {"", "file:5: not valid JSON"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *root;
        must_fail(load(refused[i].text, &root), PLMR_ERROR_INPUT, refused[i].words);
        assert_null(root);
    }
}

static void an_object(void **state)
{
    (void)state;
    json_t *root;
    must(load("{\"a\": 1}", &root));
    assert_int_equal(json_object_size(root), 1);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_what_is_refused),
        cmocka_unit_test(an_object),
    };
    return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
