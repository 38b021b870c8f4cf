#include "cli/cli.h"

#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/runs.h"

struct report_command {
    const char *paths[PLMR_MOST_ARGUMENTS];
    int n_paths;
    const char *out;
};

enum { KEY_OUT = 0x200 };

static const struct argp_option options[] = {
    {"out", KEY_OUT, "FILE", 0, "The page to write", 1},
    PLMR_OPTION_HELP,
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    struct report_command *c = parse->options;
    if (key == ARGP_KEY_ARG)
        c->paths[c->n_paths++] = text;
    else if (key == KEY_OUT)
        c->out = text;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "RECORDS...",
    .doc = "Makes one HTML page of several runs, to look at and to compare. RECORDS are files that --json has written, "
           "and pages that --report has: these alone hold what runs cost core by core, and so the wafer's pictures.\v"
           "For example:\n"
           "  plmr gemm --cores 360x360 --report a.html\n"
           "  plmr gemm --cores 540x540 --report b.html\n"
           "  plmr report a.html b.html --out both.html",
};

static plmr_status write_page(const struct report_command *c, plmr_html *html)
{
    for (int i = 0; i < c->n_paths; i++)
        PLMR_TRY(plmr_runs_add(c->paths[i], html));
    for (size_t i = 0; i < json_array_size(html->notes); i++)
        fprintf(stderr, "note: %s\n", json_string_value(json_array_get(html->notes, i)));
    return plmr_html_commit(html);
}

static plmr_status run(const struct report_command *c)
{
    plmr_html html;
    PLMR_CHECK(c->n_paths > 0, PLMR_ERROR_INPUT, "say of what: files of --json or --report");
    PLMR_CHECK(c->out && *c->out, PLMR_ERROR_INPUT, "say where the page goes: --out FILE.html");
    PLMR_TRY(plmr_html_open("--out", c->out, &html));
    plmr_status status = write_page(c, &html);
    plmr_html_discard(&html);
    return status;
}

plmr_status plmr_command_report(int argc, char **argv)
{
    struct report_command c = {.n_paths = 0};
    bool help;
    PLMR_TRY(plmr_options_parse_most(&argp, "report", argc, argv, PLMR_MOST_ARGUMENTS, &c, &help));
    if (help)
        return PLMR_OK;
    return plmr_agree(plmr_rank() == 0 ? run(&c) : PLMR_OK);
}
