#include "paper/paper.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/share.h"

const char *plmr_paper_role_name(enum plmr_paper_role role)
{
    static const char *const names[] = {"consistency", "calibrated", "prediction", "other work", "bound", "estimate"};
    return names[role];
}

double plmr_paper_error(const plmr_paper_cell *cell)
{
    return (cell->predicted - cell->published) / cell->published;
}

static plmr_status load_published(plmr_paper *paper)
{
    char path[4096];
    json_error_t error;
    PLMR_TRY(plmr_share_path("paper/waferllm.json", path, sizeof path));
    paper->published = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    PLMR_CHECK(paper->published, PLMR_ERROR_INPUT, "%s:%d: not valid JSON: %s", path, error.line, error.text);
    return PLMR_OK;
}

plmr_status plmr_paper_open(plmr_ranks *ranks, const char *device, plmr_paper *paper)
{
    *paper = (plmr_paper){.ranks = ranks};
    plmr_status status = plmr_device_load(device, &paper->device);
    return plmr_agree(status ? status : load_published(paper));
}

void plmr_paper_close(plmr_paper *paper)
{
    json_decref(paper->published);
    free(paper->memo);
    free(paper->cells);
}

/* Room for one more: doubles at powers of two. */
static plmr_status grow(plmr_paper *paper)
{
    int n = paper->n_cells;
    if (n & (n - 1))
        return PLMR_OK;
    plmr_paper_cell *cells = plmr_take_more(paper->cells, (size_t)(n ? 2 * n : 1) * sizeof *cells);
    paper->cells = cells;
    return PLMR_OK;
}

plmr_status plmr_paper_add(plmr_paper *paper, const plmr_paper_part *part, const plmr_paper_cell *cell)
{
    PLMR_TRY(grow(paper));
    plmr_paper_cell *added = &paper->cells[paper->n_cells++];
    *added = *cell;
    added->part = part;
    if (*cell->predicted_text)
        added->predicted = NAN;
    if (*cell->published_text)
        added->published = NAN;
    plmr_progress_step(&paper->progress, paper->n_parts);
    return PLMR_OK;
}

static const json_t *step_into(const json_t *json, const char *key)
{
    return json_is_array(json) ? json_array_get(json, (size_t)strtoul(key, NULL, 10)) : json_object_get(json, key);
}

double plmr_paper_published(const plmr_paper *paper, const char *format, ...)
{
    char path[160], *rest = path, *key;
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    const json_t *json = paper->published;
    while ((key = strsep(&rest, "/")))
        json = step_into(json, key);
    return json_is_number(json) ? json_number_value(json) : NAN;
}
