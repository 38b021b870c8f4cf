/* Lines of JSON texts on which members and elements stand. */
#include "../support.h"

#include "base/json_locate.h"

static const char text[] = "\n"                                  /* 1 */
                           "{ \"a\": [1, {\"x\": \"}]\\\"\"},\n" /* 2 */
                           "  [\n"                               /* 3 */
                           "    true], -1.5e3],\n"               /* 4 */
                           "  \"b\"\n"                           /* 5 */
                           "  : {\"a\": null, \"\\u0063\": {\n"  /* 6 */
                           "      \"d\": {}, \"e\": [],\n"       /* 7 */
                           "      \"f\": \"a\"\n"                /* 8 */
                           "  }}, \"z\": 1 }\n";                 /* 9 */

static int locate(const char *a, const char *b, const char *c)
{
    const char *path[] = {a, b, c};
    return plmr_json_locate_path(text, path, a ? b ? c ? 3 : 2 : 1 : 0);
}

static void members_and_elements(void **state)
{
    (void)state;
    assert_int_equal(locate(NULL, NULL, NULL), 2);
    assert_int_equal(locate("a", NULL, NULL), 2);
    assert_int_equal(locate("a", "1", "x"), 2);
    assert_int_equal(locate("a", "2", NULL), 3);
    assert_int_equal(locate("a", "2", "0"), 4);
    assert_int_equal(locate("a", "3", NULL), 4);
    assert_int_equal(locate("b", NULL, NULL), 5);
    assert_int_equal(locate("b", "a", NULL), 6);
    assert_int_equal(locate("b", "c", NULL), 6); /* by what a key says, not how it is written */
    assert_int_equal(locate("b", "c", "d"), 7);
    assert_int_equal(locate("b", "c", "f"), 8);
    assert_int_equal(locate("z", NULL, NULL), 9);
}

static void steps_that_lead_nowhere(void **state)
{
    (void)state;
    assert_int_equal(locate("c", NULL, NULL), 2); /* the root's line */
    assert_int_equal(locate("b", "c", "x"), 6);
    assert_int_equal(locate("b", "c", "a"), 6); /* "a" is a value there */
    assert_int_equal(locate("a", "4", NULL), 2);
    assert_int_equal(locate("a", "0", "x"), 2);
    assert_int_equal(locate("z", "x", NULL), 9);
    const char *path[] = {"1"};
    assert_int_equal(plmr_json_locate_path("[0,\n1]", path, 1), 2);
    assert_int_equal(plmr_json_locate_path("{}", path, 1), 1);
    assert_int_equal(plmr_json_locate_path("[]", path, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements),
        cmocka_unit_test(steps_that_lead_nowhere),
    };
    return cmocka_run_group_tests_name("json_locate", tests, NULL, NULL);
}
