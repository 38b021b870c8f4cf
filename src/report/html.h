/* html.h - a report: one HTML file that holds page, style, program and data, and needs nothing else.
 *
 * The page lies in src/report/html/ and is built into the program. Its data is one JSON object:
 * {"format", "version": plmr's, "notes": texts for the reader, "runs": [{"record": as of --json, "device": see below,
 * "maps": [see map.h], "timeline": of a language model's run, see run/llm_page.c}]}; maps and timeline may be
 * missing. All functions are local: call them on one rank.
 */
#pragma once

#include <jansson.h>

#include "base/draft.h"
#include "plmr/device.h"

/* Of the data; another format cannot be read. */
enum { PLMR_HTML_FORMAT = 1 };

/* The element that holds the data, up to it and from its end. */
#define PLMR_HTML_DATA_BEGIN "<script type=\"application/json\" id=\"plmr-data\">"
#define PLMR_HTML_DATA_END "</script>"

typedef struct plmr_html {
    plmr_draft draft;
    json_t *runs, *notes; /* NULL: there is no report */
} plmr_html;

/* Opens for writing; NULL: no report at all, and what follows does nothing. `option` names the file in errors. */
plmr_status plmr_html_open(const char *option, const char *path, plmr_html *html);

/* Adds a run, which it takes over, or a note at the top of the page. */
void plmr_html_add(plmr_html *html, json_t *run);
void plmr_html_note(plmr_html *html, const char *text);

/* Adds the run of a record. Takes maps (an array) and timeline over; either may be NULL. */
void plmr_html_add_record(plmr_html *html, json_t *record, const plmr_device *device, json_t *maps, json_t *timeline);

/* With PLMR_OK writes the page and gives the file its name, else removes what there is. Returns the status, or what
 * goes wrong now. */
plmr_status plmr_html_close(plmr_html *html, plmr_status status);
