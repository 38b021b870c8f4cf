#include "cli/tune_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

enum { MOST_BYTES = 1 << 20 };

/* Whether two sets of inputs are the same is decided by the inputs themselves, which stand in the file. */
static uint64_t hash_of(const char *text)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; text[i]; i++)
        sum += plmr_checksum_element(i, (unsigned char)text[i]);
    return sum;
}

static bool default_folder(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/')
        return (size_t)snprintf(path, size, "%s/plmr/tune", cache) < size;
    return home && home[0] == '/' && (size_t)snprintf(path, size, "%s/.cache/plmr/tune", home) < size;
}

char *plmr_tune_cache_file(const char *folder, const json_t *inputs)
{
    char by_default[PATH_MAX], *file = NULL;
    char *text = json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS);
    if (text && (folder || default_folder(by_default, sizeof by_default)) &&
        asprintf(&file, "%s/%016" PRIx64 ".json", folder ? folder : by_default, hash_of(text)) < 0)
        file = NULL;
    free(text);
    return file;
}

static json_t *read_json(const char *file)
{
    struct stat status;
    int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not stop us */
    if (descriptor < 0)
        return NULL;
    bool readable = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MOST_BYTES;
    json_t *json = readable ? json_loadfd(descriptor, JSON_REJECT_DUPLICATES, NULL) : NULL;
    close(descriptor);
    return json;
}

bool plmr_tune_cache_load(const char *file, const json_t *inputs, plmr_tune_report *report)
{
    json_t *json = read_json(file);
    bool loaded = json && json_equal(json_object_get(json, "inputs"), inputs) &&
                  plmr_tune_report_read(json_object_get(json, "report"), report);
    json_decref(json);
    return loaded;
}

static bool make_folders(const char *file)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s", file) >= sizeof path)
        return false;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}

static bool write_file(const char *file, const char *part, const char *text)
{
    FILE *out = fopen(part, "wex");
    if (!out)
        return false;
    bool written = fprintf(out, "%s\n", text) >= 0;
    written = fclose(out) == 0 && written && rename(part, file) == 0;
    if (!written)
        unlink(part);
    return written;
}

plmr_status plmr_tune_cache_save(const char *file, const json_t *inputs, const plmr_tune_report *report)
{
    char part[PATH_MAX];
    json_t *json = json_pack("{s:O, s:o}", "inputs", inputs, "report", plmr_tune_report_json(report));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    PLMR_CHECK(text, PLMR_ERROR_SYSTEM, "out of memory");
    bool saved = (size_t)snprintf(part, sizeof part, "%s.%ld", file, (long)getpid()) < sizeof part &&
                 make_folders(file) && write_file(file, part, text);
    int number = errno;
    free(text);
    PLMR_CHECK(saved, PLMR_ERROR_SYSTEM, "cannot write %s: %s", file, strerror(number));
    return PLMR_OK;
}
