#include "cli/cli.h"

#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/runs.h"

struct report_command {
    plmr_texts paths;
    const char *out;
};

static const plmr_option options[] = {
    {"out", "FILE", PLMR_TITLE_OUTPUT, "The page to write", PLMR_TEXT_WRITTEN(struct report_command, out)},
    {"", "RECORDS", NULL, NULL, PLMR_ONE_MORE(struct report_command, paths), .path = PLMR_PATH_READ,
     .most = PLMR_MOST_TEXTS},
    {0},
};

static plmr_status add_runs(const struct report_command *c, plmr_html *html)
{
    for (int i = 0; i < c->paths.n; i++)
        PLMR_TRY(plmr_runs_add(c->paths.at[i], html));
    for (size_t i = 0; i < json_array_size(html->notes); i++)
        fprintf(stderr, "note: %s\n", json_string_value(json_array_get(html->notes, i)));
    PLMR_CHECK(json_array_size(html->runs) > 0, PLMR_ERROR_INPUT, "there is no run in it that a page could show");
    return PLMR_OK;
}

static plmr_status make_page(const struct report_command *c)
{
    plmr_html html;
    PLMR_CHECK(c->paths.n > 0, PLMR_ERROR_INPUT, "say of what: files of --json or --report");
    PLMR_CHECK(c->out, PLMR_ERROR_INPUT, "say where the page goes: --out FILE.html");
    PLMR_TRY(plmr_html_open("--out", c->out, &html));
    return plmr_html_close(&html, add_runs(c, &html));
}

static plmr_status run(void *options)
{
    return plmr_agree(plmr_rank() == 0 ? make_page(options) : PLMR_OK);
}

const plmr_command plmr_command_report = {
    .name = "report",
    .summary = "make one HTML page of records and reports, to compare runs",
    .arguments = "RECORDS...",
    .about =
        "Makes one HTML page of several runs, to look at and to compare. RECORDS are files that --json of gemm, gemv, "
        "allreduce, llm, generate and serve has written, and pages that --report has: these alone hold what runs cost "
        "core by core, and so the wafer's pictures.",
    .more = "For example:\n"
            "  plmr gemm --cores 360x360 --report a.html\n"
            "  plmr gemm --cores 540x540 --report b.html\n"
            "  plmr report a.html b.html --out both.html",
    .options = options,
    .size = sizeof(struct report_command),
    .run = run,
    .needs_no_ranks = true,
};
