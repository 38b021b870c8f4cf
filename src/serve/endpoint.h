/* endpoint.h - requests that come from outside while a machine serves them: a bounded number of places, each with what a
 * client asks for and what becomes of it. Threads of a server (http.h) put requests in and take texts out; rank 0's main
 * thread, in which the machine runs, hands them over to all ranks and publishes what is made. Threads call no MPI.
 */
#pragma once

#include <pthread.h>

#include "run/llm.h"
#include "serve/ask.h"
#include "serve/place.h"
#include "serve/texts.h"

enum { PLMR_MOST_CLIENTS = 64 };
enum plmr_client_state {
    PLMR_CLIENT_FREE,
    PLMR_CLIENT_QUEUED,
    PLMR_CLIENT_RUNS,
    PLMR_CLIENT_DONE,
    PLMR_CLIENT_REFUSED
};

/* A client's request; its thread owns the place from plmr_endpoint_ask until plmr_endpoint_release. */
typedef struct plmr_client {
    enum plmr_client_state state;
    bool released, dropped; /* the client is gone: the place is free when the text is done; the ranks know of it */
    bool chat;
    plmr_ask ask;
    int64_t request, number; /* of the machine's; of all that have come */
    char *text, *error;      /* so far, in UTF-8; why it is refused */
    size_t n_bytes;
    int n_prompt, n_made;
    const char *finish;           /* "stop" or "length", once it is done */
    double ttft_s, tpot_s, e2e_s; /* tpot_s: NAN of one token */
} plmr_client;

typedef struct plmr_endpoint {
    plmr_llm_run *run;
    const plmr_serve_place *place;
    plmr_serve_texts texts;
    plmr_machine_values values; /* the texts' */
    plmr_request *requests;
    int64_t n, room, n_come, n_done, n_made; /* n_made: tokens of those that are done, or whose clients have gone */
    int64_t longest;                         /* tokens of a request, prompt and output */
    const volatile sig_atomic_t *stop;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    plmr_client jobs[PLMR_MOST_CLIENTS];
    bool stopped;
    json_t *view; /* how the machine stands */
    json_t *last; /* the latest text that is complete, as the view has it; NULL: there is none */
} plmr_endpoint;

/* Finds a place for requests as long as the model takes them, or, where these have no room, half of that, and so on: sets
 * `longest`. The wish's load is made up. Collective. */
plmr_status plmr_endpoint_place(plmr_endpoint *endpoint, plmr_serve_wish wish, plmr_serve_place *place);

/* For the server's threads. Takes the ask over; NULL: all places are taken. Waits until there is more text than n_bytes, the
 * state is done or refused, or the machine has stopped: true; false: nothing of that in a tenth of a second. The state is what it
 * is then. What is released before it is done ends with its next token. */
plmr_client *plmr_endpoint_ask(plmr_endpoint *endpoint, bool chat, plmr_ask *ask);
bool plmr_endpoint_wait(plmr_endpoint *endpoint, const plmr_client *job, size_t n_bytes, enum plmr_client_state *state);
void plmr_endpoint_release(plmr_endpoint *endpoint, plmr_client *job);
bool plmr_endpoint_has_stopped(plmr_endpoint *endpoint);

/* How things stand, as a line of JSON for the caller to free. */
char *plmr_endpoint_view(plmr_endpoint *endpoint);

/* Serves until rank 0's *stop is set. Collective. */
plmr_status plmr_endpoint_serve(plmr_endpoint *endpoint, const plmr_machine_setup *setup, plmr_machine_sums *sums);
void plmr_endpoint_init(plmr_endpoint *endpoint);
void plmr_endpoint_free(plmr_endpoint *endpoint);
