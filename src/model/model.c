/* Opening a model by name or file. */
#include "base/share.h"
#include "base/text_file.h"
#include "model/gguf_internal.h"
#include "model/hf.h"
#include "model/shape_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static plmr_model *create(const char *name)
{
    plmr_model *model = plmr_take_zeroed(1, sizeof *model);
    snprintf(model->shape.name, sizeof model->shape.name, "%s", name);
    return model;
}

/* Counts and hands over what was read; or frees it. */
static plmr_status finish(plmr_status status, plmr_model *made, plmr_model **model)
{
    if (status) {
        plmr_model_close(made);
        return status;
    }
    plmr_model_find_dtypes(made);
    plmr_model_count(made);
    *model = made;
    return PLMR_OK;
}

/* A shape out of Hugging Face's config.json. */
static plmr_status read_config(const char *text, const char *path, plmr_model *made)
{
    PLMR_TRY(plmr_hf_parse_config(text, path, &made->gguf));
    plmr_status status = plmr_model_read_gguf_keys(made);
    plmr_gguf_close(made->gguf);
    made->gguf = NULL;
    return status;
}

static plmr_status parse_json(const char *text, const char *path, const char *name, plmr_model **model)
{
    plmr_model *made = create(name);
    return finish((plmr_hf_is_config(text) ? read_config : plmr_model_read_json)(text, path, made), made, model);
}

plmr_status plmr_model_parse_json(const char *text, const char *path, plmr_model **model)
{
    return parse_json(text, path, path, model);
}

/* Takes over the open file. */
static plmr_status read_gguf(plmr_gguf *gguf, const char *name, plmr_model **model)
{
    plmr_model *made = create(name);
    made->gguf = gguf;
    return finish(plmr_model_read_gguf(made), made, model);
}

plmr_status plmr_model_parse_gguf(const void *bytes, size_t n_bytes, const char *path, plmr_model **model)
{
    plmr_gguf *gguf;
    PLMR_TRY(plmr_gguf_parse(bytes, n_bytes, path, &gguf));
    return read_gguf(gguf, path, model);
}

static plmr_status open_json(const char *path, const char *name, plmr_model **model)
{
    char *text;
    PLMR_TRY(plmr_error_of_input(plmr_text_file_read(path, "a shape", &text)));
    plmr_status status = parse_json(text, path, name, model);
    free(text);
    return status;
}

static plmr_status open_folder(const char *path, const char *name, plmr_model **model)
{
    plmr_gguf *gguf;
    PLMR_TRY(plmr_hf_open(path, &gguf));
    PLMR_TRY(read_gguf(gguf, name, model));
    (*model)->file = plmr_take_text("%s/config.json", plmr_gguf_path(gguf));
    return PLMR_OK;
}

static plmr_status open_gguf(const char *path, const char *name, plmr_model **model)
{
    plmr_gguf *gguf;
    PLMR_TRY(plmr_gguf_open(path, &gguf));
    plmr_status status = plmr_gguf_join(gguf);
    if (status) {
        plmr_gguf_close(gguf);
        return status;
    }
    return read_gguf(gguf, name, model);
}

static const plmr_shared models = {"model", "models", {".json", ".gguf"}, "the path of a GGUF or JSON file"};

plmr_status plmr_model_names(char ***names, int *n_names)
{
    return plmr_share_names(&models, names, n_names);
}

plmr_status plmr_model_open(const char *file_or_name, plmr_model **model)
{
    char room[PATH_MAX];
    const char *path;
    if (plmr_hf_is_folder(file_or_name))
        return open_folder(file_or_name, file_or_name, model);
    PLMR_TRY(plmr_share_find(&models, file_or_name, room, sizeof room, &path));
    size_t n = strlen(path);
    bool is_json = n >= 5 && strcmp(path + n - 5, ".json") == 0;
    PLMR_TRY((is_json ? open_json : open_gguf)(path, file_or_name, model));
    (*model)->file = plmr_take_copy(path);
    return PLMR_OK;
}

const char **plmr_model_files(const plmr_model *model, int *n)
{
    const char **files = plmr_take(sizeof *files);
    files[0] = model->file;
    *n = 1;
    for (const plmr_gguf *part = model->gguf ? model->gguf->part : NULL; part; part = part->part) {
        files = plmr_take_more(files, ((size_t)*n + 1) * sizeof *files);
        files[(*n)++] = plmr_gguf_path(part);
    }
    return files;
}

void plmr_model_close(plmr_model *model)
{
    if (!model)
        return;
    plmr_gguf_close(model->gguf);
    free(model->file);
    free(model->dtypes);
    free(model);
}

const plmr_model_shape *plmr_model_shape_of(const plmr_model *model)
{
    return &model->shape;
}

const plmr_gguf *plmr_model_gguf(const plmr_model *model)
{
    return model->gguf;
}
