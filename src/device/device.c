#include "base/given.h"
#include "base/hash.h"
#include "base/point.h"
#include "base/share.h"
#include "base/text_file.h"
#include "device/device_internal.h"
#include "device/identity.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const plmr_shared devices = {"device", "devices", {".json"}, "the path of a JSON file"};

plmr_status plmr_device_names(char ***names, int *n_names)
{
    PLMR_GIVEN(names);
    PLMR_GIVEN(n_names);
    return plmr_share_names(&devices, names, n_names);
}

/* The colon after which pairs follow; NULL for none. A pair has no '/', so a folder's name may have a colon. */
static const char *find_pairs(const char *argument)
{
    const char *colon = strrchr(argument, ':');
    return colon && !strchr(colon, '/') && !plmr_is_file(argument) ? colon : NULL;
}

/* What is before the last colon is a device too, perhaps with pairs of its own. */
static plmr_status load_overridden(const char *argument, const char *colon, int depth, plmr_device *device)
{
    char base[sizeof device->name];
    PLMR_CHECK(strlen(argument) < sizeof base, PLMR_ERROR_INPUT,
               "%.60s...: a device's name with its numbers is at most %zu bytes long, this has %zu", argument,
               sizeof base - 1, strlen(argument));
    snprintf(base, sizeof base, "%.*s", (int)(colon - argument), argument);
    PLMR_TRY(plmr_device_load_like(base, depth, device));
    return plmr_device_override(argument, colon + 1, device);
}

plmr_status plmr_device_load(const char *name_or_file, plmr_device *device)
{
    PLMR_GIVEN(name_or_file);
    PLMR_GIVEN(device);
    plmr_point point = plmr_point_begin();
    plmr_status status = plmr_device_load_like(name_or_file, 0, device);
    plmr_point_end(point);
    return status;
}

plmr_status plmr_device_load_like(const char *name_or_file, int depth, plmr_device *device)
{
    const char *colon = find_pairs(name_or_file);
    if (colon)
        return load_overridden(name_or_file, colon, depth, device);
    char room[PATH_MAX], *text;
    const char *path;
    PLMR_TRY(plmr_share_find(&devices, name_or_file, room, sizeof room, &path));
    PLMR_TRY(plmr_text_file_read(path, "a device", &text));
    plmr_status status = plmr_device_read(text, path, name_or_file, depth, device);
    free(text);
    return status;
}

plmr_status plmr_device_file(const char *name_or_file, char *room, size_t size, const char **path)
{
    char base[sizeof((plmr_device *)0)->name];
    const char *colon = find_pairs(name_or_file);
    if (!colon)
        return plmr_share_find(&devices, name_or_file, room, size, path);
    snprintf(base, sizeof base, "%.*s", (int)(colon - name_or_file), name_or_file);
    PLMR_TRY(plmr_device_file(base, room, size, path));
    if (*path == base) /* a file that is named as it is, which the base ends with */
        *path = memcpy(room, base, sizeof base);
    return PLMR_OK;
}

/* By entries, for a struct may have gaps. */
static uint64_t hash_defects(uint64_t hash, const plmr_defect_list *list)
{
    for (int i = 0; i < list->n; i++) {
        const plmr_defect *d = &list->at[i];
        double numbers[] = {list->n, d->row, d->col, d->to_row, d->to_col, d->factor};
        hash = plmr_hash_bytes(hash, numbers, sizeof numbers);
    }
    return hash;
}

uint64_t plmr_device_hash(uint64_t hash, const plmr_device *device)
{
#define X(key, unit, least, most, meaning) hash = plmr_hash_bytes(hash, &device->key, sizeof device->key);
    PLMR_DEVICE_NUMBERS(X)
#undef X
    hash = plmr_hash_bytes(hash, &device->topology, sizeof device->topology);
    hash = hash_defects(hash_defects(hash_defects(hash, &device->dead), &device->dead_links), &device->slow);
    return device->router == PLMR_STATIC ? hash : plmr_hash_bytes(hash, &device->router, sizeof device->router);
}
