/* Devices: the shipped ones load, a wrong file gives one exact line, the costs are the published formulas. */
#include "tests/support.h"

#include "base/share_paths.h"
#include "base/suggest.h"
#include "device/device_internal.h"
#include "device/identity.h"

#include <locale.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define AVAILABLE                                                                                                      \
    "(available: blackhole, dojo-3x3, dojo-tile, fred-mesh, ideal, wormhole, wormhole-galaxy, wse2, wse2-pair, wse3, " \
    "wse3-sim; or the path of a JSON file)"

enum { TEXT_SIZE = 16384 };

static const char *const shipped[] = {"blackhole",       "dojo-3x3", "dojo-tile", "fred-mesh", "ideal",   "wormhole",
                                      "wormhole-galaxy", "wse2",     "wse2-pair", "wse3",      "wse3-sim"};
enum { N_SHIPPED = sizeof shipped / sizeof *shipped };

static void expect_error(plmr_status status, const char *text)
{
    assert_non_null(status);
    assert_string_equal(plmr_error_text(status), text);
    plmr_error_free(status);
}

/* The text of wse2's file: one key a line, title on line 3, topology on 4, then the numbers in the order of the list.
 */
static void read_wse2(char *text)
{
    test_shared_text("devices/wse2.json", text, TEXT_SIZE);
}

/* wse2 with one replacement must give this error. */
static void expect_fault(const char *from, const char *to, const char *error)
{
    char text[TEXT_SIZE];
    read_wse2(text);
    test_replace(text, TEXT_SIZE, from, to);
    plmr_device device;
    expect_error(plmr_device_parse(text, "my.json", &device), error);
}

static void assert_valid(const plmr_device *device)
{
#define X(key, unit, least, most, meaning)                                                                             \
    assert_true(device->key >= (least) && device->key <= (most));                                                      \
    assert_in_range(strnlen(device->origin.key.tag, sizeof device->origin.key.tag), 1, 10);                            \
    assert_in_range(strnlen(device->origin.key.source, sizeof device->origin.key.source), 1, 239);
    PLMR_DEVICE_NUMBERS(X)
#undef X
    assert_in_range(strnlen(device->title, sizeof device->title), 1, 159);
    assert_true(device->topology == PLMR_MESH || device->topology == PLMR_TORUS);
}

static void every_shipped_device_loads(void **state)
{
    (void)state;
    char **names;
    int n;
    must(plmr_device_names(&names, &n));
    assert_int_equal(n, N_SHIPPED);
    for (int i = 0; i < n; i++) {
        assert_string_equal(names[i], shipped[i]);
        plmr_device device = test_device(names[i]);
        assert_string_equal(device.name, names[i]);
        assert_valid(&device);
    }
    free(names);
}

/* What several parts have more of, or joined otherwise, than one. */
static bool is_of_the_whole(const char *key)
{
    static const char *const keys[] = {"rows",   "cols", "ring_", "buffer", "straight",
                                       "border", "dram", "host_", "wafer_", "power"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strncmp(key, keys[i], strlen(keys[i])))
            return true;
    return false;
}

/* A device of several parts has their cores: all else, and where it comes from, is the part's. */
static void parts_are_what_they_are_alone(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"dojo-3x3", "dojo-tile"}, {"wormhole-galaxy", "wormhole"}, {"wse2-pair", "wse2"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        plmr_device whole = test_device(pairs[i][0]), part = test_device(pairs[i][1]);
        assert_true(whole.topology == part.topology && whole.router == part.router);
#define X(key, unit, least, most, meaning)                                                                             \
    if (!is_of_the_whole(#key) &&                                                                                      \
        (whole.key != part.key || memcmp(&whole.origin.key, &part.origin.key, sizeof part.origin.key)))                \
        fail_msg("%s of %s is %g, of %s %g", #key, pairs[i][0], whole.key, pairs[i][1], part.key);
        PLMR_DEVICE_NUMBERS(X)
#undef X
    }
}

static void wse2_is_the_papers_wafer(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2");
    assert_int_equal(wse2.topology, PLMR_MESH);
    assert_true(wse2.rows == 994 && wse2.cols == 750 && wse2.clock == 1.1e9);
    assert_true(wse2.sram == 49152 && wse2.routes == 24 && wse2.wavelet == 4);
    assert_true(2 * wse2.ramp + wse2.stage == 5 && 2 * wse2.shift_launch == 100);
    assert_true(4 * wse2.collective_launch + 6 == 94);
    assert_string_equal(wse2.origin.sram.tag, "V");
    assert_string_equal(wse2.origin.relay.tag, "guess");
    assert_int_equal(test_device("wormhole").topology, PLMR_TORUS);
    assert_int_equal(wse2.router, PLMR_STATIC);
    assert_int_equal(test_device("wormhole").router, PLMR_XY);
    assert_int_equal(test_device("wse2:router=xy").router, PLMR_XY);
}

static void costs_of_wse2(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2");
    for (int n = 0; n <= 64; n++) {
        assert_true(plmr_device_vector_cycles(&wse2, PLMR_F16, n) == 1 + 0.5 * n);
        assert_true(plmr_device_vector_cycles(&wse2, PLMR_BF16, n) == 1 + 0.5 * n);
        assert_true(plmr_device_vector_cycles(&wse2, PLMR_F32, n) == 1 + 2 * n);
    }
    /* 6 * (43 + 7 * (1 + 0.5 * 6)) and 6 * (1 + 0.5 * 20); in f32 6 * (43 + 7 * 13) */
    assert_true(plmr_device_multiply_cycles(&wse2, PLMR_F16, 6, 6, 7) == 426);
    assert_true(plmr_device_multiply_cycles(&wse2, PLMR_F32, 6, 6, 7) == 804);
    assert_true(plmr_device_gemv_cycles(&wse2, PLMR_F16, 6, 20) == 66);
    assert_true(plmr_device_multiply_cycles(&wse2, PLMR_F16, 6, 0, 7) == 0);
}

static void costs_of_other_devices(void **state)
{
    (void)state;
    plmr_device sim = test_device("wse3-sim"), silicon = test_device("wse3"), ideal = test_device("ideal"),
                wormhole = test_device("wormhole");
    const int n[] = {0, 1, 7, 8, 9, 16, 17, 64}, f[] = {1, 3, 3, 3, 5, 5, 7, 17};
    for (int i = 0; i < 8; i++)
        assert_true(plmr_device_vector_cycles(&sim, PLMR_F16, n[i]) == f[i]);
    assert_true(plmr_device_multiply_cycles(&sim, PLMR_F16, 9, 4, 3) == 4 * (43 + 3 * 5));
    assert_true(plmr_device_vector_cycles(&sim, PLMR_F32, 10) == 21);
    assert_true(fabs(plmr_device_vector_cycles(&silicon, PLMR_F16, 292) - 101) < 1e-6);
    assert_true(plmr_device_multiply_cycles(&ideal, PLMR_F16, 5, 6, 7) == 210);
    /* 512 multiply-adds a cycle: 64 * 64 * 64 / 512, and the loop over k; five rows are charged as eight */
    assert_true(plmr_device_multiply_cycles(&wormhole, PLMR_F16, 64, 64, 64) == 512 + 64 * 10);
    assert_true(plmr_device_multiply_cycles(&wormhole, PLMR_F16, 5, 64, 64) == 64 + 64 * 10);
}

/* A CS-2 was measured at 349 TFLOP/s of f32 GEMM with 4.38 kW. */
static void energy_of_wse2(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2"), tile = test_device("dojo-tile");
    plmr_energy second = plmr_device_energy(&wse2, PLMR_F32, 349e12 / 2, 0, wse2.clock);
    assert_float_equal((float)plmr_energy_sum(second), 4380, 10);
    assert_float_equal(second.idle_j, 2500, 1e-3);
    plmr_energy half = plmr_device_energy(&wse2, PLMR_F16, 1e12, 1e12, 0);
    assert_float_equal(half.compute_j, 0.4, 1e-6);
    assert_float_equal(half.sram_j, 3 * 2 * 0.8, 1e-6);
    assert_float_equal(half.fabric_j, 0.6, 1e-6);
    assert_true(isnan(plmr_energy_sum(plmr_device_energy(&tile, PLMR_F32, 1, 1, 1))));
}

static void wavelets_and_quantum(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2"), wormhole = test_device("wormhole");
    const int64_t bytes[] = {0, 1, 4, 5, 72, (int64_t)1 << 40}, words[] = {0, 1, 1, 2, 18, (int64_t)1 << 38};
    for (int i = 0; i < 6; i++)
        assert_int_equal(plmr_device_wavelets(&wse2, bytes[i]), words[i]);
    assert_int_equal(plmr_device_wavelets(&wormhole, 65), 3);
    const double exact[] = {0, 1, 1.25, 0.015625, 1e9 + 0.5};
    for (int i = 0; i < 5; i++)
        assert_true(plmr_device_quantise(exact[i]) == exact[i]);
    assert_true(plmr_device_quantise(1 / 2.92) == 22 / 64.0);
    assert_true(plmr_device_quantise(0.0078125) == 1 / 64.0); /* half a quantum goes up */
    assert_true(plmr_device_quantise(0.0078) == 0);
}

static void faults_of_a_number(void **state)
{
    (void)state;
    expect_fault("\"hop\": {\"value\": 1,", "\"hop\": {\"value\": -1,",
                 "my.json:11: hop.value: -1 is out of range, expected cycles (0 to 1e+06)");
    expect_fault("{\"value\": 994,", "{\"value\": 0,",
                 "my.json:5: rows.value: 0 is out of range, expected cores (1 to 65536)");
    expect_fault("{\"value\": 994,", "{\"value\": 65537,",
                 "my.json:5: rows.value: 65537 is out of range, expected cores (1 to 65536)");
    expect_fault("{\"value\": 49152,", "{\"value\": 49152.5,",
                 "my.json:8: sram.value: 49152.5 is not a whole number, expected bytes (1 to 1e+12)");
    expect_fault("\"wavelet\": {\"value\": 4,", "\"wavelet\": {\"value\": 4.25,",
                 "my.json:10: wavelet.value: 4.25 is not a whole number, expected bytes (1 to 4096)");
    expect_fault("\"mac_group_f16\": {\"value\": 1,", "\"mac_group_f16\": {\"value\": 1.5,",
                 "my.json:34: mac_group_f16.value: 1.5 is not a whole number, expected elements (1 to 4096)");
    expect_fault("{\"value\": 994,", "{\"value\": \"994\",",
                 "my.json:5: rows.value: is a string, expected cores (1 to 65536)");
    expect_fault("{\"value\": 994,", "{\"value\": true,",
                 "my.json:5: rows.value: is a truth value, expected cores (1 to 65536)");
    expect_fault("\"value\": 994, ", "", "my.json:5: rows.value: is missing, expected cores (1 to 65536)");
    expect_fault("{\"value\": 1.1e9, \"unit\": \"Hz\"", "{\"value\": 1.1, \"unit\": \"GHz\"",
                 "my.json:7: clock.unit: \"GHz\" is unknown, expected unit Hz (1 to 1e+12)");
    expect_fault("1.25, \"unit\": \"cycles/wavelet\"", "1.25, \"unit\": \"cycles\"",
                 "my.json:18: shift_wavelet.unit: \"cycles\" is unknown, expected unit cycles/wavelet (0 to 1e+06)");
    expect_fault("\"unit\": \"Hz\", ", "", "my.json:7: clock.unit: is missing, expected unit Hz (1 to 1e+12)");
    expect_fault("\"unit\": \"Hz\"", "\"unit\": 1",
                 "my.json:7: clock.unit: is a number, expected unit Hz (1 to 1e+12)");
    expect_fault("\"unit\": \"Hz\"", "\n\"units\": \"Hz\"",
                 "my.json:8: clock.units: is an unknown key, did you mean \"unit\"?");
    expect_fault("\"hop\": {", "\"hop\": 1, \"name\": {",
                 "my.json:11: not valid JSON: duplicate object key near '\"name\"'");
    expect_fault("\"clock\": {\"value\": 1.1e9, \"unit\": \"Hz\", \"tag\": \"V\", \"source\": ",
                 "\"clock\": [], \"name2\": [", "my.json:7: not valid JSON: ']' expected near '}'");
}

#define MESH "\"topology\": \"mesh\","

static void faults_of_defects(void **state)
{
    (void)state;
    const char *const faults[][2] = {
        {"\"dead\": [[1, 2],\n[994, 0]],",
         "my.json:5: dead.1: is no core of the device's 994x750: rows are 0 to 993, columns 0 to 749"},
        {"\"dead\": [[1, 2.5]],",
         "my.json:4: dead.0: is no core of the device's 994x750: rows are 0 to 993, columns 0 to 749"},
        {"\"dead\": [[1, 2, 3]],", "my.json:4: dead.0: expected [row, column]"},
        {"\"dead\": [[3, 2], [1, 2], [3, 2]],", "my.json:4: dead: (3,2) is given twice"},
        {"\"dead_links\": [[1, 2, 2, 3]],", "my.json:4: dead_links.0: (1,2) and (2,3) are no neighbours"},
        {"\"dead_links\": [[1, 2, 1, 3], [1, 3, 1, 2]],", "my.json:4: dead_links: (1,2) is given twice"},
        {"\"slow\": [[1, 2, 0.5]],", "my.json:4: slow.0: has the factor 0.5, expected times (1 to 1e+06)"},
        {"\"slow\": [[1, 2, \"x\"]],",
         "my.json:4: slow.0: has a factor that is no number, expected times (1 to 1e+06)"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char text[120];
        snprintf(text, sizeof text, MESH " %s", faults[i][0]);
        expect_fault(MESH, text, faults[i][1]);
    }
}

/* They are written as they are read, whatever their order. */
static void defects_are_kept(void **state)
{
    (void)state;
    char text[TEXT_SIZE], *written;
    read_wse2(text);
    test_replace(text, TEXT_SIZE, MESH,
                 MESH "\"dead\": [[7, 1], [2, 5]], \"dead_links\": [[2, 6, 2, 5]], \"slow\": [[3, 4, 1.5]],");
    plmr_device device, again;
    must(plmr_device_parse(text, "my.json", &device));
    assert_true(device.dead.n == 2 && device.dead.at[0].row == 2 && device.dead.at[1].col == 1);
    assert_true(device.dead_links.at[0].col == 5 && device.dead_links.at[0].to_col == 6);
    size_t n;
    FILE *out = open_memstream(&written, &n);
    plmr_device_write(out, &device);
    fclose(out);
    must(plmr_device_parse(written, "my.json", &again));
    free(written);
    assert_true(again.slow.n == 1 && again.slow.at[0].factor == 1.5);
    assert_true(plmr_device_hash(1, &device) == plmr_device_hash(1, &again));
    again.dead.at[1].col = 3;
    assert_true(plmr_device_hash(1, &device) != plmr_device_hash(1, &again));
}

static void faults_of_an_origin(void **state)
{
    (void)state;
    expect_fault("\"unit\": \"Hz\", \"tag\": \"V\", ", "\"unit\": \"Hz\", ",
                 "my.json:7: clock.tag: is missing, expected one of M S V C I 2 guess definition");
    expect_fault("\"unit\": \"Hz\", \"tag\": \"V\"", "\"unit\": \"Hz\", \"tag\": \"vendor\"",
                 "my.json:7: clock.tag: \"vendor\" is unknown, expected one of M S V C I 2 guess definition");
    expect_fault("\"unit\": \"Hz\", \"tag\": \"V\"", "\"unit\": \"Hz\", \"tag\": 2",
                 "my.json:7: clock.tag: is a number, expected one of M S V C I 2 guess definition");
    expect_fault(", \"source\": \"32-bit fabric word\"", "",
                 "my.json:10: wavelet.source: is missing, expected text of 1 to 239 bytes");
    expect_fault("\"32-bit fabric word\"", "\"\"",
                 "my.json:10: wavelet.source: is 0 bytes long, expected text of 1 to 239 bytes");
    expect_fault("\"32-bit fabric word\"", "null",
                 "my.json:10: wavelet.source: is null, expected text of 1 to 239 bytes");
    expect_fault("\"32-bit fabric word\"", "\"a\\nb\"",
                 "my.json:10: wavelet.source: has a control character, expected one line of plain text");
    expect_fault("\"32-bit fabric word\"",
                 "\"\xc2\x9b"
                 "31m\"",
                 "my.json:10: wavelet.source: has a control character, expected one line of plain text");
    char word[300], quoted[304];
    memset(word, 'x', 240);
    word[240] = '\0';
    snprintf(quoted, sizeof quoted, "\"%s\"", word);
    expect_fault("\"32-bit fabric word\"", quoted,
                 "my.json:10: wavelet.source: is 240 bytes long, expected text of 1 to 239 bytes");
}

static void faults_of_the_whole(void **state)
{
    (void)state;
    expect_fault("\"hop\":", "\"hopp\":", "my.json:11: hopp: is an unknown key, did you mean \"hop\"?");
    expect_fault("\"hop\":", "\"x\\u001b[31m\\n\":", "my.json:11: x?[31m?: is an unknown key");
    expect_fault("\"title\":", "\"Zzzzzz\":", "my.json:3: Zzzzzz: is an unknown key");
    expect_fault("  \"topology\": \"mesh\",\n", "", "my.json:1: topology: is missing, expected mesh or torus");
    expect_fault("\"mesh\"", "\"ring\"", "my.json:4: topology: \"ring\" is unknown, expected mesh or torus");
    expect_fault("\"mesh\"", "1", "my.json:4: topology: is a number, expected mesh or torus");
    expect_fault("\"static\"", "\"torus\"", "my.json:20: router: \"torus\" is unknown, expected static or xy");
    expect_fault("\"name\": \"wse2\"", "\"name\": 2", "my.json:2: name: is a number, expected text of 1 to 47 bytes");
    expect_fault("\"wse2\"", "\"123456789012345678901234567890123456789012345678\"",
                 "my.json:2: name: is 48 bytes long, expected text of 1 to 47 bytes");
    expect_fault("\"name\"", "\"title\": \"t\", \"name\"",
                 "my.json:3: not valid JSON: duplicate object key near '\"title\"'");
    expect_fault("{\"value\": 994,", "{\"value\": NaN,", "my.json:5: not valid JSON: invalid token near 'NaN'");
    expect_fault("{\"value\": 994,", "{\"value\": 1e999,",
                 "my.json:5: not valid JSON: real number overflow near '1e999'");
    expect_fault("{\"value\": 994,", "{\"value\": -1e999,",
                 "my.json:5: not valid JSON: real number overflow near '-1e999'");
    expect_fault("\"title\": \"Cerebras WSE-2", "\"title\": \"\\u0000",
                 "my.json:3: not valid JSON: a text with a zero byte (\\u0000) in it");
}

/* Cuts the text from the first mark up to the second. */
static void cut_out(char *text, const char *from, const char *to)
{
    char *begin = strstr(text, from), *end = strstr(text, to);
    assert_true(begin && end > begin);
    memmove(begin, end, strlen(end) + 1);
}

static void messages_may_be_left_out(void **state)
{
    (void)state;
    char text[TEXT_SIZE];
    plmr_device whole, device;
    read_wse2(text);
    must(plmr_device_parse(text, "my.json", &whole));
    cut_out(text, "  \"router\"", "  \"vector_start\"");
    must(plmr_device_parse(text, "my.json", &device));
    assert_valid(&device);
    assert_int_equal(device.router, PLMR_STATIC);
    assert_true(device.send_launch == whole.shift_launch && device.send_message == whole.shift_launch);
    assert_true(device.packet == 0 && device.buffer == 0 && device.ring_cols == 0);
    assert_true(device.vector_start == whole.vector_start);
}

static void one_is_like_another(void **state)
{
    (void)state;
    plmr_device wse2, device;
    must(plmr_device_load("wse2", &wse2));
    must(plmr_device_parse(
        "{\"title\": \"mine\", \"like\": \"wse2:turn=5\", \"hop\": {\"value\": 4, \"unit\": \"cycles\", "
        "\"tag\": \"guess\", \"source\": \"mine\"}}",
        "my.json", &device));
    assert_string_equal(device.name, "my.json");
    assert_string_equal(device.title, "mine");
    assert_true(device.hop == 4 && device.turn == 5);
    assert_true(device.rows == wse2.rows && device.clock == wse2.clock && device.routes == wse2.routes);
    expect_error(plmr_device_parse("{\"title\": \"mine\", \"like\": 2}", "my.json", &device),
                 "my.json:1: like: is a number, expected text of 1 to 255 bytes");
    plmr_status unknown = plmr_device_parse("{\"title\": \"mine\", \"like\": \"wse\"}", "my.json", &device);
    assert_non_null(unknown);
    plmr_error_free(unknown);
    FILE *file = fopen("itself.json", "w");
    fputs("{\"title\": \"mine\", \"like\": \"itself.json\"}", file);
    fclose(file);
    expect_error(plmr_device_load("itself.json", &device),
                 "itself.json:1: like: leads from file to file more than 8 times: does one name itself?");
    unlink("itself.json");
}

/* A device of another size than that for which its lists were written. */
static void lists_fit_the_size(void **state)
{
    (void)state;
    plmr_device device;
    FILE *file = fopen("named.json", "w");
    fputs("{\"title\": \"named\", \"like\": \"wse2\", \"dead_links\": [[900, 0, 900, 1]]}", file);
    fclose(file);
    must(plmr_device_load("named.json:rows=901", &device));
    expect_error(
        plmr_device_load("named.json:rows=10", &device),
        "named.json:rows=10: dead_links: (900,0) is no core of the device's 10x750: rows are 0 to 9, columns 0 "
        "to 749");
    expect_error(plmr_device_parse("{\"title\": \"less\", \"like\": \"named.json\", \"rows\": {\"value\": 10, "
                                   "\"unit\": \"cores\", \"tag\": \"guess\", \"source\": \"mine\"}}",
                                   "less.json", &device),
                 "less.json: dead_links: (900,0) is no core of the device's 10x750: rows are 0 to 9, columns 0 to 749");
    unlink("named.json");
}

/* A program of a user's may have such a locale; where there is none here, one is made. */
static bool use_decimal_comma(void)
{
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        return true;
    if (system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1") != 0)
        return false;
    setenv("LOCPATH", ".", 1);
    bool chosen = setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
    unsetenv("LOCPATH"); /* with which each newlocale of glibc's leaks the folder's name */
    return chosen;
}

static void decimal_commas(void **state)
{
    (void)state;
    plmr_device device;
    if (!use_decimal_comma())
        skip();
    assert_true(strtod("1,5", NULL) == 1.5);
    must(plmr_device_load("wse2:hop=1.5", &device));
    assert_true(device.hop == 1.5);
    assert_true(strtod("1,5", NULL) == 1.5); /* the program's own again */
    setlocale(LC_ALL, "C");
    (void)!system("rm -rf ./de_DE.UTF-8");
}

static void faults_of_other_files(void **state)
{
    (void)state;
    plmr_device device;
    expect_error(plmr_device_parse("", "my.json", &device),
                 "my.json:1: not valid JSON: '[' or '{' expected near end of file");
    expect_error(plmr_device_parse("[]", "my.json", &device),
                 "my.json:1: is an array, expected an object that describes a device");
    expect_error(plmr_device_parse("\n{}", "my.json", &device),
                 "my.json:2: title: is missing, expected text of 1 to 159 bytes");
    expect_error(
        plmr_device_parse("{\"title\": \"t\", \"topology\": \"mesh\"}", "my.json", &device),
        "my.json:1: rows: is missing, expected {\"value\", \"unit\", \"tag\", \"source\"} in cores (1 to 65536)");
    expect_error(
        plmr_device_parse("{\"title\": \"t\",\n\"topology\": \"mesh\",\n\"rows\": 7}", "my.json", &device),
        "my.json:3: rows: is a number, expected {\"value\", \"unit\", \"tag\", \"source\"} in cores (1 to 65536)");
    /* the key is found by what it says, not by how it is written, nor inside other values */
    expect_error(
        plmr_device_parse("{\"title\": \"rows\",\n\"topology\": \"mesh\",\n\"\\u0072ows\": [{\"rows\":\n1}]}",
                          "my.json", &device),
        "my.json:3: rows: is an array, expected {\"value\", \"unit\", \"tag\", \"source\"} in cores (1 to 65536)");
    char name[301];
    memset(name, 'n', 300);
    name[300] = '\0';
    plmr_status status = plmr_device_parse("{}", name, &device);
    assert_non_null(strstr(plmr_error_text(status), "at most 255 bytes long, this path has 300"));
    plmr_error_free(status);
}

static void unknown_names(void **state)
{
    (void)state;
    plmr_device device;
    expect_error(plmr_device_load("wse4", &device), "unknown device 'wse4': did you mean 'wse3'? " AVAILABLE);
    expect_error(plmr_device_load("WSE2", &device), "unknown device 'WSE2': did you mean 'wse2'? " AVAILABLE);
    expect_error(plmr_device_load("dojo", &device), "unknown device 'dojo': did you mean 'dojo-3x3'? " AVAILABLE);
    expect_error(plmr_device_load("toaster", &device), "unknown device 'toaster' " AVAILABLE);
    expect_error(plmr_device_load("", &device), "unknown device '' " AVAILABLE);
    expect_error(plmr_device_load("no-such.json", &device), "no-such.json: cannot open: No such file or directory");
    expect_error(plmr_device_load("/", &device), "/: is not a regular file");
    char name[401];
    memset(name, 'n', 400);
    name[400] = '\0';
    plmr_status status = plmr_device_load(name, &device);
    assert_non_null(status);
    plmr_error_free(status);
}

static void numbers_on_the_command_line(void **state)
{
    (void)state;
    plmr_device plain = test_device("wse2"), other = test_device("wse2:hop=4,routes=64,clock=8.5e8,topology=torus");
    assert_string_equal(other.name, "wse2:hop=4,routes=64,clock=8.5e8,topology=torus");
    assert_true(other.hop == 4 && other.routes == 64 && other.clock == 8.5e8 && other.topology == PLMR_TORUS);
    assert_string_equal(other.origin.hop.tag, "user");
    assert_string_equal(other.origin.hop.source, "given on the command line in place of 1");
    assert_valid(&other);
    memcpy(other.name, plain.name, sizeof other.name); /* and all else is as it was */
    other.hop = plain.hop, other.routes = plain.routes, other.clock = plain.clock, other.topology = plain.topology;
    other.origin.hop = plain.origin.hop, other.origin.routes = plain.origin.routes;
    other.origin.clock = plain.origin.clock;
    assert_memory_equal(&other, &plain, sizeof plain);

    other = test_device("wse2:hop=4:hop=5,turn=1");
    assert_true(other.hop == 5 && other.turn == 1);
    assert_string_equal(other.origin.hop.source, "given on the command line in place of 4");
    assert_int_equal(test_device("wormhole:topology=mesh").topology, PLMR_MESH);
}

static void expect_load_error(const char *name, const char *text)
{
    plmr_device device;
    expect_error(plmr_device_load(name, &device), text);
}

static void faults_on_the_command_line(void **state)
{
    (void)state;
    expect_load_error("wse2:hopp=4",
                      "wse2:hopp=4: 'hopp' is no number of a device: did you mean 'hop'? (see plmr device show NAME)");
    expect_load_error("wse2:zzzzzz=4", "wse2:zzzzzz=4: 'zzzzzz' is no number of a device (see plmr device show NAME)");
    expect_load_error("wse2:hop", "wse2:hop: 'hop' is not KEY=VALUE, e.g. hop=4");
    expect_load_error("wse2:", "wse2:: '' is not KEY=VALUE, e.g. hop=4");
    expect_load_error("wse2:hop=4,", "wse2:hop=4,: '' is not KEY=VALUE, e.g. hop=4");
    expect_load_error("wse2:hop=4,hop=5", "wse2:hop=4,hop=5: hop is given twice");
    expect_load_error("wse2:hop=", "wse2:hop=: hop: '' is not a number, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:hop=4x", "wse2:hop=4x: hop: '4x' is not a number, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:hop=nan", "wse2:hop=nan: hop: 'nan' is not a number, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:hop=0x4", "wse2:hop=0x4: hop: '0x4' is not a number, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:hop=-1", "wse2:hop=-1: hop: -1 is out of range, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:hop=1e999", "wse2:hop=1e999: hop: inf is out of range, expected cycles (0 to 1e+06)");
    expect_load_error("wse2:routes=2.5",
                      "wse2:routes=2.5: routes: 2.5 is not a whole number, expected routes (1 to 1e+09)");
    expect_load_error("wse2:topology=ring", "wse2:topology=ring: topology: 'ring' is unknown, expected mesh or torus");
    expect_load_error("wse4:hop=4", "unknown device 'wse4': did you mean 'wse3'? " AVAILABLE);
    expect_load_error("no-such.json:hop=4", "no-such.json: cannot open: No such file or directory");
    expect_load_error("a:hop=4/b.json", "a:hop=4/b.json: cannot open: No such file or directory");
    char name[401];
    memset(name, 'n', 400);
    memcpy(name, "wse2:", 5);
    name[400] = '\0';
    plmr_device device;
    plmr_status status = plmr_device_load(name, &device);
    assert_non_null(strstr(plmr_error_text(status), "at most 255 bytes long, this has 400"));
    plmr_error_free(status);
}

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void a_users_own_files(void **state)
{
    (void)state;
    char text[TEXT_SIZE], folder[] = "/tmp/plmr-device-XXXXXX", path[64], expected[128];
    plmr_device device;
    read_wse2(text);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mine", folder);
    test_replace(text, TEXT_SIZE, "994", "12");
    write_file(path, text, strlen(text));
    must(plmr_device_load(path, &device));
    assert_string_equal(device.name, path);
    assert_true(device.rows == 12 && device.cols == 750);

    char with_pairs[80], with_colon[72];
    snprintf(with_pairs, sizeof with_pairs, "%s:hop=4", path);
    must(plmr_device_load(with_pairs, &device));
    assert_true(device.rows == 12 && device.hop == 4);
    snprintf(with_colon, sizeof with_colon, "%s:hop=4", path); /* a file of that name comes first */
    write_file(with_colon, text, strlen(text));
    must(plmr_device_load(with_colon, &device));
    assert_true(device.hop == 1);
    assert_int_equal(unlink(with_colon), 0);

    write_file(path, "{\0}", 3);
    snprintf(expected, sizeof expected, "%s: holds a 0 byte, so it is not JSON", path);
    expect_error(plmr_device_load(path, &device), expected);

    size_t large = ((size_t)1 << 20) + 1;
    char *spaces = malloc(large);
    assert_non_null(spaces);
    memset(spaces, ' ', large);
    write_file(path, spaces, large);
    free(spaces);
    snprintf(expected, sizeof expected, "%s: is larger than 1 MiB, too large for a device", path);
    expect_error(plmr_device_load(path, &device), expected);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(expected, sizeof expected, "%s: is not a regular file", path);
    expect_error(plmr_device_load(path, &device), expected);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Whatever the text is: a valid device or an error of one line. */
static void expect_valid_or_error(const char *text)
{
    plmr_device device;
    plmr_status status = plmr_device_parse(text, "my.json", &device);
    if (!status) {
        assert_valid(&device);
        return;
    }
    const char *error = plmr_error_text(status);
    assert_true(strncmp(error, "my.json:", 8) == 0 && !strchr(error, '\n') && strlen(error) > 10);
    plmr_error_free(status);
}

static void truncated_files(void **state)
{
    (void)state;
    char text[TEXT_SIZE], part[TEXT_SIZE];
    read_wse2(text);
    size_t n = strlen(text);
    plmr_device device;
    for (size_t i = 0; i + 2 < n; i++) {
        memcpy(part, text, i);
        part[i] = '\0';
        plmr_status status = plmr_device_parse(part, "my.json", &device);
        assert_non_null(status);
        plmr_error_free(status);
    }
}

static void corrupt_files(void **state)
{
    (void)state;
    static const char bytes[] = {'"', '\\', '{', '}', '[', ',', '-', '9', '\n', '\0', '\x1b', '\xff'};
    char text[TEXT_SIZE];
    read_wse2(text);
    for (size_t i = 0; text[i]; i++) {
        char was = text[i];
        text[i] = (char)(was ^ (1 << i % 8));
        expect_valid_or_error(text);
        text[i] = bytes[i % sizeof bytes];
        expect_valid_or_error(text);
        text[i] = was;
    }
    memset(text, '[', TEXT_SIZE - 1);
    expect_valid_or_error(text);
}

static void printed_table(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2");
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    plmr_device_print(out, &wse2);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strncmp(text, "wse2: Cerebras WSE-2", 20), 0);
    assert_non_null(strstr(text, "\nmesh of 994 rows x 750 columns = 745500 cores, static routers\n"));
    assert_non_null(strstr(text, "\nkey                   value  unit            tag         meaning "));
    assert_non_null(strstr(text, "\nclock               1.1e+09  Hz              V           core clock "));
    assert_non_null(
        strstr(text, "\nshift_wavelet          1.25  cycles/wavelet  I           core-busy cycles per wavelet"));
    free(text);
}

static void expect_difference(const plmr_device *a, const plmr_device *b, const char *said)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    plmr_device_compare(out, a, b);
    assert_int_equal(fclose(out), 0);
    const char *rows = strchr(text, '\n') + 1;
    assert_string_equal(rows, said);
    free(text);
}

static void differences(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2"), other = wse2;
    expect_difference(&wse2, &other, "they do not differ\n");
    other.topology = PLMR_TORUS;
    other.router = PLMR_XY;
    other.dead.at[other.dead.n++] = (plmr_defect){.row = 3};
    expect_difference(&wse2, &other,
                      "topology                     mesh                      torus\n"
                      "router                     static                         xy\n"
                      "dead                            0                          1             cores\n");
    wse2 = other;
    other.dead.at[0].col = 1;
    expect_difference(&wse2, &other,
                      "dead                            1                          1             cores, not the same\n");
}

static void suggestions(void **state)
{
    (void)state;
    static const char *const words[] = {"allgather", "cannon", "meshgemm", "summa"};
    assert_string_equal(plmr_suggest("suma", words, 4), "summa");
    assert_string_equal(plmr_suggest("canonn", words, 4), "cannon");
    assert_string_equal(plmr_suggest("emshgemm", words, 4), "meshgemm");
    assert_string_equal(plmr_suggest("mesh", words, 4), "meshgemm");
    assert_null(plmr_suggest("", words, 4));
    assert_null(plmr_suggest("me", words, 4));
    assert_null(plmr_suggest("fourier", words, 4));
    assert_null(plmr_suggest("suma", words, 0));
    assert_null(
        plmr_suggest("a word that is far longer than anything that a user of this program could mean", words, 4));
}

static void share_directories(void **state)
{
    (void)state;
    char path[4096], **names;
    int n;
    assert_int_equal(setenv("PLMR_SHARE", "/no/such/folder", 1), 0);
    must(plmr_share_path("devices/ideal.json", path, sizeof path)); /* the next directory has it */
    plmr_status status = plmr_share_path("devices/none.json", path, sizeof path);
    assert_non_null(status);
    plmr_error_free(status);
    assert_non_null(status = plmr_share_path("devices/ideal.json", path, 8));
    plmr_error_free(status);
    must(plmr_share_names(&(plmr_shared){"thing", "no-such-folder", {".json"}, "a file"}, &names, &n));
    assert_int_equal(n, 0);
    free(names);
    assert_int_equal(setenv("PLMR_SHARE", PLMR_SHARE_SOURCE, 1), 0);
}

int main(void)
{
    setenv("PLMR_SHARE", PLMR_SHARE_SOURCE, 1); /* before any device that is installed on this machine */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_device_loads),
        cmocka_unit_test(parts_are_what_they_are_alone),
        cmocka_unit_test(wse2_is_the_papers_wafer),
        cmocka_unit_test(costs_of_wse2),
        cmocka_unit_test(costs_of_other_devices),
        cmocka_unit_test(energy_of_wse2),
        cmocka_unit_test(wavelets_and_quantum),
        cmocka_unit_test(faults_of_a_number),
        cmocka_unit_test(faults_of_defects),
        cmocka_unit_test(defects_are_kept),
        cmocka_unit_test(faults_of_an_origin),
        cmocka_unit_test(faults_of_the_whole),
        cmocka_unit_test(messages_may_be_left_out),
        cmocka_unit_test(one_is_like_another),
        cmocka_unit_test(lists_fit_the_size),
        cmocka_unit_test(decimal_commas),
        cmocka_unit_test(faults_of_other_files),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(numbers_on_the_command_line),
        cmocka_unit_test(faults_on_the_command_line),
        cmocka_unit_test(a_users_own_files),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(corrupt_files),
        cmocka_unit_test(printed_table),
        cmocka_unit_test(differences),
        cmocka_unit_test(suggestions),
        cmocka_unit_test(share_directories),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
