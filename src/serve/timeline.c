#include "serve/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void plmr_timeline_clear(plmr_serve_timeline *t, int n_regions)
{
    free(t->series);
    *t = (plmr_serve_timeline){.width = 1, .n_regions = n_regions};
    t->series = plmr_take_zeroed((size_t)(PLMR_N_TIMELINES + n_regions) * PLMR_TIMELINE_BINS, sizeof *t->series);
}

void plmr_timeline_free(plmr_serve_timeline *t)
{
    free(t->series);
    t->series = NULL;
}

void plmr_timeline_begin(plmr_serve_timeline *t, int first_region)
{
    t->first_region = first_region;
    t->since = 0;
    memset(t->last, 0, sizeof t->last);
}

/* Two bins become one. */
static void widen(plmr_serve_timeline *t)
{
    for (int row = 0; row < PLMR_N_TIMELINES + t->n_regions; row++) {
        double *bins = t->series + (size_t)row * PLMR_TIMELINE_BINS;
        for (int i = 0; i < PLMR_TIMELINE_BINS; i++)
            bins[i] = i < PLMR_TIMELINE_BINS / 2 ? bins[2 * i] + bins[2 * i + 1] : 0;
    }
    t->width *= 2;
}

static void add(plmr_serve_timeline *t, int row, double from, double to, double value)
{
    while (to > t->width * PLMR_TIMELINE_BINS)
        widen(t);
    double *bins = t->series + (size_t)row * PLMR_TIMELINE_BINS;
    for (int i = (int)(from / t->width); i < PLMR_TIMELINE_BINS && i * t->width < to; i++)
        bins[i] += value * fmax(0, fmin(to, (i + 1) * t->width) - fmax(from, i * t->width));
}

void plmr_timeline_see(plmr_serve_timeline *t, const plmr_machine_view *view)
{
    double now[PLMR_N_TIMELINES] = {(double)view->n_waiting, (double)view->n_reading, (double)view->n_decoding,
                                    (double)view->kv_tokens};
    for (int i = 0; i < PLMR_N_TIMELINES && view->now > t->since; i++)
        add(t, i, t->since, view->now, t->last[i]);
    t->since = view->now;
    memcpy(t->last, now, sizeof now);
}

void plmr_timeline_work(plmr_serve_timeline *t, int region, double from, double to)
{
    add(t, PLMR_N_TIMELINES + t->first_region + region, from, to, 1);
}

/* Of bins up to the end, each over so many cycles. */
static json_t *bins_json(const plmr_serve_timeline *t, int row, double t_end, double over)
{
    json_t *array = json_array();
    for (int i = 0; i < PLMR_TIMELINE_BINS && i * t->width < t_end; i++)
        json_array_append_new(array, json_real(round(1e4 * t->series[row * PLMR_TIMELINE_BINS + i] / over) / 1e4));
    return array;
}

static json_t *requests_json(const plmr_request *requests, int64_t n, double clock)
{
    json_t *array = json_array();
    int64_t n_shown = n < PLMR_TIMELINE_REQUESTS ? n : PLMR_TIMELINE_REQUESTS;
    for (int64_t i = 0; i < n_shown; i++) {
        const plmr_request *r = &requests[(int64_t)((double)i * (double)n / (double)n_shown)];
        json_array_append_new(array, json_pack("[f, f, f, i, i]", r->t_arrival / clock, r->t_first / clock,
                                               r->t_last / clock, r->n_prompt, r->n_output));
    }
    return array;
}

/* Of prompts apart the first half of the regions are those that read them. */
static void set_regions(const plmr_serve_timeline *t, double t_end, int n_replicas, int n_prompt, json_t *json)
{
    json_t *regions = json_array(), *copies = json_array();
    for (int i = 0; i < t->n_regions; i++) {
        int n = n_prompt && i < t->n_regions / 2 ? n_prompt : n_replicas - n_prompt;
        json_array_append_new(regions, bins_json(t, PLMR_N_TIMELINES + i, t_end, t->width * n));
        json_array_append_new(copies, json_integer(n));
    }
    json_object_set_new(json, "regions", regions);
    json_object_set_new(json, "copies", copies);
}

json_t *plmr_timeline_json(const plmr_serve_timeline *t, const plmr_request *requests, int64_t n, double t_end,
                           double clock, int n_replicas, int n_prompt, int64_t room)
{
    static const char *const names[PLMR_N_TIMELINES] = {"waiting", "reading", "decoding", "cache"};
    json_t *json = json_object();
    json_object_set_new(json, "seconds", json_real(t->width / clock));
    for (int i = 0; i < PLMR_N_TIMELINES; i++)
        json_object_set_new(json, names[i], bins_json(t, i, t_end, t->width));
    set_regions(t, t_end, n_replicas, n_prompt, json);
    json_object_set_new(json, "room", json_integer((json_int_t)room * n_replicas));
    json_object_set_new(json, "requests", requests_json(requests, n, clock));
    return json;
}
