/* record.h - what a simulation of serving tells: as a record, and for people. On rank 0. */
#pragma once

#include "run/llm.h"
#include "serve/serve.h"
#include "serve/texts.h"

/* What was asked for. */
typedef struct plmr_serve_about {
    const char *trace; /* NULL: made up */
    int64_t seed;
    const plmr_serve_policy *policy;
    const char *aim;
    bool finds_rate;
    plmr_slo slo; /* seconds */
    int n_prompt; /* replicas that read prompts for the others */
    bool preempts, shares;
    const char *draft; /* NULL: there is none */
    int ahead;
    plmr_wafer_link link;
} plmr_serve_about;

/* For the caller to json_decref. */
json_t *plmr_serve_record_json(plmr_llm_run *run, const plmr_serve_about *about, const plmr_serve_place *place,
                               const plmr_serve_outcome *outcome);

void plmr_serve_print(FILE *out, const plmr_llm_run *run, const plmr_serve_about *about, const plmr_serve_place *place,
                      const plmr_serve_outcome *outcome);

/* Gives the page of --report the record, with what was kept over time and the rates that were tried, as "serving": see
 * serve/timeline.h and plmr_serve_plan. */
void plmr_serve_add_page(plmr_llm_run *run, json_t *record, const plmr_serve_plan *plan, const plmr_serve_place *place,
                         const plmr_serve_outcome *outcome, const plmr_request *requests);

/* The texts, a line each: with their ids where the model has no vocabulary. Into the record, if there are any: the mode;
 * prompt and ids, and the text. */
void plmr_serve_print_texts(FILE *out, const plmr_serve_texts *texts);
void plmr_serve_texts_put(json_t *record, const plmr_serve_texts *texts);
