/* A record as JSON: its keys, their order, and what is null. */
#include "../support.h"

#include <jansson.h>
#include <math.h>

#include "report/record.h"

/* The keys that are fixed, in order; whoever reads results relies on them. */
static const char *const fixed[] = {
    "command",
    "algorithm",
    "device",
    "rows",
    "cols",
    "m",
    "k",
    "n",
    "dtype",
    "mode",
    "ranks",
    "cycles",
    "virtual_s",
    "compute_cycles",
    "efficiency",
    "hops_critical",
    "stages_critical",
    "routes_max",
    "routes_limit",
    "sram_peak_bytes",
    "sram_limit_bytes",
    "wavelet_hops",
    "energy_j",
    "padded_m",
    "padded_k",
    "padded_n",
    "violates",
    "verify_max_abs_err",
    "verify_max_rel_err",
    "checksum",
    "wall_s",
    "core_steps_per_s",
    "gflops",
    "version",
    "host",
    "date",
};

enum { N_FIXED = sizeof fixed / sizeof fixed[0] };

static json_t *parse(const plmr_record *record)
{
    json_t *made = plmr_record_json(plmr_record_fields, record);
    char *line = json_dumps(made, PLMR_RECORD_FLAGS);
    assert_null(strchr(line, '\n'));
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(object));
    free(line);
    json_decref(made);
    return object;
}

static void test_keys(void **state)
{
    (void)state;
    plmr_record record = plmr_record_none();
    json_t *object = parse(&record), *value;
    const char *key;
    int n = 0;
    json_object_foreach(object, key, value)
    {
        if (n < N_FIXED)
            assert_string_equal(key, fixed[n]);
        assert_true(json_is_null(value));
        n++;
    }
    assert_true(n >= N_FIXED);
    json_decref(object);
}

static void test_values(void **state)
{
    (void)state;
    plmr_record record = plmr_record_none();
    record.command = "gemm";
    record.device = "a \"quoted\"\nname";
    record.violates = "";
    record.rows = 0;
    record.wavelet_hops = INT64_C(1) << 60;
    record.cycles = 209970;
    record.compute_cycles = 1338.5;
    record.virtual_s = 0.1;
    record.energy_j = INFINITY;
    record.checksum = (plmr_record_hash){true, 0xabc};
    json_t *object = parse(&record);
    assert_string_equal(json_string_value(json_object_get(object, "command")), "gemm");
    assert_string_equal(json_string_value(json_object_get(object, "device")), record.device);
    assert_string_equal(json_string_value(json_object_get(object, "violates")), "");
    assert_true(json_is_null(json_object_get(object, "algorithm")));
    assert_true(json_integer_value(json_object_get(object, "rows")) == 0);
    assert_true(json_integer_value(json_object_get(object, "wavelet_hops")) == INT64_C(1) << 60);
    assert_true(json_is_integer(json_object_get(object, "cycles")));
    assert_true(json_real_value(json_object_get(object, "compute_cycles")) == 1338.5);
    assert_true(json_real_value(json_object_get(object, "virtual_s")) == 0.1);
    assert_true(json_is_null(json_object_get(object, "energy_j")));
    assert_string_equal(json_string_value(json_object_get(object, "checksum")), "0000000000000abc");
    json_decref(object);
}

/* A file's name may be any bytes; a record must be UTF-8. */
static void test_not_utf8(void **state)
{
    (void)state;
    plmr_record record = plmr_record_none();
    record.device = "caf\xe9.json";
    json_t *object = parse(&record);
    assert_true(json_is_null(json_object_get(object, "device")));
    json_decref(object);
}

static void test_provenance(void **state)
{
    (void)state;
    plmr_provenance provenance = plmr_provenance_now();
    int year, month, day, hour, minute, second, used = 0;
    assert_true(strlen(provenance.host) > 0);
    assert_int_equal(
        sscanf(provenance.date, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &used), 6);
    assert_int_equal(used, strlen(provenance.date));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_provenance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
