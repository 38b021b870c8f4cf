#include "base/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/memory.h"

plmr_status plmr_folder_make(const char *option, const char *path)
{
    char *upper = plmr_take_copy(path);
    int failed = 0;
    for (size_t i = 1, n = strlen(path); i <= n && !failed; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        upper[i] = '\0';
        failed = mkdir(upper, 0777) == 0 || errno == EEXIST ? 0 : errno;
        upper[i] = path[i];
    }
    free(upper);
    PLMR_CHECK(!failed, PLMR_ERROR_INPUT, "%s: cannot make the folder %.400s: %s", option, path, strerror(failed));
    return PLMR_OK;
}

/* The folder, or the one that is there of those that it lies in; for the caller to free. */
static char *lowest_of(const char *path)
{
    char *at = plmr_take_copy(path), *slash;
    while (access(at, F_OK) != 0 && (slash = strrchr(at, '/')) && slash > at)
        *slash = '\0';
    if (access(at, F_OK) == 0)
        return at;
    free(at);
    return plmr_take_copy(*path == '/' ? "/" : ".");
}

plmr_status plmr_folder_try(const char *option, const char *path)
{
    char *lowest = lowest_of(path), *inside = plmr_take_text("%s/plmr", lowest), *part;
    int failed = plmr_draft_make(inside, true, &part) < 0 ? errno : 0;
    if (part)
        rmdir(part);
    free(part);
    free(inside);
    free(lowest);
    PLMR_CHECK(!failed, PLMR_ERROR_INPUT, "%s: cannot make the folder %.400s: %s", option, path, strerror(failed));
    return PLMR_OK;
}
