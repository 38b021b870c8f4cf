#include "base/given.h"
#include "base/share.h"
#include "base/suggest.h"
#include "base/text_file.h"
#include "device/device_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static plmr_status load_file(const char *file, const char *name, plmr_device *device)
{
    char *text;
    PLMR_TRY(plmr_text_file_read(file, "a device", &text));
    plmr_status status = plmr_device_read(text, file, name, device);
    free(text);
    return status;
}

plmr_status plmr_device_names(char ***names, int *n_names)
{
    PLMR_GIVEN(names);
    PLMR_GIVEN(n_names);
    *names = plmr_share_names("devices", (const char *const[]){".json", NULL}, n_names);
    return PLMR_OK;
}

/* "name, name, name; ", cut short where there is no room. */
static void join_names(char *const *names, int n, char *to, size_t size)
{
    size_t used = 0;
    to[0] = '\0';
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (used + length + 3 > size)
            return;
        used += (size_t)snprintf(to + used, size - used, "%s%s", names[i], i + 1 < n ? ", " : "; ");
    }
}

static plmr_status unknown_device(const char *name)
{
    char **names;
    int n;
    char available[400];
    PLMR_TRY(plmr_device_names(&names, &n));
    const char *near = plmr_suggest(name, (const char *const *)names, n);
    join_names(names, n, available, sizeof available);
    plmr_status status =
        plmr_error_make(PLMR_ERROR_INPUT, "unknown device '%.60s'%s%s%s (available: %sor the path of a JSON file)",
                        name, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", available);
    free(names);
    return status;
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool names_file(const char *argument)
{
    size_t length = strlen(argument);
    return strchr(argument, '/') || (length >= 5 && strcmp(argument + length - 5, ".json") == 0) || is_file(argument);
}

/* The colon after which pairs follow; NULL for none. A pair has no '/', so a folder's name may have a colon. */
static const char *find_pairs(const char *argument)
{
    const char *colon = strrchr(argument, ':');
    return colon && !strchr(colon, '/') && !is_file(argument) ? colon : NULL;
}

/* What is before the last colon is a device too, perhaps with pairs of its own. */
static plmr_status load_overridden(const char *argument, const char *colon, plmr_device *device)
{
    char base[sizeof device->name];
    PLMR_CHECK(strlen(argument) < sizeof base, PLMR_ERROR_INPUT,
               "%.60s...: a device's name with its numbers is at most %zu bytes long, this has %zu", argument,
               sizeof base - 1, strlen(argument));
    snprintf(base, sizeof base, "%.*s", (int)(colon - argument), argument);
    PLMR_TRY(plmr_device_load(base, device));
    return plmr_device_override(argument, colon + 1, device);
}

plmr_status plmr_device_load(const char *name_or_file, plmr_device *device)
{
    PLMR_GIVEN(name_or_file);
    PLMR_GIVEN(device);
    const char *colon = find_pairs(name_or_file);
    if (colon)
        return load_overridden(name_or_file, colon, device);
    if (names_file(name_or_file))
        return load_file(name_or_file, name_or_file, device);
    char relative[NAME_MAX + 16], path[PATH_MAX];
    int length = snprintf(relative, sizeof relative, "devices/%s.json", name_or_file);
    if (length < 0 || (size_t)length >= sizeof relative)
        return unknown_device(name_or_file);
    plmr_status missing = plmr_share_path(relative, path, sizeof path);
    if (!missing)
        return load_file(path, name_or_file, device);
    plmr_error_free(missing);
    return unknown_device(name_or_file);
}
