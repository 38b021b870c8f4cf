#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/jsonl.h"
#include "run/model_show.h"

struct model_command {
    const char *model, *json; /* NULL: not given */
    const char *device;
};

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"json", "FILE|-", NULL, "One JSON object per model; with - the text goes to standard error",
     PLMR_TEXT_WRITTEN(struct model_command, json)},
    {"device", "NAME|FILE", NULL, "Where the model is to be placed", PLMR_TEXT_READ(struct model_command, device),
     .value = PLMR_DEVICE_DEFAULT},
    {"", "NAME|FILE", NULL, NULL, PLMR_TEXT_READ(struct model_command, model), .most = 1},
    {0},
};

/* ---- what it does ---- */

static plmr_status tell_opened(const struct model_command *c, const plmr_model *model, plmr_ranks *ranks,
                               plmr_model_printer *print, plmr_draft *jsonl)
{
    plmr_model_place place = {.misfit = PLMR_OK};
    plmr_status status = PLMR_OK;
    if (print == plmr_model_print || c->json) {
        PLMR_TRY(plmr_agree(plmr_device_load(c->device, &place.device)));
        place.misfit = plmr_place_find(ranks, &place.device, plmr_model_shape_of(model), &place.on);
    }
    if (plmr_rank() == 0) {
        print(plmr_text_beside(c->json), model, &place);
        status = c->json ? plmr_json_put(jsonl, JSON_COMPACT | JSON_REAL_PRECISION(9), plmr_model_json(model, &place))
                         : PLMR_OK;
    }
    plmr_error_free(place.misfit);
    return plmr_agree(status);
}

static plmr_status tell(const struct model_command *c, const char *name, plmr_ranks *ranks, plmr_model_printer *print,
                        plmr_draft *jsonl)
{
    plmr_model *model = NULL;
    plmr_status status = plmr_agree(plmr_model_open(name, &model));
    if (!status)
        status = tell_opened(c, model, ranks, print, jsonl);
    plmr_model_close(model);
    return status;
}

static plmr_status list(const struct model_command *c, plmr_ranks *ranks, plmr_draft *jsonl)
{
    int n;
    char **names;
    plmr_status status = plmr_agree(plmr_model_names(&names, &n));
    for (int i = 0; i < n && !status; i++)
        status = tell(c, names[i], ranks, plmr_model_print_line, jsonl);
    free(names);
    return status;
}

static plmr_status run_on(const struct model_command *c, plmr_ranks *ranks)
{
    plmr_draft jsonl = {0};
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_jsonl_open("--json", c->json, &jsonl) : PLMR_OK));
    plmr_status status = !c->model || strcmp(c->model, "list") == 0
                             ? list(c, ranks, &jsonl)
                             : tell(c, c->model, ranks, plmr_model_print, &jsonl);
    return plmr_agree(plmr_draft_close(&jsonl, status));
}

static plmr_status run(void *options)
{
    plmr_ranks *ranks;
    PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_status status = run_on(options, ranks);
    plmr_ranks_destroy(ranks);
    return status;
}

const plmr_command plmr_command_model = {
    .name = "model",
    .summary = "list the language models, show one: shape, size, place on a device",
    .arguments = "[list]\nFILE|NAME",
    .about = "Lists the language models that come with plmr; shows one, or a GGUF or JSON file of your own: its shape, "
             "size and vocabulary, and its place on a device.",
    .more = "For example:\n"
            "  plmr model demo\n"
            "  plmr model model.gguf --device wse3",
    .options = options,
    .size = sizeof(struct model_command),
    .run = run,
};
