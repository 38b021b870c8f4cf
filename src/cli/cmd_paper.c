#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/hash.h"
#include "cli/line.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "device/identity.h"
#include "paper/paper.h"
#include "plmr/device.h"
#include "report/jsonl.h"
#include "run/checkpoint.h"

enum { MOST_PARTS = 32 };

struct paper_command {
    const char *device, *json, *out, *checkpoint;
    plmr_words line;
    bool chosen[MOST_PARTS];
    int n_chosen; /* 0: all */
    plmr_checkpoint kept;
    plmr_paper paper;
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
    {"device", "NAME|FILE", NULL, "The wafer", PLMR_TEXT_READ(struct paper_command, device),
     .value = PLMR_DEVICE_DEFAULT},
    {"out", "DIR", NULL,
     "Where README.md, records.jsonl, table.csv and provenance.json go (default results/waferllm, for all parts)",
     PLMR_TEXT_FOLDER(struct paper_command, out), .files = plmr_paper_files},
    PLMR_CHECKPOINT(struct paper_command, checkpoint, "answers"),
    {"-", NULL, NULL, NULL, PLMR_LINE(struct paper_command, line)},
    {"json", "FILE|-", NULL, "One JSON object for each number", PLMR_TEXT_WRITTEN(struct paper_command, json)},
    {0},
};

static plmr_status run_parts(const struct paper_command *c, plmr_paper *paper, FILE *out)
{
    for (int i = 0; i < plmr_paper_part_count(); i++) {
        const plmr_paper_part *part = plmr_paper_part_at(i);
        if (c->n_chosen && !c->chosen[i])
            continue;
        paper->part = part;
        PLMR_TRY(part->run(paper));
        if (!paper->asks && plmr_rank() == 0)
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

/* ---- from one run to the next ---- */

static size_t known_bytes(const plmr_paper_answers *a)
{
    return (size_t)a->n_known * sizeof *a->answer;
}

static plmr_status put_answers(plmr_checkpoint *checkpoint, void *answers)
{
    const plmr_paper_answers *a = answers;
    if (plmr_rank() == 0)
        plmr_checkpoint_put(checkpoint, a->answer, known_bytes(a));
    return PLMR_OK;
}

static json_t *state_of(const void *answers)
{
    return json_pack("{si}", "known", ((const plmr_paper_answers *)answers)->n_known);
}

static plmr_status keep(void *context)
{
    struct paper_command *c = context;
    plmr_paper_answers *a = &c->paper.answers;
    return plmr_checkpoint_keep(&c->kept, a->n_known, state_of, put_answers, a);
}

static json_t *settings_of(const struct paper_command *c)
{
    if (plmr_rank())
        return NULL;
    uint64_t numbers = plmr_device_hash(PLMR_HASH_START, &c->paper.device);
    json_t *settings = plmr_line_settings(&plmr_command_paper, &c->line);
    json_object_set_new(settings, "device", json_string(plmr_digest_shown(numbers).s));
    return settings;
}

static plmr_status go_on(struct paper_command *c)
{
    json_t *state;
    int64_t n_known;
    plmr_paper_answers *a = &c->paper.answers;
    PLMR_TRY(plmr_checkpoint_open(&c->kept, c->checkpoint, "paper", settings_of(c), &state));
    a->on_answer = keep;
    a->context = c;
    if (!state)
        return PLMR_OK;
    plmr_status status = plmr_checkpoint_number(&c->kept, state, "known", 0, a->n, &n_known);
    json_decref(state);
    PLMR_TRY(status);
    a->n_known = (int)n_known;
    return plmr_checkpoint_read(&c->kept, a->answer, known_bytes(a));
}

/* ---- all of it ---- */

static plmr_status run_opened(struct paper_command *c)
{
    FILE *out = plmr_text_beside(c->json);
    c->paper.asks = true;
    PLMR_TRY(run_parts(c, &c->paper, out));
    plmr_paper_end_asking(&c->paper);
    if (c->checkpoint)
        PLMR_TRY(go_on(c));
    PLMR_TRY(plmr_paper_find_answers(&c->paper, plmr_rank() == 0 && plmr_on_terminal(stderr)));
    PLMR_TRY(run_parts(c, &c->paper, out));
    return plmr_agree(write_files(c, &c->paper, out));
}

static plmr_status run_on(struct paper_command *c, plmr_ranks *ranks)
{
    PLMR_TRY(plmr_paper_open(ranks, c->device, &c->paper));
    plmr_status status = plmr_checkpoint_close(&c->kept, run_opened(c));
    plmr_paper_close(&c->paper);
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
