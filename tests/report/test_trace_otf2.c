/* An OTF2 archive, read back: every core is a location, what is entered is left, in order, and the last one leaves when
 * the core's clock says. */
#include "tests/support.h"

#include <otf2/otf2.h>
#include <unistd.h>

#include "gemm/gemm.h"
#include "report/trace.h"
#include "time/clock.h"

enum { SIDE = 9, N_CORES = 3 };

struct seen {
    int64_t n_open[N_CORES], n_events[N_CORES];
    uint64_t now[N_CORES];
};

static OTF2_CallbackCode note(struct seen *seen, OTF2_LocationRef location, OTF2_TimeStamp time, int opens)
{
    assert_true(location < N_CORES && time >= seen->now[location]);
    seen->now[location] = time;
    seen->n_open[location] += opens;
    seen->n_events[location]++;
    assert_true(seen->n_open[location] >= 0);
    return OTF2_CALLBACK_SUCCESS;
}

static OTF2_CallbackCode entered(OTF2_LocationRef location, OTF2_TimeStamp time, void *data, OTF2_AttributeList *list,
                                 OTF2_RegionRef region)
{
    (void)list, (void)region;
    return note(data, location, time, 1);
}

static OTF2_CallbackCode left(OTF2_LocationRef location, OTF2_TimeStamp time, void *data, OTF2_AttributeList *list,
                              OTF2_RegionRef region)
{
    (void)list, (void)region;
    return note(data, location, time, -1);
}

static void read_back(const char *path, struct seen *seen)
{
    char anchor[200];
    uint64_t n_locations, n_read;
    snprintf(anchor, sizeof anchor, "%s/traces.otf2", path);
    OTF2_Reader *reader = OTF2_Reader_Open(anchor);
    assert_non_null(reader);
    OTF2_Reader_SetSerialCollectiveCallbacks(reader);
    assert_int_equal(OTF2_Reader_GetNumberOfLocations(reader, &n_locations), OTF2_SUCCESS);
    assert_int_equal(n_locations, N_CORES);
    for (uint64_t i = 0; i < n_locations; i++)
        OTF2_Reader_SelectLocation(reader, i);
    OTF2_Reader_OpenDefFiles(reader);
    OTF2_Reader_OpenEvtFiles(reader);
    for (uint64_t i = 0; i < n_locations; i++) {
        OTF2_Reader_ReadAllLocalDefinitions(reader, OTF2_Reader_GetDefReader(reader, i), &n_read);
        assert_non_null(OTF2_Reader_GetEvtReader(reader, i));
    }
    assert_int_equal(OTF2_Reader_ReadAllGlobalDefinitions(reader, OTF2_Reader_GetGlobalDefReader(reader), &n_read),
                     OTF2_SUCCESS);
    OTF2_GlobalEvtReaderCallbacks *callbacks = OTF2_GlobalEvtReaderCallbacks_New();
    OTF2_GlobalEvtReaderCallbacks_SetEnterCallback(callbacks, entered);
    OTF2_GlobalEvtReaderCallbacks_SetLeaveCallback(callbacks, left);
    OTF2_GlobalEvtReader *events = OTF2_Reader_GetGlobalEvtReader(reader);
    OTF2_Reader_RegisterGlobalEvtCallbacks(reader, events, callbacks, seen);
    OTF2_GlobalEvtReaderCallbacks_Delete(callbacks);
    assert_int_equal(OTF2_Reader_ReadAllGlobalEvents(reader, events, &n_read), OTF2_SUCCESS);
    OTF2_Reader_CloseGlobalEvtReader(reader, events);
    OTF2_Reader_CloseEvtFiles(reader);
    OTF2_Reader_CloseDefFiles(reader);
    OTF2_Reader_Close(reader);
}

static void run(plmr_region *region)
{
    plmr_gemm_problem problem = {60, 75, 45, SIDE, SIDE, PLMR_F16, PLMR_F32, false};
    plmr_gemm *gemm;
    must(plmr_gemm_open(plmr_gemm_at(0), &problem, region, NULL, NULL, &gemm));
    must(plmr_gemm_run(plmr_gemm_at(0), gemm));
    plmr_clock_settle(region->clock);
    plmr_gemm_close(gemm);
}

static void archives_hold_all(void **state)
{
    (void)state;
    static const plmr_trace_core cores[N_CORES] = {{0, 0}, {4, 4}, {8, 2}};
    char folder[] = "/tmp/plmr_otf2_XXXXXX", path[64], command[100];
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.every_step = true};
    struct test_region t = test_region_open(&device, SIDE, SIDE, &options);
    plmr_trace_about about = {.command = "gemm", .device = "wse2", .clock = device.clock};
    plmr_trace_file file;
    struct seen seen = {{0}, {0}, {0}};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.otf2", folder);
    must(plmr_trace_attach(t.region, cores, N_CORES, 10000));
    run(t.region);
    must(plmr_trace_file_open(path, &about, &file));
    must(plmr_trace_file_add(&file, t.region, "meshgemm"));
    assert_int_not_equal(access(path, F_OK), 0);
    must(plmr_trace_file_close(&file, PLMR_OK));
    read_back(path, &seen);
    for (int i = 0; i < N_CORES; i++) {
        assert_true(seen.n_open[i] == 0 && seen.n_events[i] > 50);
        assert_true((double)seen.now[i] == 64 * plmr_clock_at(t.region->clock, cores[i].row, cores[i].col));
    }
    must_fail(plmr_trace_file_open(path, &about, &file), PLMR_ERROR_INPUT, "it is there already");
    snprintf(path, sizeof path, "%s/u.otf2", folder);
    must(plmr_trace_file_open(path, &about, &file));
    must_fail(plmr_trace_file_close(&file, plmr_error_make(PLMR_ERROR_SYSTEM, "failed")), PLMR_ERROR_SYSTEM, "failed");
    snprintf(command, sizeof command, "rm -r %s/t.otf2", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(rmdir(folder), 0);
    test_region_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(archives_hold_all),
};

TEST_MAIN(tests)
