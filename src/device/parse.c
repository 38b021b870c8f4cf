#include "base/given.h"
#include "base/point.h"
#include "device/defect_lists.h"
#include "device/device_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_MEMBERS = 4, N_TAGS = 8, N_TOP_KEYS = PLMR_DEVICE_N_NUMBERS + 8, LONGEST_NAME = 47 };

static const char *const member_keys[N_MEMBERS] = {"value", "unit", "tag", "source"};

#define KEY(key, unit, least, most, meaning) #key,
static const char *const top_keys[N_TOP_KEYS] = {
    PLMR_DEVICE_NUMBERS(KEY) "name", "title", "topology", "router", "dead", "dead_links", "slow", "like"};
#undef KEY

static const char *const tags[N_TAGS] = {"M", "S", "V", "C", "I", "2", "guess", "definition"};

/* Copies a text, of 1 to size - 1 bytes. */
static plmr_status read_text(const plmr_reader *reader, const json_t *object, const char *key, char *to, size_t size)
{
    const char *text;
    PLMR_TRY(plmr_reader_text(reader, object, key, size - 1, &text));
    memcpy(to, text, strlen(text) + 1);
    return PLMR_OK;
}

static plmr_status read_unit(const plmr_reader *reader, const struct plmr_device_number *number, const json_t *object)
{
    int unused;
    char expected[80];
    snprintf(expected, sizeof expected, "unit %s (%g to %g)", number->unit, number->least, number->most);
    return plmr_reader_choice(reader, object, "unit", &number->unit, 1, expected, &unused);
}

static plmr_status read_value(const plmr_reader *reader, const struct plmr_device_number *number, const json_t *object,
                              double *value)
{
    char wrong[80];
    const json_t *json = json_object_get(object, "value");
    bool is_number = json_is_number(json);
    if (!is_number)
        snprintf(wrong, sizeof wrong, "is %s", plmr_reader_state(json));
    if (!is_number || !plmr_device_check_value(number, json_number_value(json), wrong, sizeof wrong))
        return plmr_reader_fault(reader, "value", "%s, expected %s (%g to %g)", wrong, number->unit, number->least,
                                 number->most);
    *value = fabs(json_number_value(json)); /* a zero may have been written as -0.0 */
    return PLMR_OK;
}

static plmr_status read_members(const plmr_reader *reader, const struct plmr_device_number *number, json_t *json,
                                plmr_device *device)
{
    plmr_origin *origin = plmr_device_origin(device, number);
    int tag;
    PLMR_TRY(plmr_reader_check_keys(reader, json, member_keys, N_MEMBERS));
    PLMR_TRY(read_unit(reader, number, json));
    PLMR_TRY(read_value(reader, number, json, plmr_device_value(device, number)));
    PLMR_TRY(plmr_reader_choice(reader, json, "tag", tags, N_TAGS, "one of M S V C I 2 guess definition", &tag));
    snprintf(origin->tag, sizeof origin->tag, "%s", tags[tag]);
    return read_text(reader, json, "source", origin->source, sizeof origin->source);
}

static plmr_status read_number(plmr_reader *reader, const struct plmr_device_number *number, const json_t *root,
                               plmr_device *device)
{
    json_t *json = json_object_get(root, number->key);
    if (!json_is_object(json))
        return plmr_reader_fault(reader, number->key,
                                 "is %s, expected {\"value\", \"unit\", \"tag\", \"source\"} in %s (%g to %g)",
                                 plmr_reader_state(json), number->unit, number->least, number->most);
    plmr_reader_enter(reader, number->key);
    plmr_status status = read_members(reader, number, json, device);
    plmr_reader_leave(reader);
    return status;
}

/* What is said of messages between any cores, of borders, of defects, of programs beside the verbs, of packed elements and of what is
 * outside may be left out:
 * then a message starts as a tile exchange does, and is not cut, held up or acknowledged, and all links and cores are
 * alike. */
static bool may_be_left_out(int number)
{
    return (number >= PLMR_DEVICE_NUMBER_send_launch && number <= PLMR_DEVICE_NUMBER_seed) ||
           (number >= PLMR_DEVICE_NUMBER_vector_f32 && number <= PLMR_DEVICE_NUMBER_wafer_energy);
}

static void leave_out(int i, plmr_device *device)
{
    const struct plmr_device_number *number = &plmr_device_numbers[i];
    bool starts = i == PLMR_DEVICE_NUMBER_send_launch || i == PLMR_DEVICE_NUMBER_send_message;
    bool is_one = i == PLMR_DEVICE_NUMBER_yield || i == PLMR_DEVICE_NUMBER_slow_factor;
    plmr_origin *origin = plmr_device_origin(device, number);
    *plmr_device_value(device, number) = starts ? device->shift_launch : is_one;
    *origin = (plmr_origin){.tag = "guess", .source = "not given: a message is taken as one exchange"};
    if (i >= PLMR_DEVICE_NUMBER_border_rows)
        *origin = (plmr_origin){.tag = "definition", .source = "not given: links and cores are all alike"};
    if (i >= PLMR_DEVICE_NUMBER_vector_f32)
        *origin =
            (plmr_origin){.tag = "guess", .source = "not given: an element as a multiply-add, no time for the rest"};
    if (i >= PLMR_DEVICE_NUMBER_widen_f8)
        *origin = (plmr_origin){.tag = "definition", .source = "not given: unknown"};
    if (i == PLMR_DEVICE_NUMBER_vector_f32)
        device->vector_f32 = device->mac_cycles_f32 / device->mac_group_f32;
}

/* Numbers that a device which is like another one leaves out are the other's. */
static plmr_status read_numbers(plmr_reader *reader, const json_t *root, bool is_like, plmr_device *device)
{
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (is_like && !json_object_get(root, plmr_device_numbers[i].key))
            continue;
        else if (may_be_left_out(i) && !json_object_get(root, plmr_device_numbers[i].key))
            leave_out(i, device);
        else
            PLMR_TRY(read_number(reader, &plmr_device_numbers[i], root, device));
    return PLMR_OK;
}

/* Begins with all of another device but its name. */
static plmr_status read_like(const plmr_reader *reader, const json_t *root, int depth, plmr_device *device)
{
    const char *like;
    plmr_device other;
    PLMR_TRY(plmr_reader_text(reader, root, "like", sizeof device->name - 1, &like));
    if (depth == PLMR_MOST_LIKE)
        return plmr_reader_fault(reader, "like", "leads from file to file more than %d times: does one name itself?",
                                 PLMR_MOST_LIKE);
    PLMR_TRY(plmr_device_load_like(like, depth + 1, &other));
    memcpy(other.name, device->name, sizeof other.name);
    *device = other;
    return PLMR_OK;
}

static plmr_status read_root(plmr_reader *reader, json_t *root, int depth, plmr_device *device)
{
    static const char *const topologies[] = {[PLMR_MESH] = "mesh", [PLMR_TORUS] = "torus"};
    static const char *const routers[] = {[PLMR_STATIC] = "static", [PLMR_XY] = "xy"};
    char unused[LONGEST_NAME + 1];
    int topology, router;
    bool is_like = json_object_get(root, "like");
    PLMR_TRY(plmr_reader_check_keys(reader, root, top_keys, N_TOP_KEYS));
    if (is_like)
        PLMR_TRY(read_like(reader, root, depth, device));
    if (json_object_get(root, "name"))
        PLMR_TRY(read_text(reader, root, "name", unused, sizeof unused));
    PLMR_TRY(read_text(reader, root, "title", device->title, sizeof device->title));
    topology = (int)device->topology;
    if (!is_like || json_object_get(root, "topology"))
        PLMR_TRY(plmr_reader_choice(reader, root, "topology", topologies, 2, "mesh or torus", &topology));
    device->topology = (enum plmr_topology)topology;
    PLMR_TRY(read_numbers(reader, root, is_like, device));
    router = is_like ? (int)device->router : PLMR_STATIC;
    if (json_object_get(root, "router"))
        PLMR_TRY(plmr_reader_choice(reader, root, "router", routers, 2, "static or xy", &router));
    device->router = (enum plmr_router)router;
    PLMR_TRY(plmr_device_read_defects(reader, root, device));
    return plmr_device_check_defects(device);
}

plmr_status plmr_device_read(const char *text, const char *file, const char *name, int depth, plmr_device *device)
{
    plmr_reader reader = {.text = text, .file = file};
    json_t *root;
    memset(device, 0, sizeof *device);
    PLMR_CHECK(strlen(name) < sizeof device->name, PLMR_ERROR_INPUT,
               "%.60s...: the name of a device is at most %zu bytes long, this path has %zu", name,
               sizeof device->name - 1, strlen(name));
    snprintf(device->name, sizeof device->name, "%s", name);
    PLMR_TRY(plmr_reader_load(&reader, "a device", &root));
    plmr_status status = read_root(&reader, root, depth, device);
    json_decref(root);
    return status;
}

plmr_status plmr_device_parse(const char *text, const char *file, plmr_device *device)
{
    PLMR_GIVEN(text);
    PLMR_GIVEN(file);
    PLMR_GIVEN(device);
    plmr_point point = plmr_point_begin();
    plmr_status status = plmr_device_read(text, file, file, 0, device);
    plmr_point_end(point);
    return status;
}
