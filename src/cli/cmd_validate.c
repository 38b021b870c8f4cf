#include "cli/cli.h"

#include <string.h>

#include "base/text_file.h"
#include "cli/options.h"
#include "report/jsonl.h"
#include "report/progress.h"
#include "validate/validate.h"

struct validate_command {
    plmr_texts what;
    const char *device, *json, *out;
};

static const plmr_option options[] = {
    {"", "SET|FILE", NULL, NULL, PLMR_ONE_MORE(struct validate_command, what), .path = PLMR_PATH_READ,
     .most = PLMR_MOST_TEXTS},
    {"device", "NAME|FILE", NULL, "Run the points of this device alone, with its numbers: wse2:hop=2",
     PLMR_TEXT_READ(struct validate_command, device)},
    {"out", "DIR", NULL, "Where README.md, records.jsonl, errors.jsonl and provenance.json go",
     PLMR_TEXT_FOLDER(struct validate_command, out), .files = plmr_validation_files},
    {"json", "FILE|-", NULL, "One JSON object for each point", PLMR_TEXT_WRITTEN(struct validate_command, json)},
    {0},
};

static bool is_file(const char *word)
{
    size_t n = strlen(word);
    return strchr(word, '/') || (n > 6 && strcmp(word + n - 6, ".jsonl") == 0);
}

static plmr_status load(const struct validate_command *c, plmr_validation *v)
{
    PLMR_TRY(plmr_validation_open(v));
    if (!c->what.n)
        PLMR_TRY(plmr_validation_add_all(v));
    for (int i = 0; i < c->what.n; i++)
        PLMR_TRY(is_file(c->what.at[i]) ? plmr_validation_add_file(v, c->what.at[i])
                                        : plmr_validation_add_set(v, c->what.at[i]));
    return plmr_validation_choose(v, c->device);
}

static plmr_status write_files(const struct validate_command *c, const plmr_validation *v)
{
    if (plmr_rank())
        return PLMR_OK;
    plmr_validation_print(plmr_text_beside(c->json), v, c->what.n > 0 || c->device);
    if (c->json)
        PLMR_TRY(plmr_validation_write_json(v, c->json));
    return c->out ? plmr_validation_write(v, c->out) : PLMR_OK;
}

static void step(void *context)
{
    plmr_progress_step(context, 0);
}

static plmr_status run(void *context)
{
    const struct validate_command *c = context;
    plmr_validation v = {0};
    plmr_status status = plmr_agree(load(c, &v));
    if (!status) {
        plmr_progress progress;
        plmr_progress_begin(&progress, "validate", v.n_points, plmr_rank() == 0 && plmr_on_terminal(stderr));
        status = plmr_validation_run(&v, step, &progress);
        plmr_progress_end(&progress);
    }
    if (!status && c->out)
        status = plmr_validation_weigh(&v);
    if (!status)
        status = plmr_agree(write_files(c, &v));
    plmr_validation_close(&v);
    return status;
}

const plmr_command plmr_command_validate = {
    .name = "validate",
    .summary = "run published measurements, and your own, and print them beside what was measured",
    .arguments = "[SET|FILE.jsonl...]",
    .about = "Runs published measurements of wafer-scale and other mesh devices, in virtual time, and prints what is "
             "predicted beside what was measured; those of share/validation, or your own, one JSON object a line.",
    .more = PLMR_POINTS_HELP "For example:\n"
                             "  mpirun -n 2 plmr validate\n"
                             "  plmr validate tt-one --device wormhole:hop=10\n"
                             "  plmr validate mine.jsonl --json -",
    .options = options,
    .size = sizeof(struct validate_command),
    .run = run,
};
