#include "base/share.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/share_paths.h"

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

struct list {
    char **items;
    int n;
};

/* Adds the files of one folder that end in suffix; a folder that is not there has none. */
static void list_add_folder(struct list *list, const char *folder, const char *suffix)
{
    DIR *directory = opendir(folder);
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

char **plmr_share_names(const char *folder, const char *const *suffixes, int *n_names)
{
    struct list list = {0};
    char path[PATH_MAX];
    for (int i = 0; i < N_DIRECTORIES; i++)
        for (const char *const *suffix = suffixes; *suffix && share_file(i, folder, path, sizeof path); suffix++)
            list_add_folder(&list, path, *suffix);
    return list_pack(&list, n_names);
}
