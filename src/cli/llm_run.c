#include "cli/llm_run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file without a vocabulary is of use with token ids. */
static plmr_status open_tokenizer(plmr_llm_run *run)
{
    char kind[64];
    const plmr_gguf *gguf = plmr_model_gguf(run->model);
    if (!run->options->text && (!gguf || !plmr_tokenizer_kind(gguf, kind, sizeof kind) || !strcmp(kind, "no_vocab")))
        return PLMR_OK;
    return plmr_tokenizer_open(run->model, &run->tokenizer);
}

/* A region that was asked for. */
static plmr_status check_region(const plmr_device *device, const char *option, int rows, int cols)
{
    if (rows == 0)
        return PLMR_OK;
    PLMR_CHECK(rows >= 3 && cols >= 3, PLMR_ERROR_INPUT, "%s: %dx%d cores are too few: a ring needs at least 3", option,
               rows, cols);
    PLMR_CHECK(rows <= device->rows && cols <= device->cols, PLMR_ERROR_INPUT,
               "%s: %dx%d cores do not fit on %s, which has %.0fx%.0f: choose fewer or a larger --device", option, rows,
               cols, device->name, device->rows, device->cols);
    PLMR_CHECK(cols >= plmr_rank_count(), PLMR_ERROR_INPUT,
               "%s: %d ranks are more than its %d columns of cores: use fewer", option, plmr_rank_count(), cols);
    return PLMR_OK;
}

/* What can be said before a file is read. */
static plmr_status check_options(const plmr_llm_options *o, const plmr_device *device)
{
    const plmr_phase_setup *phase = o->setup.phase;
    PLMR_CHECK(!o->text || !o->ids, PLMR_ERROR_INPUT,
               "give the prompt as a text with -p or as ids with --tokens, not both");
    PLMR_TRY(check_region(device, "--prefill-cores", phase[PLMR_PREFILL].rows, phase[PLMR_PREFILL].cols));
    return check_region(device, "--decode-cores", phase[PLMR_DECODE].rows, phase[PLMR_DECODE].cols);
}

static plmr_status open_files(plmr_llm_run *run)
{
    PLMR_TRY(plmr_device_load(run->options->device, &run->device));
    PLMR_TRY(check_options(run->options, &run->device));
    PLMR_TRY(plmr_model_open(run->options->model, &run->model));
    run->shape = plmr_model_shape_of(run->model);
    return open_tokenizer(run);
}

static void tell_progress(void *context, double share)
{
    plmr_progress_step(context, (int64_t)(share * 1000));
}

plmr_status plmr_llm_open(const plmr_llm_options *options, plmr_llm_run *run)
{
    *run = (plmr_llm_run){.options = options, .setup = options->setup};
    run->setup.progress = tell_progress;
    run->setup.progress_context = &run->progress;
    plmr_status status = plmr_agree(open_files(run));
    if (!status)
        status = plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &run->ranks);
    if (!status)
        status = plmr_rank_map_gather(run->ranks, &run->topology);
    if (!status && plmr_rank() == 0 && !options->quiet)
        plmr_ranks_warn(&run->topology);
    run->interactive = plmr_rank() == 0 && plmr_progress_on_terminal();
    if (status)
        plmr_llm_close(run);
    return status;
}

void plmr_llm_close(plmr_llm_run *run)
{
    plmr_engine_destroy(run->engine);
    if (run->ranks)
        plmr_ranks_destroy(run->ranks);
    plmr_rank_map_free(&run->topology);
    plmr_tokenizer_destroy(run->tokenizer);
    plmr_model_close(run->model);
    *run = (plmr_llm_run){0};
}

static plmr_status check_ids(const plmr_llm_run *run, const int32_t *ids, int n_ids)
{
    PLMR_CHECK(n_ids > 0, PLMR_ERROR_INPUT, "the prompt has no tokens");
    for (int i = 0; i < n_ids; i++)
        PLMR_CHECK(ids[i] >= 0 && ids[i] < run->shape->n_vocab, PLMR_ERROR_INPUT,
                   "--tokens: token id %d is not one of the model's, which are 0 to %d", ids[i],
                   run->shape->n_vocab - 1);
    return PLMR_OK;
}

static plmr_status read_prompt(const plmr_llm_run *run, int32_t **ids, int *n_ids)
{
    const plmr_llm_options *o = run->options;
    PLMR_CHECK(o->text || o->ids, PLMR_ERROR_INPUT, "a prompt is missing: give a text with -p or ids with --tokens");
    if (o->ids)
        PLMR_TRY(plmr_parse_ids("--tokens", o->ids, ids, n_ids));
    else
        PLMR_TRY(plmr_tokenizer_encode(run->tokenizer, o->text, strlen(o->text), true, true, ids, n_ids));
    plmr_status status = check_ids(run, *ids, *n_ids);
    if (status)
        free(*ids);
    return status;
}

plmr_status plmr_llm_with_prompt(const plmr_llm_options *options, plmr_llm_action act, void *command)
{
    plmr_llm_run run;
    int32_t *ids;
    int n_ids;
    PLMR_TRY(plmr_llm_open(options, &run));
    plmr_status status = read_prompt(&run, &ids, &n_ids);
    if (!status) {
        status = act(command, &run, ids, n_ids);
        free(ids);
    }
    plmr_llm_close(&run);
    return status;
}

/* Makes the folder of tensors: rank 0 does. */
static plmr_status make_dump(const plmr_llm_run *run, bool *made)
{
    const char *folder = run->setup.dump;
    *made = false;
    return plmr_agree(folder && plmr_rank() == 0 ? plmr_dump_folder(folder, made) : PLMR_OK);
}

plmr_status plmr_llm_load(plmr_llm_run *run)
{
    bool made;
    PLMR_TRY(make_dump(run, &made));
    plmr_progress_begin(&run->progress, "loading", 1000, run->interactive);
    plmr_status status = plmr_engine_create(run->model, run->ranks, &run->device, &run->setup, &run->engine);
    plmr_progress_end(&run->progress);
    if (status && made)
        rmdir(run->setup.dump);
    return status;
}
