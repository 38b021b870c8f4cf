#include "report/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/html_page.h"

plmr_status plmr_html_open(const char *option, const char *path, plmr_html *html)
{
    *html = (plmr_html){0};
    if (!path)
        return PLMR_OK;
    PLMR_TRY(plmr_draft_open(option, path, &html->draft));
    html->runs = plmr_take_made(json_array());
    html->notes = plmr_take_made(json_array());
    return PLMR_OK;
}

void plmr_html_add(plmr_html *html, json_t *run)
{
    if (html->runs)
        json_array_append_new(html->runs, run);
    else
        json_decref(run);
}

void plmr_html_note(plmr_html *html, const char *text)
{
    if (html->notes)
        json_array_append_new(html->notes, json_string(text));
}

/* What a reader needs to put numbers beside the device's. A file's name need not be UTF-8, as JSON must be. */
static json_t *device_facts(const plmr_device *d)
{
    return json_pack("{s:o?, s:o?, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name",
                     json_string(d->name), "title", json_string(d->title), "topology",
                     d->topology == PLMR_TORUS ? "torus" : "mesh", "rows", d->rows, "cols", d->cols, "clock", d->clock,
                     "sram", d->sram, "routes", d->routes, "wavelet", d->wavelet, "hop", d->hop, "ramp", d->ramp,
                     "stage", d->stage, "link", d->link, "power", d->power);
}

void plmr_html_add_record(plmr_html *html, json_t *record, const plmr_device *device, json_t *maps, json_t *timeline)
{
    plmr_html_add(html, plmr_take_made(json_pack("{s:O, s:o, s:o*, s:o*}", "record", record, "device",
                                                 device_facts(device), "maps", maps, "timeline", timeline)));
}

/* ---- writing ---- */

static plmr_status put(plmr_html *html, const char *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, html->draft.file) == n)
        return PLMR_OK;
    return plmr_draft_error(&html->draft, PLMR_ERROR_SYSTEM, errno);
}

/* Inside a script element '<' could end it; in JSON it occurs in strings alone, which may have it as an escape. */
static plmr_status put_data(plmr_html *html, const char *json)
{
    for (const char *less; (less = strchr(json, '<')); json = less + 1) {
        PLMR_TRY(put(html, json, (size_t)(less - json)));
        PLMR_TRY(put(html, "\\u003c", 6));
    }
    return put(html, json, strlen(json));
}

static plmr_status put_page(plmr_html *html, const char *json)
{
    const char *data = strstr(plmr_html_page, PLMR_HTML_DATA_BEGIN) + strlen(PLMR_HTML_DATA_BEGIN);
    PLMR_TRY(put(html, plmr_html_page, (size_t)(data - plmr_html_page)));
    PLMR_TRY(put_data(html, json));
    PLMR_TRY(put(html, data, strlen(data)));
    return fflush(html->draft.file) == 0 ? PLMR_OK : plmr_draft_error(&html->draft, PLMR_ERROR_SYSTEM, errno);
}

static plmr_status write_page(plmr_html *html)
{
    json_t *data = json_pack("{s:i, s:s, s:O, s:O}", "format", PLMR_HTML_FORMAT, "version", PLMR_VERSION, "notes",
                             html->notes, "runs", html->runs);
    char *json = plmr_take_made(json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(15)));
    plmr_status status = put_page(html, json);
    free(json);
    json_decref(data);
    return status;
}

plmr_status plmr_html_close(plmr_html *html, plmr_status status)
{
    if (html->runs && !status)
        status = write_page(html);
    status = plmr_draft_close(&html->draft, status);
    json_decref(html->runs);
    json_decref(html->notes);
    *html = (plmr_html){0};
    return status;
}
