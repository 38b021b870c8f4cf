#include "base/given.h"
#include "base/json_locate.h"
#include "base/suggest.h"
#include "device/device_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { N_MEMBERS = 4, N_TOP_KEYS = PLMR_DEVICE_N_NUMBERS + 3, LONGEST_NAME = 47 };

static const char *const member_keys[N_MEMBERS] = {"value", "unit", "tag", "source"};

#define KEY(key, unit, least, most, meaning) #key,
static const char *const top_keys[N_TOP_KEYS] = {PLMR_DEVICE_NUMBERS(KEY) "name", "title", "topology"};
#undef KEY

static const char *const tags[] = {"M", "S", "V", "C", "I", "2", "guess", "definition"};

struct reader {
    const char *text, *file;
    plmr_device *device;
};

static bool contains(const char *const *words, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* What comes out of a hostile file is shown as plain ASCII: no line breaks, no terminal escapes. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

/* "file:line: key: [sub ]what" about the root's member `key`, or about that one's member `sub` (NULL for none). */
PLMR_PRINTF(4, 5)
static plmr_status fault(const struct reader *reader, const char *key, const char *sub, const char *format, ...)
{
    char what[400], text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(text, sizeof text, "%.60s: %.60s%s%s", key, sub ? sub : "", sub ? " " : "", what);
    make_printable(text);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s:%d: %s", reader->file, plmr_json_locate(reader->text, key, sub), text);
}

static const char *type_name(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_NULL:
        return "null";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    default:
        return "a truth value";
    }
}

/* What a member is whose type is wrong; json is NULL where there is none. */
static const char *state(const json_t *json)
{
    return json ? type_name(json) : "missing";
}

/* Allows the n keys `known` in `object`: the root's member `key`, or the root itself if key is NULL. */
static plmr_status check_keys(const struct reader *reader, const char *key, json_t *object, const char *const *known,
                              int n)
{
    const char *member;
    json_t *unused;
    json_object_foreach(object, member, unused)
    {
        if (contains(known, n, member))
            continue;
        const char *near = plmr_suggest(member, known, n);
        return fault(reader, key ? key : member, key ? member : NULL, "is an unknown key%s%s%s",
                     near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    return PLMR_OK;
}

/* Whether text holds a control character: of ASCII, or of the second block, U+0080 to U+009F in UTF-8. */
static bool has_control(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return true;
    }
    return false;
}

/* Copies the string `json` (the root's member key, or that one's member sub) of 1 to size - 1 bytes. */
static plmr_status read_text(const struct reader *reader, const char *key, const char *sub, const json_t *json,
                             char *to, size_t size)
{
    const char *text = json_string_value(json);
    if (!text)
        return fault(reader, key, sub, "is %s, expected text of 1 to %zu bytes", state(json), size - 1);
    size_t length = strlen(text);
    if (length == 0 || length >= size)
        return fault(reader, key, sub, "is %zu bytes long, expected text of 1 to %zu bytes", length, size - 1);
    if (has_control(text))
        return fault(reader, key, sub, "has a control character, expected one line of plain text");
    memcpy(to, text, length + 1);
    return PLMR_OK;
}

static plmr_status read_unit(const struct reader *reader, const struct plmr_device_number *number, const json_t *json)
{
    const char *unit = json_string_value(json);
    if (unit && strcmp(unit, number->unit) == 0)
        return PLMR_OK;
    return fault(reader, number->key, "unit", "%s%.60s%s, expected unit %s (%g to %g)", unit ? "\"" : "is ",
                 unit ? unit : state(json), unit ? "\" is wrong" : "", number->unit, number->least, number->most);
}

static plmr_status read_value(const struct reader *reader, const struct plmr_device_number *number, const json_t *json)
{
    char wrong[80];
    double value = json_number_value(json);
    bool is_number = json_is_number(json);
    if (!is_number)
        snprintf(wrong, sizeof wrong, "is %s", state(json));
    if (!is_number || !plmr_device_check_value(number, value, wrong, sizeof wrong))
        return fault(reader, number->key, "value", "%s, expected %s (%g to %g)", wrong, number->unit, number->least,
                     number->most);
    *plmr_device_value(reader->device, number) = fabs(value); /* a zero may have been written as -0.0 */
    return PLMR_OK;
}

static plmr_status read_tag(const struct reader *reader, const char *key, const json_t *json, plmr_origin *origin)
{
    const char *tag = json_string_value(json);
    if (!tag || !contains(tags, sizeof tags / sizeof *tags, tag))
        return fault(reader, key, "tag", "%s%.60s%s, expected one of M S V C I 2 guess definition", tag ? "\"" : "is ",
                     tag ? tag : state(json), tag ? "\" is unknown" : "");
    snprintf(origin->tag, sizeof origin->tag, "%s", tag);
    return PLMR_OK;
}

static plmr_status read_number(const struct reader *reader, const struct plmr_device_number *number, const json_t *root)
{
    const char *key = number->key;
    json_t *json = json_object_get(root, key);
    if (!json_is_object(json))
        return fault(reader, key, NULL, "is %s, expected {\"value\", \"unit\", \"tag\", \"source\"} in %s (%g to %g)",
                     state(json), number->unit, number->least, number->most);
    plmr_origin *origin = plmr_device_origin(reader->device, number);
    PLMR_TRY(check_keys(reader, key, json, member_keys, N_MEMBERS));
    PLMR_TRY(read_unit(reader, number, json_object_get(json, "unit")));
    PLMR_TRY(read_value(reader, number, json_object_get(json, "value")));
    PLMR_TRY(read_tag(reader, key, json_object_get(json, "tag"), origin));
    return read_text(reader, key, "source", json_object_get(json, "source"), origin->source, sizeof origin->source);
}

static plmr_status read_topology(const struct reader *reader, const json_t *root)
{
    const json_t *json = json_object_get(root, "topology");
    const char *topology = json_string_value(json);
    if (topology && strcmp(topology, "mesh") == 0)
        reader->device->topology = PLMR_MESH;
    else if (topology && strcmp(topology, "torus") == 0)
        reader->device->topology = PLMR_TORUS;
    else
        return fault(reader, "topology", NULL, "%s%.60s%s, expected mesh or torus", topology ? "\"" : "is ",
                     topology ? topology : state(json), topology ? "\" is unknown" : "");
    return PLMR_OK;
}

static plmr_status read_root(const struct reader *reader, json_t *root)
{
    plmr_device *device = reader->device;
    PLMR_TRY(check_keys(reader, NULL, root, top_keys, N_TOP_KEYS));
    const json_t *name = json_object_get(root, "name");
    char unused[LONGEST_NAME + 1];
    if (name)
        PLMR_TRY(read_text(reader, "name", NULL, name, unused, sizeof unused));
    const json_t *title = json_object_get(root, "title");
    PLMR_TRY(read_text(reader, "title", NULL, title, device->title, sizeof device->title));
    PLMR_TRY(read_topology(reader, root));
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        PLMR_TRY(read_number(reader, &plmr_device_numbers[i], root));
    return PLMR_OK;
}

static plmr_status bad_json(const char *file, json_error_t *error)
{
    make_printable(error->text);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s:%d: not valid JSON: %s", file, error->line > 0 ? error->line : 1,
                           error->text);
}

plmr_status plmr_device_read(const char *text, const char *file, const char *name, plmr_device *device)
{
    memset(device, 0, sizeof *device);
    PLMR_CHECK(strlen(name) < sizeof device->name, PLMR_ERROR_INPUT,
               "%.60s...: the name of a device is at most %zu bytes long, this path has %zu", name,
               sizeof device->name - 1, strlen(name));
    snprintf(device->name, sizeof device->name, "%s", name);
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return bad_json(file, &error);
    plmr_status status = PLMR_OK;
    if (json_is_object(root))
        status = read_root(&(struct reader){text, file, device}, root);
    else
        status = plmr_error_make(PLMR_ERROR_INPUT, "%s:1: is %s, expected an object that describes a device", file,
                                 type_name(root));
    json_decref(root);
    return status;
}

plmr_status plmr_device_parse(const char *text, const char *file, plmr_device *device)
{
    PLMR_GIVEN(text);
    PLMR_GIVEN(file);
    PLMR_GIVEN(device);
    return plmr_device_read(text, file, file, device);
}
