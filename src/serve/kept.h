/* kept.h - what a simulation of serving puts down to go on with, between two moments: how the machine stands, what has become of
 * requests, what passes have been found to cost, and with values each text with its cache. All functions are collective.
 *
 *     PLMR_TRY(plmr_serve_kept_open(&kept, option, settings));
 *     plan.kept = &kept;                                         for plmr_serve_run and plmr_serve_find_rate
 *     return plmr_checkpoint_close(&kept.checkpoint, status);
 */
#pragma once

#include "run/checkpoint.h"
#include "serve/serve.h"
#include "serve/texts.h"

struct plmr_machine;

enum { PLMR_MOST_RATES = 4096 };

/* Where a run is: in which part, with which replica; and the requests of that part in their order. */
typedef struct plmr_serve_at {
    int part, replica;
    int64_t n;
    int32_t *order;
} plmr_serve_at;

typedef struct plmr_serve_kept {
    plmr_checkpoint checkpoint;
    bool resumes;                /* there is what is not taken yet */
    bool meets[PLMR_MOST_RATES]; /* of a search for a rate: the answers that are there, */
    int n_rates;                 /* so many */
    int64_t n_looked;            /* moments since signals were looked for */
    int64_t n_done;              /* requests, of all rates */

    /* The run's, while there is one. */
    plmr_serve_place *place;
    plmr_serve_texts *texts; /* NULL: no values */
    plmr_request *requests;
    int64_t n_requests;
    plmr_serve_at *at;
    plmr_machine_sums *sums;
} plmr_serve_kept;

/* See plmr_checkpoint_open. */
plmr_status plmr_serve_kept_open(plmr_serve_kept *kept, const char *option, json_t *settings);

/* For find_rate.c: one more answer; the i-th, if it is there. kept may be NULL. */
void plmr_serve_kept_add_rate(plmr_serve_kept *kept, bool meets);
bool plmr_serve_kept_rate(plmr_serve_kept *kept, int i, bool *meets);

/* For serve.c: takes what is there of the run, once its requests, order and texts have room; kept may be NULL. */
plmr_status plmr_serve_kept_take(plmr_serve_kept *kept);

/* For machine.c: takes how it stood, if there is something to take; puts it down between two moments, if it is time, and fails
 * if the run has been asked to stop. kept NULL: nothing. */
plmr_status plmr_serve_kept_begin(plmr_serve_kept *kept, struct plmr_machine *machine);
plmr_status plmr_serve_keep(plmr_serve_kept *kept, struct plmr_machine *machine);
