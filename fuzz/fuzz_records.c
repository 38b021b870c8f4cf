/* Fuzzes the readers of records: for a page of runs (plmr report), which may be a page itself, and to run them again (plmr
 * verify). */
#include "fuzz.h"

#include "fuzz_file.h"
#include "report/rerun.h"
#include "report/runs.h"

static void report(const char *path)
{
    plmr_html html = {.runs = json_array(), .notes = json_array()};
    check_line(plmr_runs_add(path, &html));
    json_decref(html.runs);
    json_decref(html.notes);
}

/* Records are as they are. */
static void verify(const char *path, bool quick)
{
    plmr_record_file file;
    plmr_differ_tally tally = {0};
    plmr_status status = plmr_record_file_open(path, quick, &file);
    for (int i = 0; !status && i < file.n_groups; i++) {
        const plmr_run_group *group = &file.groups[i];
        json_t *now = json_array();
        for (size_t j = group->first; j < group->end; j++)
            json_array_append(now, json_array_get(file.records, j));
        plmr_record_file_compare(&file, group, now, &tally);
        json_decref(now);
    }
    plmr_record_file_close(&file);
    check_line(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *path = fuzz_file(bytes, n);
    report(path);
    verify(path, false);
    verify(path, true);
    return 0;
}
