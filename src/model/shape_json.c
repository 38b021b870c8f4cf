/* A shape without weights, from JSON. */
#include "base/json_reader.h"
#include "model/shape_internal.h"

#include <math.h>
#include <string.h>

/* The keys of a shape that are no whole numbers. */
static const char *const other_keys[] = {"name", "title", "source", "architecture", "rms_eps", "rope_base", "tied"};

enum {
    N_OTHER_KEYS = sizeof other_keys / sizeof *other_keys,
    LONGEST_SOURCE = 400,
    LONGEST_NAME = 47,
    MOST_ARCH_KEYS = 16
};

static plmr_status check_keys(const plmr_reader *reader, json_t *root, const plmr_arch *arch)
{
    const char *known[PLMR_N_SHAPE_NUMBERS + N_OTHER_KEYS + MOST_ARCH_KEYS];
    int n = 0;
    PLMR_ASSERT(!arch || arch->n_keys <= MOST_ARCH_KEYS);
    for (int i = 0; arch && i < arch->n_keys; i++)
        if (arch->keys[i].json)
            known[n++] = arch->keys[i].json;
    for (int i = 0; i < PLMR_N_SHAPE_NUMBERS; i++)
        if (plmr_shape_numbers[i].json)
            known[n++] = plmr_shape_numbers[i].json;
    for (int i = 0; i < N_OTHER_KEYS; i++)
        known[n++] = other_keys[i];
    return plmr_reader_check_keys(reader, root, known, n);
}

static plmr_status read_texts(const plmr_reader *reader, const json_t *root, plmr_model_shape *shape)
{
    const char *text;
    char known[PLMR_ARCH_NAMES];
    if (json_object_get(root, "name"))
        PLMR_TRY(plmr_reader_text(reader, root, "name", LONGEST_NAME, &text));
    PLMR_TRY(plmr_reader_text(reader, root, "source", LONGEST_SOURCE, &text));
    PLMR_TRY(plmr_reader_text(reader, root, "title", sizeof shape->title - 1, &text));
    plmr_gguf_show((plmr_gguf_text){text, strlen(text)}, shape->title, sizeof shape->title);
    PLMR_TRY(plmr_reader_text(reader, root, "architecture", LONGEST_NAME, &text));
    plmr_arch_names(" or ", known);
    if (!plmr_arch_named((plmr_gguf_text){text, strlen(text)}, &shape->arch))
        return plmr_reader_fault(reader, "architecture", "\"%.60s\" is unknown, expected %s", text, known);
    return PLMR_OK;
}

static plmr_status read_number(const plmr_reader *reader, const json_t *root, const plmr_shape_number *number,
                               plmr_model_shape *shape)
{
    const json_t *json = json_object_get(root, number->json);
    if (!json && number->optional_in_json)
        return PLMR_OK;
    if (!json_is_integer(json))
        return plmr_reader_fault(reader, number->json, "is %s, expected a whole number (1 to %d)",
                                 json_is_real(json) ? "no whole number" : plmr_reader_state(json), number->most);
    json_int_t value = json_integer_value(json);
    if (value < 1 || value > number->most)
        return plmr_reader_fault(reader, number->json, "%lld is out of range, expected a whole number (1 to %d)",
                                 (long long)value, number->most);
    *plmr_shape_number_in(shape, number) = (int)value;
    return PLMR_OK;
}

/* The architecture's own numbers. */
static plmr_status read_keys(const plmr_reader *reader, const json_t *root, plmr_model_shape *shape)
{
    plmr_shape_defaults(shape);
    for (int i = 0; i < shape->arch->n_keys; i++) {
        const plmr_arch_key *key = &shape->arch->keys[i];
        double value = key->missing;
        if (!key->json || (!key->must && !json_object_get(root, key->json)))
            continue;
        PLMR_TRY(plmr_reader_number(reader, root, key->json, key->least, key->most, &value));
        if (key->type == PLMR_KEY_INT && value != floor(value))
            return plmr_reader_fault(reader, key->json, "is no whole number, expected a whole number (%.0f to %.0f)",
                                     key->least, key->most);
        plmr_shape_set(shape, key, value);
    }
    return PLMR_OK;
}

static plmr_status read_root(const plmr_reader *reader, json_t *root, plmr_model_shape *shape)
{
    double eps;
    const char *name = json_string_value(json_object_get(root, "architecture"));
    if (name)
        plmr_arch_named((plmr_gguf_text){name, strlen(name)}, &shape->arch);
    PLMR_TRY(check_keys(reader, root, shape->arch));
    PLMR_TRY(read_texts(reader, root, shape));
    PLMR_TRY(read_keys(reader, root, shape));
    for (int i = 0; i < PLMR_N_SHAPE_NUMBERS; i++)
        if (plmr_shape_numbers[i].json)
            PLMR_TRY(read_number(reader, root, &plmr_shape_numbers[i], shape));
    PLMR_TRY(plmr_reader_number(reader, root, "rms_eps", PLMR_LEAST_RMS_EPS, PLMR_MOST_RMS_EPS, &eps));
    shape->rms_eps = (float)eps;
    PLMR_TRY(
        plmr_reader_number(reader, root, "rope_base", PLMR_LEAST_ROPE_BASE, PLMR_MOST_ROPE_BASE, &shape->rope_base));
    PLMR_TRY(plmr_reader_truth(reader, root, "tied", true, &shape->has_tied_embeddings));
    return plmr_shape_complete(shape, reader->file);
}

plmr_status plmr_model_read_json(const char *text, const char *path, plmr_model *model)
{
    plmr_reader reader = {.text = text, .file = path};
    json_t *root;
    PLMR_TRY(plmr_reader_load(&reader, "a model", &root));
    plmr_status status = read_root(&reader, root, &model->shape);
    json_decref(root);
    return status;
}
