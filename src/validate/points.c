/* Sets and points as they are read. */
#include <fnmatch.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"
#include "base/share.h"
#include "base/text_file.h"
#include "validate/validate.h"

enum { LONGEST = 512, MOST_BYTES = 1 << 26 };

static const plmr_shared shared = {"set of measurements", "validation", {".json"}, "the path of a file of points"};

const char *const plmr_mechanisms[] = {"latency", "bandwidth", "contention", "compute", "collective", "phase", NULL};
static const char *const standings[] = {"calibrated", "consistency", "prediction"};
static const char *const kinds[] = {"measured", "simulated", "claimed"};

/* Machines as publications name them; all words must occur. What is measured on a CS-2 ran at 0.85 GHz wherever that is
 * said (Luczynski et al., HPDC'24; Matsuzaki et al., SC24). */
static const struct {
    const char *words[2], *device;
} machines[] = {
    {{"WSE-3", "simulator"}, "wse3-sim"},
    {{"8 x", "Wormhole"}, "wormhole-galaxy"},
    {{"2 x", "Wormhole"}, "wormhole-galaxy"},
    {{"2 x", ""}, ""},
    {{"8 x", ""}, ""},
    {{"H100-like", "NPUs"}, "fred-mesh"},
    {{"WSE-3", ""}, "wse3"},
    {{"CS-3", ""}, "wse3"},
    {{"WSE-2", "CS-2"}, "wse2:clock=0.85e9"},
    {{"WSE-2", ""}, "wse2"},
    {{"CS-2", ""}, "wse2"},
    {{"QuietBox", ""}, ""},
    {{"Galaxy", ""}, ""},
    {{"n300", ""}, ""},
    {{"Wormhole", ""}, "wormhole"},
    {{"Blackhole", ""}, "blackhole"},
    {{"Dojo", "modelled"}, ""},
    {{"Dojo", ""}, "dojo-tile"},
    {{"Tesla D1", ""}, "dojo-tile"},
};

/* Whether a text is a path or has numbers of a device's: what publications call a machine may have a '/' in parentheses, as
 * "(12.5 GB/s)", and a colon before a space. */
static bool is_path_or_pairs(const char *text)
{
    size_t n = strlen(text);
    const char *colon = strchr(text, ':');
    if ((n > 5 && strcmp(text + n - 5, ".json") == 0) || (colon && colon[1] != ' '))
        return true;
    for (bool inside = false; *text; text++) {
        inside = *text == '(' || (inside && *text != ')');
        if (*text == '/' && !inside)
            return true;
    }
    return false;
}

static bool can_load(const plmr_measurement *point)
{
    plmr_device device;
    if (strlen(point->machine) >= sizeof point->device)
        return false;
    plmr_status error = plmr_device_load(point->machine, &device);
    plmr_error_free(error);
    return !error;
}

/* What plmr calls a device, or a user's file, is that one whatever words of a publication's occur in it. */
static void find_device(plmr_measurement *point)
{
    if (can_load(point))
        snprintf(point->device, sizeof point->device, "%s", point->machine);
    if (*point->device || is_path_or_pairs(point->machine))
        return;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (plmr_has_word(point->machine, machines[i].words[0]) &&
            (!*machines[i].words[1] || plmr_has_word(point->machine, machines[i].words[1]))) {
            snprintf(point->device, sizeof point->device, "%s", machines[i].device);
            point->is_published = true;
            return;
        }
}

static const plmr_measured_set *find_set(const plmr_validation *v, const char *id)
{
    for (int i = 0; i < v->n_sets; i++)
        for (size_t j = 0; j < json_array_size(v->sets[i].ids); j++)
            if (fnmatch(json_string_value(json_array_get(v->sets[i].ids, j)), id, 0) == 0)
                return &v->sets[i];
    return NULL;
}

static plmr_status read_point(const plmr_reader *reader, const json_t *json, plmr_measurement *point)
{
    int kind;
    *point = (plmr_measurement){.source = "", .what = "", .predicted = NAN, .config = json_object_get(json, "config")};
    PLMR_TRY(plmr_reader_text(reader, json, "id", LONGEST, &point->id));
    PLMR_TRY(plmr_reader_text(reader, json, "device", LONGEST, &point->machine));
    PLMR_TRY(plmr_reader_text(reader, json, "unit", LONGEST, &point->unit));
    if (json_object_get(json, "what"))
        PLMR_TRY(plmr_reader_text(reader, json, "what", LONGEST, &point->what));
    if (json_object_get(json, "source"))
        PLMR_TRY(plmr_reader_text(reader, json, "source", LONGEST, &point->source));
    PLMR_TRY(plmr_reader_choice(reader, json, "kind", kinds, 3, "measured, simulated or claimed", &kind));
    point->kind = kinds[kind];
    if (!json_object_get(json, "value") && json_object_get(json, "measured"))
        return plmr_reader_fault(reader, "value",
                                 "is missing: this is what plmr validate has written, not what it reads");
    PLMR_TRY(plmr_reader_number(reader, json, "value", 0, 1e300, &point->measured));
    if (!plmr_unit_known(point->unit))
        return plmr_reader_fault(reader, "unit",
                                 "'%.60s' of %.80s is no unit that is known, such as cycles, us or GB/s", point->unit,
                                 point->id);
    if (point->config && !json_is_object(point->config))
        return plmr_reader_fault(reader, "config", "is %s, expected an object", plmr_reader_state(point->config));
    find_device(point);
    return PLMR_OK;
}

/* Some sets are of a part of the machine that is named, which plmr has as a device of its own. */
static void take_set(plmr_measurement *point, const plmr_measured_set *set)
{
    point->set = set;
    if (set && set->device && point->is_published)
        snprintf(point->device, sizeof point->device, "%s", set->device);
}

static plmr_status add_point(plmr_validation *v, const plmr_reader *reader, const json_t *json)
{
    plmr_measurement point;
    PLMR_TRY(read_point(reader, json, &point));
    for (int i = 0; i < v->n_points; i++)
        if (strcmp(v->points[i].id, point.id) == 0)
            return plmr_reader_fault(reader, "id", "'%.80s' is there twice", point.id);
    take_set(&point, find_set(v, point.id));
    v->points = plmr_take_more(v->points, ((size_t)v->n_points + 1) * sizeof point);
    v->points[v->n_points++] = point;
    return PLMR_OK;
}

static plmr_status load_set(const char *name, char *path, size_t size, json_t **root)
{
    const char *found;
    json_error_t error;
    PLMR_TRY(plmr_share_find(&shared, name, path, size, &found));
    *root = json_load_file(found, JSON_REJECT_DUPLICATES, &error);
    PLMR_CHECK(*root, PLMR_ERROR_INPUT, "%s:%d: not valid JSON: %s", found, error.line, error.text);
    return PLMR_OK;
}

static plmr_status read_ids(plmr_reader *reader, json_t *root, json_t **ids)
{
    size_t i;
    const json_t *id;
    PLMR_TRY(plmr_reader_array(reader, root, "ids", ids));
    json_array_foreach(*ids, i, id)
    {
        if (!json_is_string(id))
            return plmr_reader_fault(reader, "ids", "has %s, expected texts", plmr_reader_state(id));
    }
    return PLMR_OK;
}

static plmr_status read_set(plmr_reader *reader, json_t *root, plmr_measured_set *set)
{
    const char *trial;
    int mechanism, standing;
    json_t *ids;
    PLMR_TRY(plmr_reader_text(reader, root, "title", LONGEST, &set->title));
    PLMR_TRY(plmr_reader_text(reader, root, "program", LONGEST, &trial));
    set->trial = plmr_trial_find(trial);
    if (!set->trial)
        return plmr_reader_fault(reader, "program", "'%.60s' is no program that plmr has", trial);
    PLMR_TRY(
        plmr_reader_choice(reader, root, "mechanism", plmr_mechanisms, PLMR_N_MECHANISMS, "a mechanism", &mechanism));
    PLMR_TRY(plmr_reader_choice(reader, root, "standing", standings, 3, "a standing", &standing));
    PLMR_TRY(read_ids(reader, root, &ids));
    if (json_object_get(root, "device"))
        PLMR_TRY(plmr_reader_text(reader, root, "device", LONGEST / 4, &set->device));
    PLMR_TRY(plmr_reader_truth(reader, root, "slow", false, &set->slow));
    set->mechanism = plmr_mechanisms[mechanism];
    set->standing = standings[standing];
    set->ids = ids;
    set->options = json_object_get(root, "options");
    return PLMR_OK;
}

static plmr_status open_set(plmr_validation *v, const char *name)
{
    char path[PATH_MAX];
    json_t *root;
    PLMR_TRY(load_set(name, path, sizeof path, &root));
    json_array_append_new(v->texts, root);
    v->sets = plmr_take_more(v->sets, ((size_t)v->n_sets + 1) * sizeof *v->sets);
    plmr_measured_set *set = &v->sets[v->n_sets++];
    *set = (plmr_measured_set){.name = name};
    plmr_reader reader = {.text = "", .file = path};
    return read_set(&reader, root, set);
}

plmr_status plmr_validation_open(plmr_validation *v)
{
    int n;
    char **names;
    *v = (plmr_validation){.texts = plmr_take_made(json_array())};
    plmr_status status = plmr_share_names(&shared, &names, &n);
    for (int i = 0; i < n && !status; i++) {
        json_t *name = plmr_take_made(json_string(names[i]));
        json_array_append_new(v->texts, name);
        status = open_set(v, json_string_value(name));
    }
    free(names);
    return status;
}

void plmr_validation_close(plmr_validation *v)
{
    json_decref(v->texts);
    free(v->sets);
    free(v->points);
    free(v->evidence);
}

/* Object 2 i + 1 of the texts is set i's. */
static plmr_status add_points_of(plmr_validation *v, int i)
{
    const json_t *points = json_object_get(json_array_get(v->texts, 2 * (size_t)i + 1), "points");
    plmr_reader reader = {.text = "", .file = v->sets[i].name};
    for (size_t j = 0; j < json_array_size(points); j++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", j);
        plmr_reader_enter(&reader, index);
        PLMR_TRY(add_point(v, &reader, json_array_get(points, j)));
        plmr_reader_leave(&reader);
        take_set(&v->points[v->n_points - 1], &v->sets[i]);
    }
    return PLMR_OK;
}

plmr_status plmr_validation_add_set(plmr_validation *v, const char *name)
{
    for (int i = 0; i < v->n_sets; i++)
        if (strcmp(v->sets[i].name, name) == 0)
            return add_points_of(v, i);
    char room[PATH_MAX];
    const char *path;
    PLMR_TRY(plmr_share_find(&shared, name, room, sizeof room, &path)); /* which says what there is */
    return plmr_validation_add_file(v, path);
}

plmr_status plmr_validation_add_all(plmr_validation *v)
{
    v->all = true;
    for (int i = 0; i < v->n_sets; i++)
        PLMR_TRY(v->sets[i].slow ? PLMR_OK : add_points_of(v, i));
    return PLMR_OK;
}

static plmr_status add_line(plmr_validation *v, const char *path, int lines_before, const char *line)
{
    plmr_reader reader = {.text = line, .file = path, .lines_before = lines_before};
    json_t *json;
    PLMR_TRY(plmr_reader_load(&reader, "a measurement", &json));
    json_array_append_new(v->texts, json);
    return add_point(v, &reader, json);
}

plmr_status plmr_validation_add_file(plmr_validation *v, const char *path)
{
    char *text, *line;
    size_t n;
    plmr_status status = plmr_file_read(path, MOST_BYTES, &text, &n);
    char *rest = text;
    int n_before = v->n_points;
    for (int number = 0; !status && (line = strsep(&rest, "\n")); number++)
        if (line[strspn(line, " \t\r")])
            status = add_line(v, path, number, line);
    if (!status && v->n_points == n_before)
        status = plmr_error_make(PLMR_ERROR_INPUT, "%.300s: has no points, one JSON object a line", path);
    free(text);
    return status;
}
