/* "wse2:hop=4,topology=torus": numbers of a device replaced by the command line's. */
#include "base/parse.h"
#include "base/suggest.h"
#include "device/defect_lists.h"
#include "device/device_internal.h"

#include <math.h>
#include <string.h>

enum { N_KEYS = PLMR_DEVICE_N_KEYS };

void plmr_device_list_keys(const char *keys[N_KEYS])
{
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        keys[i] = plmr_device_numbers[i].key;
    keys[PLMR_DEVICE_KEY_TOPOLOGY] = "topology";
    keys[PLMR_DEVICE_KEY_ROUTER] = "router";
}

static plmr_status find_key(const char *name, const char *key, int *index)
{
    const char *keys[N_KEYS];
    plmr_device_list_keys(keys);
    for (*index = 0; *index < N_KEYS; ++*index)
        if (strcmp(keys[*index], key) == 0)
            return PLMR_OK;
    const char *near = plmr_suggest(key, keys, N_KEYS);
    return plmr_error_make(PLMR_ERROR_INPUT,
                           "%.255s: '%.60s' is no number of a device%s%s%s (see plmr device show NAME)", name, key,
                           near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* One of two words; *is_second says which. */
static plmr_status set_word(const char *name, const char *key, const char *value, const char *const words[2],
                            bool *is_second)
{
    *is_second = strcmp(value, words[1]) == 0;
    PLMR_CHECK(*is_second || strcmp(value, words[0]) == 0, PLMR_ERROR_INPUT,
               "%.255s: %s: '%.60s' is unknown, expected %s or %s", name, key, value, words[0], words[1]);
    return PLMR_OK;
}

static plmr_status set_topology(const char *name, const char *value, plmr_device *device)
{
    bool is_torus;
    PLMR_TRY(set_word(name, "topology", value, (const char *const[]){"mesh", "torus"}, &is_torus));
    device->topology = is_torus ? PLMR_TORUS : PLMR_MESH;
    return PLMR_OK;
}

static plmr_status set_router(const char *name, const char *value, plmr_device *device)
{
    bool is_xy;
    PLMR_TRY(set_word(name, "router", value, (const char *const[]){"static", "xy"}, &is_xy));
    device->router = is_xy ? PLMR_XY : PLMR_STATIC;
    return PLMR_OK;
}

static plmr_status set_number(const char *name, const struct plmr_device_number *number, const char *text,
                              plmr_device *device)
{
    char wrong[80];
    double value, was = *plmr_device_value(device, number);
    PLMR_CHECK(plmr_is_decimal(text, &value), PLMR_ERROR_INPUT,
               "%.255s: %s: '%.60s' is not a number, expected %s (%g to %g)", name, number->key, text, number->unit,
               number->least, number->most);
    PLMR_CHECK(plmr_device_check_value(number, value, wrong, sizeof wrong), PLMR_ERROR_INPUT,
               "%.255s: %s: %s, expected %s (%g to %g)", name, number->key, wrong, number->unit, number->least,
               number->most);
    plmr_origin *origin = plmr_device_origin(device, number);
    snprintf(origin->tag, sizeof origin->tag, "user");
    snprintf(origin->source, sizeof origin->source, "given on the command line in place of %.9g", was);
    *plmr_device_value(device, number) = fabs(value); /* a zero may have been written as -0 */
    return PLMR_OK;
}

static plmr_status set_pair(const char *name, char *pair, bool given[N_KEYS], plmr_device *device)
{
    int index;
    char *equals = strchr(pair, '=');
    PLMR_CHECK(equals, PLMR_ERROR_INPUT, "%.255s: '%.60s' is not KEY=VALUE, e.g. hop=4", name, pair);
    *equals = '\0';
    PLMR_TRY(find_key(name, pair, &index));
    PLMR_CHECK(!given[index], PLMR_ERROR_INPUT, "%.255s: %s is given twice", name, pair);
    given[index] = true;
    if (index == PLMR_DEVICE_KEY_TOPOLOGY)
        return set_topology(name, equals + 1, device);
    if (index == PLMR_DEVICE_KEY_ROUTER)
        return set_router(name, equals + 1, device);
    return set_number(name, &plmr_device_numbers[index], equals + 1, device);
}

plmr_status plmr_device_override(const char *name, const char *pairs, plmr_device *device)
{
    bool given[N_KEYS] = {false};
    char copy[sizeof device->name];
    snprintf(copy, sizeof copy, "%s", pairs);
    snprintf(device->name, sizeof device->name, "%s", name);
    char *list = copy;
    for (char *pair; (pair = strsep(&list, ","));)
        PLMR_TRY(set_pair(name, pair, given, device));
    return plmr_device_check_defects(device);
}
