#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "paper/print.h"

enum { MOST_PARTS = 32 };

struct paper_command {
    const char *device, *json, *out;
    bool chosen[MOST_PARTS];
    int n_chosen; /* 0: all */
};

enum { KEY_TABLE = 0x200, KEY_FIGURE, KEY_DEVICE, KEY_JSON, KEY_OUT };

static const struct argp_option options[] = {
    {"table", KEY_TABLE, "N", 0, "Only this table, 2 to 8; may be given again", 1},
    {"figure", KEY_FIGURE, "N", 0, "Only this figure: 6, 8, 9 or 10; may be given again", 1},
    {"device", KEY_DEVICE, "NAME|FILE", 0, "The wafer (default wse2)", 1},
    {"out", KEY_OUT, "DIR", 0,
     "Where README.md, records.jsonl, table.csv and provenance.json go (default results/waferllm, for all parts)", 2},
    {"json", KEY_JSON, "FILE|-", 0, "One JSON object for each figure", 2},
    PLMR_OPTION_HELP,
    {0},
};

static plmr_status choose(struct paper_command *c, const char *kind, const char *number)
{
    char name[40];
    snprintf(name, sizeof name, "%s %.20s", kind, number);
    for (int i = 0; i < plmr_paper_part_count(); i++)
        if (strcmp(plmr_paper_part_at(i)->name, name) == 0) {
            c->n_chosen += !c->chosen[i];
            c->chosen[i] = true;
            return PLMR_OK;
        }
    return plmr_error_make(PLMR_ERROR_INPUT, "--%s: there is no %s: choose tables 2 to 8 or figures 6, 8, 9, 10", kind,
                           name);
}

static plmr_status set_option(int key, const char *text, struct paper_command *c)
{
    switch (key) {
    case KEY_TABLE:
        return choose(c, "table", text);
    case KEY_FIGURE:
        return choose(c, "figure", text);
    case KEY_DEVICE:
        c->device = text;
        return PLMR_OK;
    case KEY_JSON:
        c->json = text;
        return PLMR_OK;
    default:
        c->out = text;
        return PLMR_OK;
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key < KEY_TABLE || key > KEY_OUT)
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Predicts the tables and figures of the WaferLLM paper in virtual time and prints them beside what was "
           "published.\v"
           "For example:\n"
           "  mpirun -n 2 plmr paper --table 3 --figure 9",
};

static plmr_status run_parts(const struct paper_command *c, plmr_paper *paper, FILE *out)
{
    for (int i = 0; i < plmr_paper_part_count(); i++) {
        const plmr_paper_part *part = plmr_paper_part_at(i);
        if (c->n_chosen && !c->chosen[i])
            continue;
        plmr_progress_begin(&paper->progress, part->name, 0, paper->interactive);
        plmr_status status = part->run(paper, part);
        plmr_progress_end(&paper->progress);
        PLMR_TRY(status);
        if (plmr_rank() == 0)
            plmr_paper_print_part(out, paper, part);
    }
    return PLMR_OK;
}

static plmr_status write_files(const struct paper_command *c, const plmr_paper *paper, FILE *out)
{
    const char *folder = c->out ? c->out : c->n_chosen ? NULL : "results/waferllm";
    if (plmr_rank())
        return PLMR_OK;
    plmr_paper_put_summary(out, paper, false);
    if (c->json)
        PLMR_TRY(plmr_paper_write_json(paper, c->json));
    if (!folder)
        return PLMR_OK;
    PLMR_TRY(plmr_paper_write(paper, folder));
    fprintf(out, "\nwritten: %s/README.md, records.jsonl, table.csv\n", folder);
    return PLMR_OK;
}

static plmr_status run(const struct paper_command *c, plmr_ranks *ranks)
{
    plmr_paper paper;
    PLMR_TRY(plmr_paper_open(ranks, c->device, &paper));
    paper.interactive = plmr_rank() == 0 && plmr_progress_on_terminal();
    FILE *out = c->json && strcmp(c->json, "-") == 0 ? stderr : stdout;
    plmr_status status = run_parts(c, &paper, out);
    if (!status)
        status = plmr_agree(write_files(c, &paper, out));
    plmr_paper_close(&paper);
    return status;
}

plmr_status plmr_command_paper(int argc, char **argv)
{
    struct paper_command c = {.device = "wse2"};
    plmr_ranks *ranks;
    bool help;
    PLMR_ASSERT(plmr_paper_part_count() <= MOST_PARTS);
    PLMR_TRY(plmr_options_parse(&argp, "paper", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_status status = run(&c, ranks);
    plmr_ranks_destroy(ranks);
    return status;
}
