/* Opening a model by name or file. */
#include "base/share.h"
#include "base/suggest.h"
#include "model/shape_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { MOST_JSON_BYTES = 1 << 16 };

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
    plmr_model_count(made);
    *model = made;
    return PLMR_OK;
}

static plmr_status parse_json(const char *text, const char *path, const char *name, plmr_model **model)
{
    plmr_model *made = create(name);
    return finish(plmr_model_read_json(text, path, made), made, model);
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

static plmr_status read_text(FILE *file, const char *path, char *text)
{
    struct stat stat;
    PLMR_CHECK(fstat(fileno(file), &stat) == 0 && S_ISREG(stat.st_mode), PLMR_ERROR_INPUT,
               "%.500s: is not a regular file; name a file with a model", path);
    size_t n = fread(text, 1, MOST_JSON_BYTES + 1, file);
    PLMR_CHECK(!ferror(file), PLMR_ERROR_SYSTEM, "%.500s: cannot read it", path);
    PLMR_CHECK(n <= MOST_JSON_BYTES, PLMR_ERROR_INPUT, "%.500s: is larger than 64 KiB, too large for a shape", path);
    text[n] = '\0';
    PLMR_CHECK(strlen(text) == n, PLMR_ERROR_INPUT, "%.500s: holds a 0 byte, so it is not JSON", path);
    return PLMR_OK;
}

static plmr_status open_json(const char *path, const char *name, plmr_model **model)
{
    struct stat stat_now;
    PLMR_CHECK(stat(path, &stat_now) != 0 || S_ISREG(stat_now.st_mode), PLMR_ERROR_INPUT,
               "%.500s: is not a regular file; name a file with a model", path); /* a FIFO's other end may never come */
    FILE *file = fopen(path, "rbe");
    PLMR_CHECK(file, PLMR_ERROR_INPUT, "%.500s: cannot open: %s", path, strerror(errno));
    char *text = plmr_take(MOST_JSON_BYTES + 2);
    plmr_status status = read_text(file, path, text);
    fclose(file);
    if (!status)
        status = parse_json(text, path, name, model);
    free(text);
    return status;
}

static plmr_status open_gguf(const char *path, const char *name, plmr_model **model)
{
    plmr_gguf *gguf;
    PLMR_TRY(plmr_gguf_open(path, &gguf));
    return read_gguf(gguf, name, model);
}

char **plmr_model_names(int *n_names)
{
    static const char *const suffixes[] = {".json", ".gguf", NULL};
    return plmr_share_names("models", suffixes, n_names);
}

static plmr_status unknown_model(const char *name)
{
    char available[400] = "";
    int n;
    char **names = plmr_model_names(&n);
    const char *near = plmr_suggest(name, (const char *const *)names, n);
    for (int i = 0; i < n; i++) {
        size_t used = strlen(available);
        snprintf(available + used, sizeof available - used, "%s%s", names[i], i + 1 < n ? ", " : "; ");
    }
    plmr_status status = plmr_error_make(
        PLMR_ERROR_INPUT, "unknown model '%.60s'%s%s%s (available: %sor the path of a GGUF or JSON file)", name,
        near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", available);
    free(names);
    return status;
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static bool names_file(const char *argument)
{
    struct stat status;
    return strchr(argument, '/') || ends_in(argument, ".gguf") || ends_in(argument, ".json") ||
           (stat(argument, &status) == 0 && S_ISREG(status.st_mode));
}

static plmr_status open_file(const char *path, const char *name, plmr_model **model)
{
    return ends_in(path, ".json") ? open_json(path, name, model) : open_gguf(path, name, model);
}

/* Whether there is such a file in the share directories. */
static bool find_shipped(const char *name, const char *suffix, char path[PATH_MAX])
{
    char relative[NAME_MAX + 16];
    int length = snprintf(relative, sizeof relative, "models/%s%s", name, suffix);
    if (length < 0 || (size_t)length >= sizeof relative)
        return false;
    plmr_status missing = plmr_share_path(relative, path, PATH_MAX);
    plmr_error_free(missing);
    return !missing;
}

plmr_status plmr_model_open(const char *file_or_name, plmr_model **model)
{
    char path[PATH_MAX];
    if (names_file(file_or_name))
        return open_file(file_or_name, file_or_name, model);
    if (!find_shipped(file_or_name, ".json", path) && !find_shipped(file_or_name, ".gguf", path))
        return unknown_model(file_or_name);
    return open_file(path, file_or_name, model);
}

void plmr_model_close(plmr_model *model)
{
    if (!model)
        return;
    plmr_gguf_close(model->gguf);
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
