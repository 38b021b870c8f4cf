#include "base/share.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/share_paths.h"
#include "base/suggest.h"

enum { N_DIRECTORIES = 4 };

/* The folder that the executable lies in, PATH_MAX bytes at most. */
static bool executable_folder(char *folder)
{
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return slash;
}

/* <dir>/../share/plmr for the executable <dir>/<name>. */
static bool beside_executable(char *path, size_t size)
{
    char folder[PATH_MAX];
    return executable_folder(folder) && (size_t)snprintf(path, size, "%s/../share/plmr", folder) < size;
}

/* What runs where it was built has the numbers of its own sources, whatever is installed. */
static bool is_uninstalled(void)
{
    char folder[PATH_MAX], build[PATH_MAX];
    size_t n = realpath(PLMR_BUILD, build) ? strlen(build) : 0;
    return n && executable_folder(folder) && strncmp(folder, build, n) == 0 && (folder[n] == '/' || !folder[n]);
}

/* The index-th share directory; false if there is none, or no room for its name. */
static bool share_directory(int index, char *path, size_t size)
{
    if (index == 1)
        return beside_executable(path, size);
    bool of_sources = (index == 2) == is_uninstalled();
    const char *directory = index == 0 ? getenv("PLMR_SHARE") : of_sources ? PLMR_SHARE_SOURCE : PLMR_SHARE_INSTALLED;
    return directory && *directory && (size_t)snprintf(path, size, "%s", directory) < size;
}

/* <index-th share directory>/<relative> */
static bool share_file(int index, const char *relative, char *path, size_t size)
{
    char directory[PATH_MAX];
    return share_directory(index, directory, sizeof directory) &&
           (size_t)snprintf(path, size, "%s/%s", directory, relative) < size;
}

plmr_status plmr_share_path(const char *relative, char *path, size_t size)
{
    for (int i = 0; i < N_DIRECTORIES; i++)
        if (share_file(i, relative, path, size) && access(path, R_OK) == 0)
            return PLMR_OK;
    return plmr_error_make(
        PLMR_ERROR_SYSTEM,
        "cannot find '%.200s' in '%.200s', nor beside this program or in its sources; set PLMR_SHARE to "
        "the folder that holds it",
        relative, PLMR_SHARE_INSTALLED);
}

char *plmr_share_shown(const char *path)
{
    char directory[PATH_MAX];
    for (int i = 0; i < N_DIRECTORIES; i++) {
        size_t n = share_directory(i, directory, sizeof directory) ? strlen(directory) : 0;
        if (n && strncmp(path, directory, n) == 0 && path[n] == '/')
            return plmr_take_text("share%s", path + n);
    }
    return plmr_take_copy(path);
}

struct list {
    char **items;
    int n;
};

/* Adds the files of one folder that end in suffix; a folder that is not there has none. */
static plmr_status list_add_folder(struct list *list, const char *folder, const char *suffix)
{
    DIR *directory = opendir(folder);
    PLMR_CHECK(directory || errno == ENOENT || errno == ENOTDIR, PLMR_ERROR_SYSTEM, "cannot read the folder %.300s: %s",
               folder, strerror(errno));
    size_t n_suffix = strlen(suffix);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t n = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || n <= n_suffix || strcmp(entry->d_name + n - n_suffix, suffix) != 0)
            continue;
        list->items = plmr_take_more(list->items, ((size_t)list->n + 1) * sizeof *list->items);
        list->items[list->n++] = plmr_take_text("%.*s", (int)(n - n_suffix), entry->d_name);
    }
    if (directory)
        closedir(directory);
    return PLMR_OK;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, each once, array and strings in one allocation. Frees the list. */
static char **list_pack(struct list *list, int *n_names)
{
    size_t array = ((size_t)list->n + 1) * sizeof(char *), strings = 0;
    for (int i = 0; i < list->n; i++)
        strings += strlen(list->items[i]) + 1;
    if (list->n)
        qsort(list->items, (size_t)list->n, sizeof *list->items, compare_items);
    char **names = plmr_take(array + strings), *next = (char *)names + array;
    *n_names = 0;
    for (int i = 0; i < list->n; i++) {
        if (*n_names == 0 || strcmp(names[*n_names - 1], list->items[i]) != 0) {
            names[(*n_names)++] = next;
            next = stpcpy(next, list->items[i]) + 1;
        }
        free(list->items[i]);
    }
    names[*n_names] = NULL;
    free(list->items);
    return names;
}

plmr_status plmr_share_names(const plmr_shared *shared, char ***names, int *n_names)
{
    struct list list = {0};
    char path[PATH_MAX];
    plmr_status status = PLMR_OK;
    for (int i = 0; i < N_DIRECTORIES && !status; i++)
        for (int s = 0; shared->suffixes[s] && !status; s++)
            if (share_file(i, shared->folder, path, sizeof path))
                status = list_add_folder(&list, path, shared->suffixes[s]);
    if (!status && !list.n) /* is there anything of plmr's? */
        status = plmr_share_path("devices", path, sizeof path);
    *names = list_pack(&list, n_names);
    if (status) {
        free(*names);
        *names = NULL;
        *n_names = 0;
    }
    return status;
}

/* ---- what a user has named ---- */

bool plmr_is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool names_file(const plmr_shared *shared, const char *argument)
{
    size_t n = strlen(argument);
    for (int s = 0; shared->suffixes[s]; s++) {
        size_t n_suffix = strlen(shared->suffixes[s]);
        if (n >= n_suffix && strcmp(argument + n - n_suffix, shared->suffixes[s]) == 0)
            return true;
    }
    return strchr(argument, '/') || plmr_is_file(argument);
}

/* "name, name, name; ", or "name, ...; " where there is no room. */
static void join_names(char *const *names, int n, char *to, size_t size)
{
    static const char more[] = "...; ";
    size_t used = 0;
    int i = 0;
    to[0] = '\0';
    for (; i < n && used + strlen(names[i]) + sizeof ", " + sizeof more <= size; i++)
        used += (size_t)snprintf(to + used, size - used, "%s%s", names[i], i + 1 < n ? ", " : "; ");
    if (i < n)
        snprintf(to + used, size - used, "%s", more);
}

static plmr_status unknown(const plmr_shared *shared, const char *name)
{
    char available[400];
    int n;
    char **names;
    PLMR_TRY(plmr_share_names(shared, &names, &n));
    const char *near = plmr_suggest(name, (const char *const *)names, n);
    join_names(names, n, available, sizeof available);
    plmr_status status =
        plmr_error_make(PLMR_ERROR_INPUT, "unknown %s '%.60s'%s%s%s (available: %sor %s)", shared->what, name,
                        near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", available, shared->file);
    free(names);
    return status;
}

plmr_status plmr_share_find(const plmr_shared *shared, const char *argument, char *room, size_t size, const char **path)
{
    char relative[NAME_MAX + 32];
    *path = names_file(shared, argument) ? argument : room;
    for (int s = 0; *path == room && shared->suffixes[s]; s++) {
        int n = snprintf(relative, sizeof relative, "%s/%s%s", shared->folder, argument, shared->suffixes[s]);
        bool is_cut = n < 0 || (size_t)n >= sizeof relative;
        for (int i = 0; i < N_DIRECTORIES && !is_cut; i++)
            if (share_file(i, relative, room, size) && access(room, R_OK) == 0)
                return PLMR_OK;
    }
    return *path == room ? unknown(shared, argument) : PLMR_OK;
}
