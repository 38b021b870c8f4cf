/* checkpoint.h - a long run that can be broken off, and gone on with as if it had not been.
 *
 * A run has steps (tokens, windows of a text); between two of them it can put down all that the rest depends on: a JSON
 * object, and perhaps bytes behind it. The user names a folder. A file there is written as a draft, and has its name once
 * it is on the disk; the one before is kept too, and read where the newer one is damaged. A file tells what it was made
 * with (program, device, model, options); nothing goes on with what was made otherwise. Whoever wrote it may have meant ill: what
 * reads a state and bytes holds each number to what it may be. What is put down is the same on
 * any number of ranks, so others may go on with it.
 *
 *     PLMR_TRY(plmr_checkpoint_open(&c, option, "perplexity", settings, &state));
 *     for (i = state ? ... : 0; i < n && !status; i++) {
 *         ...
 *         status = plmr_checkpoint_keep(&c, i + 1, state_of, NULL, &context);
 *     }
 *     return plmr_checkpoint_close(&c, status);
 *
 * All functions are collective, but those that say otherwise.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/draft.h"
#include "base/interrupt.h"
#include "base/lock.h"
#include "plmr/status.h"

typedef struct plmr_checkpoint {
    const char *command;
    char *folder;     /* NULL: none is wanted, and nothing is done */
    int64_t every;    /* steps from one to the next; 0: about a minute */
    plmr_lock lock;   /* rank 0's */
    json_t *settings; /* rank 0's */
    int64_t n_steps;  /* at the last one */
    double written_s; /* when it was written, as plmr_wall_s has it */
    FILE *in;         /* rank 0's: behind the state that is gone on with, while that is open */
    plmr_draft out;   /* rank 0's, while one is written */
    uint64_t hash;    /* of what has been written of it */
    bool stopped;     /* the run has been asked to stop, and all is put down */
} plmr_checkpoint;

/* The state, for plmr_checkpoint_keep to let go of. On rank 0; local. */
typedef json_t *plmr_checkpoint_state(const void *context);

/* Puts down bytes behind the state, by plmr_checkpoint_put. Collective. */
typedef plmr_status plmr_checkpoint_bytes(plmr_checkpoint *checkpoint, void *context);

/* Opens the folder that `option` names, "DIR" or "DIR:every N" (NULL: none). What may not differ is in `settings`, an object
 * of texts, on rank 0, which this takes over. *state is what there is to go on with, for the caller to json_decref; NULL:
 * nothing. From here on signals to end or to interrupt are waited for. */
plmr_status plmr_checkpoint_open(plmr_checkpoint *checkpoint, const char *option, const char *command, json_t *settings,
                                 json_t **state);

/* The next n bytes behind that state, on all ranks. */
plmr_status plmr_checkpoint_read(plmr_checkpoint *checkpoint, void *bytes, size_t n);

/* A number of that state, from least to most; and the error that whatever cannot be in one is. Local. */
plmr_status plmr_checkpoint_number(const plmr_checkpoint *checkpoint, const json_t *state, const char *key,
                                   int64_t least, int64_t most, int64_t *number);
plmr_status plmr_checkpoint_damaged(const plmr_checkpoint *checkpoint);

/* After n_steps steps: writes one if it is time, or if the run has been asked to stop (SIGINT, SIGTERM, SIGUSR1 to rank 0). That
 * is then the error "interrupted", whether or not there is a folder. `bytes` may be NULL. */
plmr_status plmr_checkpoint_keep(plmr_checkpoint *checkpoint, int64_t n_steps, plmr_checkpoint_state *state,
                                 plmr_checkpoint_bytes *bytes, void *context);

/* For `bytes`. On rank 0; local. */
void plmr_checkpoint_put(plmr_checkpoint *checkpoint, const void *bytes, size_t n);

/* The key-value cache of an engine (`context`) as such bytes; and what reads them again from a checkpoint (`context`). */
plmr_status plmr_checkpoint_put_cache(plmr_checkpoint *checkpoint, void *context);
plmr_status plmr_checkpoint_get(void *context, void *bytes, size_t n);

/* The end of the run. One that is whole removes what it has put down; one that was stopped after all was put down says how
 * to go on, and its "interrupted" is no error; any other error stays. Returns the status. */
plmr_status plmr_checkpoint_close(plmr_checkpoint *checkpoint, plmr_status status);
