#include "base/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
