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
    *paper = (plmr_paper){.ranks = ranks, .texts = plmr_take_made(json_array())};
    plmr_status status = plmr_device_load(device, &paper->device);
    if (!status)
        status = plmr_evidence_read(&paper->device, &paper->evidence);
    return plmr_agree(status ? status : load_published(paper));
}

void plmr_paper_close(plmr_paper *paper)
{
    free(paper->evidence.at);
    json_decref(paper->published);
    json_decref(paper->texts);
    free(paper->answers.question);
    free(paper->answers.answer);
    free(paper->cells);
}

void plmr_paper_add(plmr_paper *paper, const plmr_paper_cell *cell)
{
    if (paper->asks)
        return;
    paper->cells = plmr_take_more(paper->cells, ((size_t)paper->n_cells + 1) * sizeof *paper->cells);
    plmr_paper_cell *added = &paper->cells[paper->n_cells++];
    *added = *cell;
    added->part = paper->part;
    added->parts = cell->timeless || cell->role == PLMR_BOUND ? 0 : paper->parts;
    const char **texts[] = {&added->subject, &added->setting,        &added->system,        &added->quantity,
                            &added->mode,    &added->predicted_text, &added->published_text};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = *texts[i] ? *texts[i] : "";
    if (*added->predicted_text)
        added->predicted = NAN;
    if (*added->published_text)
        added->published = NAN;
}

const char *plmr_paper_text(plmr_paper *paper, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    json_t *text = plmr_take_made(json_vsprintf(format, args));
    va_end(args);
    json_array_append_new(paper->texts, text);
    return json_string_value(text);
}

const char *plmr_paper_square(plmr_paper *paper, int side)
{
    return plmr_paper_text(paper, "%dx%d", side, side);
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
        json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10)) : json_object_get(json, key);
    return json_is_number(json) ? json_number_value(json) : NAN;
}
