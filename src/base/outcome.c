#include "base/outcome.h"

#include <string.h>

#include "base/draft.h"
#include "base/folder.h"

static plmr_status write_file(const char *option, const char *path, plmr_put_fn *put, const void *results)
{
    plmr_draft draft;
    PLMR_TRY(plmr_draft_open(option, path, &draft));
    put(draft.file, results);
    return plmr_draft_close(&draft, PLMR_OK);
}

plmr_status plmr_outcome_write(const char *option, const char *path, plmr_put_fn *put, const void *results)
{
    if (strcmp(path, "-") != 0)
        return write_file(option, path, put, results);
    put(stdout, results);
    return PLMR_OK;
}

plmr_status plmr_outcome_write_all(const char *option, const char *folder, const char *const *names,
                                   plmr_put_fn *const *puts, const void *results)
{
    PLMR_TRY(plmr_folder_make(option, folder));
    for (int i = 0; names[i]; i++) {
        char path[4096];
        PLMR_CHECK(snprintf(path, sizeof path, "%s/%s", folder, names[i]) < (int)sizeof path, PLMR_ERROR_INPUT,
                   "%s: the folder's name is too long", option);
        PLMR_TRY(write_file(option, path, puts[i], results));
    }
    return PLMR_OK;
}
