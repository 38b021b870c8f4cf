/* timeline.h - what a serving wafer did over time, for the page of --report: who waits, is read and makes tokens, what the
 * cache holds, which regions work.
 *
 * Times are cycles from 0 to whenever the last machine ends; so bins are as wide as that takes, twice as wide whenever it
 * has taken too long for them. Machines that serve beside each other are added up. As JSON:
 *
 *     {"seconds": of a bin, "waiting": [means of a bin], "reading": [...], "decoding": [...], "cache": [tokens],
 *      "room": tokens, "regions": [[share of a bin that it works, in the mean of those at its place], ...]: those of prompts apart come first,
 *      "copies": [of each region: how many replicas have it],
 *      "requests": [[arrival, first token, last token: seconds, prompt, output], ...]: at most PLMR_TIMELINE_REQUESTS, evenly chosen}
 *
 * Local; on any rank.
 */
#pragma once

#include <jansson.h>

#include "serve/machine.h"

enum { PLMR_TIMELINE_BINS = 480, PLMR_TIMELINE_REQUESTS = 2000 };
enum plmr_timeline_of { PLMR_WAITING, PLMR_READING, PLMR_DECODING, PLMR_CACHED, PLMR_N_TIMELINES };

typedef struct plmr_serve_timeline {
    double width;   /* of a bin, cycles */
    double *series; /* PLMR_N_TIMELINES of bins, then a row for each region: value times cycles */
    int n_regions, first_region;
    double since, last[PLMR_N_TIMELINES]; /* what has been so since then */
} plmr_serve_timeline;

/* Empty, with rows for so many regions, in place of whatever it has. */
void plmr_timeline_clear(plmr_serve_timeline *timeline, int n_regions);
void plmr_timeline_free(plmr_serve_timeline *timeline);

/* A machine begins, whose regions are those from that one on. */
void plmr_timeline_begin(plmr_serve_timeline *timeline, int first_region);

/* From view->now on; a region works between two moments. */
void plmr_timeline_see(plmr_serve_timeline *timeline, const plmr_machine_view *view);
void plmr_timeline_work(plmr_serve_timeline *timeline, int region, double from, double to);

/* With n requests that are done, at so many cycles a second. Of n_replicas, each with room for so many tokens, n_prompt read
 * prompts for the others; 0: all do both. */
json_t *plmr_timeline_json(const plmr_serve_timeline *timeline, const plmr_request *requests, int64_t n, double t_end,
                           double clock, int n_replicas, int n_prompt, int64_t room);
