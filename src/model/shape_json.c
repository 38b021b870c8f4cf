/* A shape without weights, from JSON. */
#include "base/json_locate.h"
#include "base/suggest.h"
#include "model/shape_internal.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The keys of a shape that are no whole numbers. */
static const char *const other_keys[] = {"name", "title", "source", "architecture", "rms_eps", "rope_base", "tied"};

enum { N_OTHER_KEYS = sizeof other_keys / sizeof *other_keys, LONGEST_SOURCE = 400, LONGEST_NAME = 47 };

struct reader {
    const char *text, *path;
    json_t *root;
    plmr_model_shape *shape;
};

/* "FILE:line: key: what is wrong" */
PLMR_PRINTF(3, 4)
static plmr_status fault(const struct reader *reader, const char *key, const char *format, ...)
{
    char what[400], shown[64], safe[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return plmr_error_make(PLMR_ERROR_INPUT, "%.500s:%d: %s: %s", reader->path,
                           plmr_json_locate(reader->text, key, NULL),
                           plmr_gguf_show((plmr_gguf_text){key, strlen(key)}, shown, sizeof shown),
                           plmr_gguf_show((plmr_gguf_text){what, strlen(what)}, safe, sizeof safe));
}

static const char *state(const json_t *json)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number",  [JSON_TRUE] = "a truth value",
        [JSON_FALSE] = "a truth value", [JSON_NULL] = "null"};
    return json ? names[json_typeof(json)] : "missing";
}

/* All keys that a shape may have. */
static int list_keys(const char *keys[PLMR_N_SHAPE_NUMBERS + N_OTHER_KEYS])
{
    int n = 0;
    for (int i = 0; i < PLMR_N_SHAPE_NUMBERS; i++)
        if (plmr_shape_numbers[i].json)
            keys[n++] = plmr_shape_numbers[i].json;
    for (int i = 0; i < N_OTHER_KEYS; i++)
        keys[n++] = other_keys[i];
    return n;
}

static plmr_status check_keys(const struct reader *reader)
{
    const char *known[PLMR_N_SHAPE_NUMBERS + N_OTHER_KEYS], *key;
    int n = list_keys(known);
    json_t *unused;
    json_object_foreach(reader->root, key, unused)
    {
        bool is_known = false;
        for (int i = 0; i < n; i++)
            is_known = is_known || strcmp(key, known[i]) == 0;
        const char *near = is_known ? NULL : plmr_suggest(key, known, n);
        if (!is_known)
            return fault(reader, key, "is an unknown key%s%s%s", near ? ", did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
    }
    return PLMR_OK;
}

static plmr_status read_text(const struct reader *reader, const char *key, size_t longest, const char **text)
{
    const json_t *json = json_object_get(reader->root, key);
    *text = json_string_value(json);
    if (!*text)
        return fault(reader, key, "is %s, expected text of 1 to %zu bytes", state(json), longest);
    size_t length = strlen(*text);
    if (length == 0 || length > longest)
        return fault(reader, key, "is %zu bytes long, expected text of 1 to %zu bytes", length, longest);
    return PLMR_OK;
}

static plmr_status read_texts(const struct reader *reader)
{
    plmr_model_shape *shape = reader->shape;
    const char *text;
    char known[PLMR_ARCH_NAMES];
    if (json_object_get(reader->root, "name"))
        PLMR_TRY(read_text(reader, "name", LONGEST_NAME, &text));
    PLMR_TRY(read_text(reader, "source", LONGEST_SOURCE, &text));
    PLMR_TRY(read_text(reader, "title", sizeof shape->title - 1, &text));
    plmr_gguf_show((plmr_gguf_text){text, strlen(text)}, shape->title, sizeof shape->title);
    PLMR_TRY(read_text(reader, "architecture", LONGEST_NAME, &text));
    plmr_arch_names(" or ", known);
    if (!plmr_arch_named((plmr_gguf_text){text, strlen(text)}, &shape->arch))
        return fault(reader, "architecture", "\"%.60s\" is unknown, expected %s", text, known);
    return PLMR_OK;
}

static plmr_status read_number(const struct reader *reader, const plmr_shape_number *number)
{
    const json_t *json = json_object_get(reader->root, number->json);
    if (!json && number->optional_in_json)
        return PLMR_OK;
    if (!json_is_integer(json))
        return fault(reader, number->json, "is %s, expected a whole number (1 to %d)",
                     json_is_real(json) ? "no whole number" : state(json), number->most);
    json_int_t value = json_integer_value(json);
    if (value < 1 || value > number->most)
        return fault(reader, number->json, "%lld is out of range, expected a whole number (1 to %d)", (long long)value,
                     number->most);
    *plmr_shape_number_in(reader->shape, number) = (int)value;
    return PLMR_OK;
}

static plmr_status read_real(const struct reader *reader, const char *key, double least, double most, double *value)
{
    const json_t *json = json_object_get(reader->root, key);
    *value = json_number_value(json);
    if (!json_is_number(json))
        return fault(reader, key, "is %s, expected a number (%g to %g)", state(json), least, most);
    if (!(*value >= least && *value <= most))
        return fault(reader, key, "%g is out of range, expected a number (%g to %g)", *value, least, most);
    return PLMR_OK;
}

static plmr_status read_root(const struct reader *reader)
{
    double eps;
    PLMR_TRY(check_keys(reader));
    PLMR_TRY(read_texts(reader));
    for (int i = 0; i < PLMR_N_SHAPE_NUMBERS; i++)
        if (plmr_shape_numbers[i].json)
            PLMR_TRY(read_number(reader, &plmr_shape_numbers[i]));
    PLMR_TRY(read_real(reader, "rms_eps", PLMR_LEAST_RMS_EPS, PLMR_MOST_RMS_EPS, &eps));
    reader->shape->rms_eps = (float)eps;
    PLMR_TRY(read_real(reader, "rope_base", PLMR_LEAST_ROPE_BASE, PLMR_MOST_ROPE_BASE, &reader->shape->rope_base));
    const json_t *tied = json_object_get(reader->root, "tied");
    if (!json_is_boolean(tied))
        return fault(reader, "tied", "is %s, expected true or false", state(tied));
    reader->shape->has_tied_embeddings = json_is_true(tied);
    return plmr_shape_complete(reader->shape, reader->path);
}

plmr_status plmr_model_read_json(const char *text, const char *path, plmr_model *model)
{
    json_error_t error;
    char shown[200];
    struct reader reader = {text, path, json_loads(text, JSON_REJECT_DUPLICATES, &error), &model->shape};
    if (!reader.root)
        return plmr_error_make(PLMR_ERROR_INPUT, "%.500s:%d: not valid JSON: %s", path, error.line > 0 ? error.line : 1,
                               plmr_gguf_show((plmr_gguf_text){error.text, strlen(error.text)}, shown, sizeof shown));
    plmr_status status =
        json_is_object(reader.root)
            ? read_root(&reader)
            : plmr_error_make(PLMR_ERROR_INPUT, "%.500s:1: is %s, expected an object that describes a model", path,
                              state(reader.root));
    json_decref(reader.root);
    return status;
}
