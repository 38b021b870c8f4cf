#include "report/jsonl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/one_line.h"

FILE *plmr_text_beside(const char *path)
{
    return path && strcmp(path, "-") == 0 ? stderr : stdout;
}

plmr_status plmr_jsonl_open(const char *option, const char *path, plmr_draft *draft)
{
    if (path && strcmp(path, "-") != 0)
        return plmr_draft_open(option, path, draft);
    *draft = (plmr_draft){.file = path ? stdout : NULL, .option = option, .path = path};
    return PLMR_OK;
}

plmr_status plmr_jsonl_put(plmr_draft *draft, const char *line)
{
    if (!draft->file || (fprintf(draft->file, "%s\n", line) >= 0 && fflush(draft->file) == 0))
        return PLMR_OK;
    return plmr_draft_error(draft, PLMR_ERROR_SYSTEM, errno);
}

plmr_status plmr_json_put(plmr_draft *draft, size_t flags, json_t *object)
{
    char *line = plmr_take_made(json_dumps(plmr_take_made(object), flags));
    plmr_status status = plmr_jsonl_put(draft, line);
    free(line);
    json_decref(object);
    return status;
}

json_t *plmr_json_name(const char *name)
{
    char *line = plmr_take_copy(name);
    plmr_make_line(line);
    json_t *json = plmr_take_made(json_string(line));
    free(line);
    return json;
}

json_t *plmr_json_count(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}
