/* Experiments: points in their order, and one exact line for what is wrong. */
#include "../support.h"
#include "base/share_paths.h"

#include <unistd.h>

#include "commands.h"
#include "sweep/view.h"

#define VIEW                                                                                                           \
    "\"columns\": [\"run\", \"m\", \"cycles\"], \"plots\": [{\"title\": \"t\", \"x\": \"m\", \"y\": \"cycles\", "      \
    "\"x_label\": \"m\", \"y_label\": \"c\"}]}"
#define HEAD "{\"title\": \"t\", \"question\": \"q\",\n"

static plmr_status parse(const char *text, plmr_experiment **e)
{
    return plmr_experiment_parse(text, "e.json", test_commands, 2, e);
}

static void expect_fault(const char *text, const char *error)
{
    plmr_experiment *e;
    plmr_status status = parse(text, &e);
    assert_non_null(status);
    assert_string_equal(plmr_error_text(status), error);
    plmr_error_free(status);
}

/* The same of one run, whose members stand on line 2. */
static void expect_run_fault(const char *members, const char *error)
{
    char text[2000];
    snprintf(text, sizeof text, HEAD "\"runs\": {\"r\": {%s}},\n" VIEW, members);
    expect_fault(text, error);
}

static void expect_point(const plmr_experiment *e, int64_t i, const char *line, const char *values)
{
    char shown[400] = "";
    plmr_sweep_point point;
    plmr_sweep_point_make(e, i, &point);
    for (int j = 0; j < point.argc; j++)
        snprintf(shown + strlen(shown), sizeof shown - strlen(shown), "%s%s", j ? " " : "", point.argv[j]);
    assert_string_equal(shown, line);
    assert_null(point.argv[point.argc]);
    char *json = json_dumps(point.values, 0);
    assert_string_equal(json, values);
    free(json);
    plmr_sweep_point_clear(&point);
}

static void points_in_order(void **state)
{
    (void)state;
    plmr_experiment *e;
    must(parse(HEAD
               "\"runs\": {"
               "\"r\": {\"command\": \"run\", \"options\": {\"device\": \"wse3\", \"device.turn\": 2.5},"
               "        \"vary\": {\"m\": {\"from\": 1, \"to\": 100, \"factor\": 10}, \"fast\": [true, false]}},"
               "\"a\": {\"command\": \"add\", \"options\": {\"alg\": \"x\"},"
               "        \"vary\": {\"device.hop\": {\"from\": 0.1, \"to\": 0.3, \"step\": 0.1},"
               "                   \"device.topology\": [\"mesh\", \"torus\"], \"device.router\": [\"xy\"]}}}," VIEW,
               &e));
    assert_int_equal(e->n_points, 12);
    assert_string_equal(e->title, "t");
    expect_point(e, 0, "run --m=1 --fast --device=wse3:turn=2.5", "{\"m\": 1, \"fast\": true}");
    expect_point(e, 1, "run --m=1 --device=wse3:turn=2.5", "{\"m\": 1, \"fast\": false}");
    expect_point(e, 4, "run --m=100 --fast --device=wse3:turn=2.5", "{\"m\": 100, \"fast\": true}");
    expect_point(e, 6, "add --alg=x --device=wse2:hop=0.1,topology=mesh,router=xy",
                 "{\"device.hop\": 0.10000000000000001, \"device.topology\": \"mesh\", \"device.router\": \"xy\"}");
    expect_point(e, 11, "add --alg=x --device=wse2:hop=0.3,topology=torus,router=xy",
                 "{\"device.hop\": 0.29999999999999999, \"device.topology\": \"torus\", \"device.router\": \"xy\"}");
    plmr_experiment_destroy(e);
}

static uint64_t key_of(const char *options)
{
    char text[1000];
    plmr_experiment *e;
    plmr_sweep_point point;
    snprintf(text, sizeof text,
             HEAD "\"runs\": {\"r\": {\"command\": \"run\", \"options\": {%s}, \"vary\": {\"m\": [5]}}}," VIEW,
             options);
    must(parse(text, &e));
    plmr_sweep_point_make(e, 0, &point);
    uint64_t key;
    must(plmr_sweep_point_key(&point, &key));
    plmr_sweep_point_clear(&point);
    plmr_experiment_destroy(e);
    return key;
}

static void write_device(const char *path, const char *hop)
{
    plmr_status status = PLMR_OK;
    FILE *in = fopen(PLMR_SHARE_SOURCE "/devices/wse2.json", "r"), *out = fopen(path, "w");
    char line[2000];
    assert_true(in && out);
    while (fgets(line, sizeof line, in)) {
        char *at = strstr(line, "\"hop\": {\"value\": 1");
        if (at)
            fprintf(out, "  \"hop\": {\"value\": %s%s", hop, at + strlen("\"hop\": {\"value\": 1"));
        else
            fputs(line, out);
    }
    fclose(in);
    fclose(out);
    must(status);
}

/* A point is another one if anything differs that its result depends on, a device's file included. */
static void keys_of_points(void **state)
{
    (void)state;
    char path[] = "/tmp/plmr-sweep-XXXXXX", options[100];
    assert_true(close(mkstemp(path)) == 0);
    snprintf(options, sizeof options, "\"device\": \"%s\"", path);
    write_device(path, "1");
    uint64_t first = key_of(options);
    assert_true(first == key_of(options));
    write_device(path, "2");
    assert_true(first != key_of(options));
    write_device(path, "1");
    assert_true(first == key_of(options));
    unlink(path);
    assert_true(key_of("\"device\": \"wse2\"") == key_of("\"device\": \"wse2\""));
    assert_true(key_of("\"device\": \"wse2\"") != key_of("\"device\": \"wse3\""));
    assert_true(key_of("\"device\": \"wse2\"") != key_of("\"device\": \"wse2\", \"fast\": true"));
}

static void faults_of_the_whole(void **state)
{
    (void)state;
    expect_fault("", "e.json:1: not valid JSON: '[' or '{' expected near end of file");
    expect_fault("[]", "e.json:1: is an array, expected an object that describes an experiment");
    expect_fault("{\"title\": \"t\",\n\"titel\": 1}", "e.json:2: titel: is an unknown key, did you mean \"title\"?");
    expect_fault("{\"x\\u001b[31m\": 1}", "e.json:1: x?[31m: is an unknown key");
    expect_fault("{}", "e.json:1: title: is missing, expected text of 1 to 1000 bytes");
    expect_fault("{\"title\": \"a\\nb\"}", "e.json:1: title: has a control character, expected one line of plain text");
    expect_fault(HEAD VIEW, "e.json:1: runs: is missing, expected an object with members");
    expect_fault(HEAD "\"runs\": {}," VIEW, "e.json:2: runs: is empty, expected an object with members");
    expect_fault(HEAD "\"runs\": {\"r\": 1}," VIEW,
                 "e.json:2: runs.r: is a number, expected an object with \"command\" and \"vary\"");
}

static void faults_of_a_run(void **state)
{
    (void)state;
    expect_run_fault("\"comand\": 1", "e.json:2: runs.r.comand: is an unknown key, did you mean \"command\"?");
    expect_run_fault("\"vary\": {}", "e.json:2: runs.r.command: is missing, expected text of 1 to 1000 bytes");
    expect_run_fault("\"command\": \"rum\"",
                     "e.json:2: runs.r.command: 'rum' is no command of a sweep: did you mean 'run'?");
    expect_run_fault("\"command\": \"run\"", "e.json:2: runs.r.vary: is missing, expected an object with members");
    expect_run_fault("\"command\": \"run\", \"options\": {\"n\": 1}",
                     "e.json:2: runs.r.options.n: 'n' is no option of plmr run");
    expect_run_fault("\"command\": \"run\", \"options\": {\n\"m\": null}",
                     "e.json:3: runs.r.options.m: is null, expected a number, a text, true or false");
    expect_run_fault("\"command\": \"run\", \"options\": {\"m\": true}",
                     "e.json:2: runs.r.options.m: is a truth value, but --m takes another");
    expect_run_fault("\"command\": \"run\", \"options\": {\"fast\": 1}",
                     "e.json:2: runs.r.options.fast: is no truth value, but --fast takes none: true or false");
    expect_run_fault("\"command\": \"add\", \"options\": {\"json\": \"x\"}",
                     "e.json:2: runs.r.options.json: is not for sweeps");
    expect_run_fault("\"command\": \"run\", \"vary\": {\"device.hopp\": [1]}",
                     "e.json:2: runs.r.vary.device.hopp: 'hopp' is no number of a device: did you mean 'hop'?");
    expect_run_fault("\"command\": \"run\", \"options\": {\"m\": 1}, \"vary\": {\"m\": [2]}",
                     "e.json:2: runs.r.vary.m: is fixed among the options too: leave one of them out");
    expect_run_fault("\"command\": \"add\", \"vary\": {\"m\": [1]}",
                     "e.json:2: runs.r: each point needs one algorithm: fix or vary \"alg\"");
    expect_run_fault("\"command\": \"add\", \"vary\": {\"alg\": [\"x\", \"x,y\"]}",
                     "e.json:2: runs.r: each point needs one algorithm: fix or vary \"alg\"");
    expect_run_fault("\"command\": \"add\", \"options\": {\"alg\": \"all\"}, \"vary\": {\"m\": [1]}",
                     "e.json:2: runs.r: each point needs one algorithm: fix or vary \"alg\"");
}

static void expect_vary_fault(const char *values, const char *error)
{
    char members[1000], full[500];
    snprintf(members, sizeof members, "\"command\": \"run\", \"vary\": {\n\"m\": %s}", values);
    snprintf(full, sizeof full, "e.json:3: runs.r.%s", error);
    expect_run_fault(members, full);
}

static void faults_of_values(void **state)
{
    (void)state;
    expect_vary_fault("[]", "vary.m: is empty: a point needs a value");
    expect_vary_fault("7", "vary.m: is a number, expected an array of values or a range");
    expect_vary_fault("[1, \"\"]", "vary.m.1: is an empty text, expected a number, a text, true or false");
    expect_vary_fault("[1, []]", "vary.m.1: is an array, expected a number, a text, true or false");
    expect_vary_fault("[true]", "vary.m.0: is a truth value, but --m takes another");
    expect_vary_fault("{\"from\": 2, \"to\": 1, \"step\": 1}", "vary.m: is empty: there is nothing from 2 to 1");
    expect_vary_fault("{\"from\": 1, \"to\": 2}", "vary.m.step: is missing, expected a number (-1e+15 to 1e+15)");
    expect_vary_fault("{\"from\": 1, \"step\": 1}", "vary.m.to: is missing, expected a number (-1e+15 to 1e+15)");
    expect_vary_fault("{\"from\": 1, \"to\": 2, \"stop\": 1}",
                      "vary.m.stop: is an unknown key, did you mean \"step\"?");
    expect_vary_fault("{\"from\": 1, \"to\": 2, \"step\": 1, \"factor\": 2}",
                      "vary.m: has a step and a factor: leave one of them out");
    expect_vary_fault("{\"from\": 1, \"to\": 2, \"step\": 0}", "vary.m.step: leads nowhere: it must be above 0");
    expect_vary_fault("{\"from\": 1, \"to\": 1e15, \"step\": 1e-9}", "vary.m.step: leads nowhere: it must be above 0");
    expect_vary_fault("{\"from\": 1, \"to\": 2, \"factor\": 1}",
                      "vary.m.factor: leads nowhere: it must be above 1, and from above 0");
    expect_vary_fault("{\"from\": 0, \"to\": 2, \"factor\": 2}",
                      "vary.m.factor: leads nowhere: it must be above 1, and from above 0");
    expect_vary_fault("{\"from\": 1, \"to\": 1e9, \"step\": 1}", "vary.m: has more than 100000 values");
    expect_vary_fault("{\"from\": 1, \"to\": 1e5, \"step\": 1}, \"device.hop\": [1, 2]",
                      "vary.device.hop: makes more than 100000 points");
}

static void equal_points(void **state)
{
    (void)state;
    expect_run_fault("\"command\": \"run\", \"vary\": {\"m\": [1, 2, 1]}",
                     "e.json:2: runs.r: has a point that is there already: plmr run --m=1 --device=wse2");
    expect_fault(HEAD "\"runs\": {\"a\": {\"command\": \"run\", \"vary\": {\"m\": [1, 2]}},\n"
                      "\"b\": {\"command\": \"run\", \"vary\": {\"m\": {\"from\": 2, \"to\": 4, \"step\": 1}}}}," VIEW,
                 "e.json:3: runs.b: has a point that is there already: plmr run --m=2 --device=wse2");
}

static void expect_view_fault(const char *view, const char *error)
{
    char text[2000];
    snprintf(text, sizeof text,
             HEAD
             "\"runs\": {\"r\": {\"command\": \"run\", \"options\": {\"fast\": true}, \"vary\": {\"m\": [1]}}},\n%s}",
             view);
    expect_fault(text, error);
}

#define PLOT "{\"title\": \"t\", \"x\": \"m\", \"y\": \"cycles\", \"x_label\": \"m\", \"y_label\": \"c\""

static void faults_of_views(void **state)
{
    (void)state;
    expect_view_fault("\"plots\": [1]", "e.json:1: columns: is missing, expected an array with elements");
    expect_view_fault("\"columns\": []", "e.json:3: columns: is empty, expected an array with elements");
    expect_view_fault(
        "\"columns\": [\"cycels\"]",
        "e.json:3: columns.0: 'cycels' is no field of a record, option or \"run\": did you mean 'cycles'?");
    expect_view_fault("\"columns\": [\"m\",\n\"m\"]", "e.json:4: columns.1: is named before");
    expect_view_fault("\"columns\": [1]", "e.json:3: columns.0: is a number, expected a text");
    expect_view_fault("\"columns\": [\"fast\"], \"plots\": []",
                      "e.json:3: plots: is empty, expected an array with elements");
    expect_view_fault("\"columns\": [\"m\"], \"plots\": [{\"titel\": 1}]",
                      "e.json:3: plots.0.titel: is an unknown key, did you mean \"title\"?");
    expect_view_fault("\"columns\": [\"m\"], \"plots\": [" PLOT "},\n" PLOT ", \"log_x\": 1}]",
                      "e.json:4: plots.1.log_x: is a number, expected true or false");
    expect_view_fault("\"columns\": [\"m\"], \"plots\": [" PLOT ", \"series\": [\"zzz\"]}]",
                      "e.json:3: plots.0.series.0: 'zzz' is no field of a record, option or \"run\"");
    expect_view_fault("\"columns\": [\"m\"], \"plots\": [" PLOT ", \"where\": {\"m\": [1]}}]",
                      "e.json:3: plots.0.where.m: is an array, expected one value");
}

static void the_csv_file(void **state)
{
    (void)state;
    plmr_experiment *e;
    char *csv, *lines[] = {"{\"point\": {\"m\": 1}, \"cycles\": 2.5, \"device\": \"wse2:hop=1,turn=2\"}",
                           "{\"point\": {\"m\": 2}, \"cycles\": null, \"error\": \"it \\\"fails\\\"\"}"};
    must(parse(HEAD
               "\"runs\": {\"r\": {\"command\": \"run\", \"options\": {\"fast\": true}, \"vary\": {\"m\": [1, 2]}}},"
               "\"columns\": [\"m\", \"fast\", \"cycles\", \"device\", \"error\"], \"plots\": [" PLOT "}]}",
               &e));
    csv = plmr_view_csv(e, lines);
    assert_string_equal(csv, "m,fast,cycles,device,error\n"
                             "1,true,2.5,\"wse2:hop=1,turn=2\",\n"
                             "2,true,,,\"it \"\"fails\"\"\"\n");
    free(csv);
    plmr_experiment_destroy(e);
}

/* Whatever is cut off or damaged: an experiment, or an error of one line. */
static void damaged_files(void **state)
{
    (void)state;
    static const char bytes[] = {'"', '\\', '{', '}', '[', ',', '-', '9', '\n', '\x1b', '\xff'};
    char text[] = HEAD "\"runs\": {\"r\": {\"command\": \"run\", \"options\": {\"fast\": true}, \"vary\": {\"m\": "
                       "{\"from\": 1, \"to\": 8, \"factor\": 2}}}},\n" VIEW;
    for (size_t i = 0; i < sizeof text - 1; i++)
        for (size_t j = 0; j < sizeof bytes; j++) {
            plmr_experiment *e;
            char was = text[i];
            text[i] = bytes[j];
            plmr_status status = parse(text, &e);
            if (status)
                assert_true(strncmp(plmr_error_text(status), "e.json:", 7) == 0 &&
                            !strchr(plmr_error_text(status), '\n'));
            else
                plmr_experiment_destroy(e);
            plmr_error_free(status);
            text[i] = was;
        }
}

int main(void)
{
    setenv("PLMR_SHARE", PLMR_SHARE_SOURCE, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_in_order), cmocka_unit_test(keys_of_points),   cmocka_unit_test(faults_of_the_whole),
        cmocka_unit_test(faults_of_a_run), cmocka_unit_test(faults_of_values), cmocka_unit_test(equal_points),
        cmocka_unit_test(faults_of_views), cmocka_unit_test(the_csv_file),     cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests_name("experiment", tests, NULL, NULL);
}
