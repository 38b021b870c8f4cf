#include "report/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

plmr_status plmr_draft_error(const plmr_draft *draft, enum plmr_code code, int number)
{
    bool to_stdout = strcmp(draft->path, "-") == 0;
    return plmr_error_make(code, "%s: cannot write %s: %s", draft->option,
                           to_stdout ? "to standard output" : draft->path, strerror(number));
}

static plmr_status open_file(plmr_draft *draft)
{
    struct stat status;
    bool exists = stat(draft->path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return plmr_draft_error(draft, PLMR_ERROR_INPUT, EISDIR);
    if (!exists || S_ISREG(status.st_mode))
        PLMR_CHECK(asprintf(&draft->part, "%s.part", draft->path) >= 0, PLMR_ERROR_SYSTEM, "out of memory");
    draft->file = fopen(draft->part ? draft->part : draft->path, "we");
    return draft->file ? PLMR_OK : plmr_draft_error(draft, PLMR_ERROR_INPUT, errno);
}

plmr_status plmr_draft_open(const char *option, const char *path, plmr_draft *draft)
{
    *draft = (plmr_draft){.option = option, .path = path};
    plmr_status status = open_file(draft);
    if (status) {
        free(draft->part);
        *draft = (plmr_draft){0};
    }
    return status;
}

/* Returns 0, or an errno. A file that could not be written in full must not get its name, so what a failed write left
 * behind counts. */
static int close_file(plmr_draft *draft)
{
    FILE *file = draft->file;
    draft->file = NULL;
    if (!file)
        return 0;
    bool failed = ferror(file);
    int number = fclose(file) == 0 ? 0 : errno;
    return number ? number : failed ? EIO : 0;
}

static void forget(plmr_draft *draft, bool removes)
{
    if (draft->part && removes)
        unlink(draft->part);
    free(draft->part);
    draft->part = NULL;
}

plmr_status plmr_draft_commit(plmr_draft *draft)
{
    int failed = close_file(draft);
    if (!failed && draft->part && rename(draft->part, draft->path) != 0)
        failed = errno;
    plmr_status status = failed ? plmr_draft_error(draft, PLMR_ERROR_SYSTEM, failed) : PLMR_OK;
    forget(draft, failed);
    return status;
}

void plmr_draft_discard(plmr_draft *draft)
{
    close_file(draft);
    forget(draft, true);
}
