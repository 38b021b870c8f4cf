#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "paper/paper.h"
#include "plmr/device.h"
#include "report/jsonl.h"

enum { MOST_PARTS = 32 };

struct paper_command {
    const char *device, *json, *out;
    bool chosen[MOST_PARTS];
    int n_chosen; /* 0: all */
};

/* --table 3 chooses "table 3". */
static plmr_status read_part(const plmr_option *option, const char *number, void *command)
{
    struct paper_command *c = command;
    char name[40];
    snprintf(name, sizeof name, "%s %.20s", option->name, number);
    for (int i = 0; i < plmr_paper_part_count(); i++)
        if (strcmp(plmr_paper_part_at(i)->name, name) == 0) {
            c->n_chosen += !c->chosen[i];
            c->chosen[i] = true;
            return PLMR_OK;
        }
    return plmr_error_make(PLMR_ERROR_INPUT, "--%s: there is no %s: choose tables 2 to 8 or figures 6, 8, 9, 10",
                           option->name, name);
}

static const plmr_option options[] = {
    {"table", "N", NULL, "Only this table, 2 to 8; may be given again", PLMR_READ_ALL(read_part)},
    {"figure", "N", NULL, "Only this figure: 6, 8, 9 or 10; may be given again", PLMR_READ_ALL(read_part)},
    {"device", "NAME|FILE", NULL, "The wafer", PLMR_TEXT(struct paper_command, device), .value = PLMR_DEVICE_DEFAULT},
    {"out", "DIR", NULL,
     "Where README.md, records.jsonl, table.csv and provenance.json go (default results/waferllm, for all parts)",
     PLMR_TEXT(struct paper_command, out)},
    {"json", "FILE|-", NULL, "One JSON object for each figure", PLMR_TEXT(struct paper_command, json)},
    {0},
};

static plmr_status run_parts(const struct paper_command *c, plmr_paper *paper, FILE *out)
{
    int n = plmr_paper_part_count();
    plmr_progress_begin(&paper->progress, "paper", c->n_chosen ? c->n_chosen : n, paper->interactive);
    for (int i = 0; i < n; i++) {
        const plmr_paper_part *part = plmr_paper_part_at(i);
        if (c->n_chosen && !c->chosen[i])
            continue;
        paper->progress.label = part->name;
        paper->part = part;
        plmr_status status = part->run(paper);
        plmr_progress_end(&paper->progress);
        PLMR_TRY(status);
        paper->n_parts++;
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

static plmr_status run_on(const struct paper_command *c, plmr_ranks *ranks)
{
    plmr_paper paper;
    PLMR_TRY(plmr_paper_open(ranks, c->device, &paper));
    paper.interactive = plmr_rank() == 0 && plmr_on_terminal(stderr);
    FILE *out = plmr_text_beside(c->json);
    plmr_status status = run_parts(c, &paper, out);
    if (!status)
        status = plmr_agree(write_files(c, &paper, out));
    plmr_paper_close(&paper);
    return status;
}

static plmr_status run(void *options)
{
    plmr_ranks *ranks;
    PLMR_ASSERT(plmr_paper_part_count() <= MOST_PARTS);
    PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_status status = run_on(options, ranks);
    plmr_ranks_destroy(ranks);
    return status;
}

const plmr_command plmr_command_paper = {
    .name = "paper",
    .summary = "predict the tables and figures of the WaferLLM paper, beside what was published",
    .about = "Predicts the tables and figures of the WaferLLM paper in virtual time and prints them beside what was "
             "published.",
    .more = "For example:\n"
            "  mpirun -n 2 plmr paper --table 3 --figure 9",
    .options = options,
    .size = sizeof(struct paper_command),
    .run = run,
};
