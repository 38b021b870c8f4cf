#include "report/jsonl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static plmr_status cannot_write(const plmr_jsonl *jsonl, enum plmr_code code, int number)
{
    bool to_stdout = strcmp(jsonl->path, "-") == 0;
    return plmr_error_make(code, "--json: cannot write %s: %s", to_stdout ? "to standard output" : jsonl->path,
                           strerror(number));
}

static plmr_status open_part(plmr_jsonl *jsonl)
{
    struct stat status;
    bool exists = stat(jsonl->path, &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        return cannot_write(jsonl, PLMR_ERROR_INPUT, EISDIR);
    if (!exists || S_ISREG(status.st_mode))
        PLMR_CHECK(asprintf(&jsonl->part, "%s.part", jsonl->path) >= 0, PLMR_ERROR_SYSTEM, "out of memory");
    jsonl->file = fopen(jsonl->part ? jsonl->part : jsonl->path, "we");
    return jsonl->file ? PLMR_OK : cannot_write(jsonl, PLMR_ERROR_INPUT, errno);
}

plmr_status plmr_jsonl_open(const char *path, plmr_jsonl *jsonl)
{
    *jsonl = (plmr_jsonl){.path = path};
    if (!path)
        return PLMR_OK;
    if (strcmp(path, "-") == 0) {
        jsonl->file = stdout;
        return PLMR_OK;
    }
    plmr_status status = open_part(jsonl);
    if (status) {
        free(jsonl->part);
        *jsonl = (plmr_jsonl){0};
    }
    return status;
}

plmr_status plmr_jsonl_put(plmr_jsonl *jsonl, const char *line)
{
    if (!jsonl->file || (fprintf(jsonl->file, "%s\n", line) >= 0 && fflush(jsonl->file) == 0))
        return PLMR_OK;
    return cannot_write(jsonl, PLMR_ERROR_SYSTEM, errno);
}

plmr_status plmr_jsonl_write(plmr_jsonl *jsonl, const plmr_record *record)
{
    char *line;
    if (!jsonl->file)
        return PLMR_OK;
    PLMR_TRY(plmr_record_json(record, &line));
    plmr_status status = plmr_jsonl_put(jsonl, line);
    free(line);
    return status;
}

/* Forgets the file; standard output stays open. Returns 0, or an errno. */
static int close_file(plmr_jsonl *jsonl)
{
    FILE *file = jsonl->file;
    jsonl->file = NULL;
    if (!file || file == stdout)
        return 0;
    return fclose(file) == 0 ? 0 : errno;
}

plmr_status plmr_jsonl_commit(plmr_jsonl *jsonl)
{
    int failed = close_file(jsonl);
    if (!failed && jsonl->part && rename(jsonl->part, jsonl->path) != 0)
        failed = errno;
    plmr_status status = failed ? cannot_write(jsonl, PLMR_ERROR_SYSTEM, failed) : PLMR_OK;
    if (failed && jsonl->part)
        unlink(jsonl->part);
    free(jsonl->part);
    jsonl->part = NULL;
    return status;
}

void plmr_jsonl_discard(plmr_jsonl *jsonl)
{
    close_file(jsonl);
    if (jsonl->part)
        unlink(jsonl->part);
    free(jsonl->part);
    jsonl->part = NULL;
}
