#include "report/jsonl.h"

#include <errno.h>
#include <string.h>

FILE *plmr_text_beside(const char *path)
{
    return path && strcmp(path, "-") == 0 ? stderr : stdout;
}

plmr_status plmr_jsonl_open(const char *path, plmr_jsonl *jsonl)
{
    *jsonl = (plmr_jsonl){0};
    if (!path)
        return PLMR_OK;
    if (strcmp(path, "-") == 0) {
        jsonl->draft = (plmr_draft){.option = "--json", .path = path};
        jsonl->file = stdout;
        return PLMR_OK;
    }
    PLMR_TRY(plmr_draft_open("--json", path, &jsonl->draft));
    jsonl->file = jsonl->draft.file;
    return PLMR_OK;
}

plmr_status plmr_jsonl_put(plmr_jsonl *jsonl, const char *line)
{
    if (!jsonl->file || (fprintf(jsonl->file, "%s\n", line) >= 0 && fflush(jsonl->file) == 0))
        return PLMR_OK;
    return plmr_draft_error(&jsonl->draft, PLMR_ERROR_SYSTEM, errno);
}

plmr_status plmr_jsonl_commit(plmr_jsonl *jsonl)
{
    jsonl->file = NULL;
    return plmr_draft_commit(&jsonl->draft);
}

void plmr_jsonl_discard(plmr_jsonl *jsonl)
{
    jsonl->file = NULL;
    plmr_draft_discard(&jsonl->draft);
}
