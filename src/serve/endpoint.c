#include "serve/endpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "ranks/ranks.h"
#include "text/chat.h"

void plmr_endpoint_init(plmr_endpoint *e)
{
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
}

plmr_status plmr_endpoint_place(plmr_endpoint *e, plmr_serve_wish wish, plmr_serve_place *place)
{
    plmr_llm_run *run = e->run;
    plmr_status status = PLMR_OK;
    for (e->longest = run->shape->n_context;; e->longest /= 2) {
        double half = (double)e->longest / 2;
        plmr_serve_load load = {fmin(half, 512), fmin(half, 128), 1, e->longest, false, PLMR_MOST_CLIENTS};
        wish.load = &load;
        wish.most_replicas = 1;
        plmr_error_free(status);
        status = plmr_serve_place_find(run->session.ranks, &run->session.device, run->shape, &run->setup, &wish, place);
        if (!status || plmr_error_code(status) != PLMR_ERROR_LIMIT || e->longest < 32)
            return status;
    }
}

static void clear(plmr_client *job)
{
    plmr_ask_free(&job->ask);
    free(job->text);
    free(job->error);
    *job = (plmr_client){0};
}

void plmr_endpoint_free(plmr_endpoint *e)
{
    for (int i = 0; i < PLMR_MOST_CLIENTS; i++)
        clear(&e->jobs[i]);
    plmr_serve_texts_free(&e->texts);
    json_decref(e->view);
    json_decref(e->last);
    free(e->requests);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
}

/* ---- the server's threads ---- */

static struct timespec later(long n_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += n_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

plmr_client *plmr_endpoint_ask(plmr_endpoint *e, bool chat, plmr_ask *ask)
{
    plmr_client *job = NULL;
    pthread_mutex_lock(&e->mutex);
    for (int i = 0; i < PLMR_MOST_CLIENTS && !job && !e->stopped; i++)
        job = e->jobs[i].state == PLMR_CLIENT_FREE ? &e->jobs[i] : NULL;
    if (job) {
        *job = (plmr_client){.state = PLMR_CLIENT_QUEUED, .chat = chat, .ask = *ask, .number = e->n_come++};
        job->text = plmr_take_zeroed(1, 1);
        *ask = (plmr_ask){0};
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->mutex);
    return job;
}

static bool is_over(const plmr_client *job)
{
    return job->state == PLMR_CLIENT_DONE || job->state == PLMR_CLIENT_REFUSED;
}

static bool has_news(const plmr_endpoint *e, const plmr_client *job, size_t n_bytes)
{
    return e->stopped || is_over(job) || job->n_bytes > n_bytes;
}

bool plmr_endpoint_wait(plmr_endpoint *e, const plmr_client *job, size_t n_bytes, enum plmr_client_state *state)
{
    const struct timespec until = later(100);
    pthread_mutex_lock(&e->mutex);
    while (!has_news(e, job, n_bytes) && !pthread_cond_timedwait(&e->changed, &e->mutex, &until))
        continue;
    bool has = has_news(e, job, n_bytes);
    *state = job->state;
    pthread_mutex_unlock(&e->mutex);
    return has;
}

bool plmr_endpoint_has_stopped(plmr_endpoint *e)
{
    pthread_mutex_lock(&e->mutex);
    bool stopped = e->stopped;
    pthread_mutex_unlock(&e->mutex);
    return stopped;
}

void plmr_endpoint_release(plmr_endpoint *e, plmr_client *job)
{
    pthread_mutex_lock(&e->mutex);
    job->released = true;
    if (is_over(job) || job->state == PLMR_CLIENT_QUEUED)
        clear(job);
    pthread_mutex_unlock(&e->mutex);
}

static json_t *text_json(const plmr_client *job)
{
    return json_pack("{s:I,s:i,s:i,s:s}", "number", (json_int_t)job->number, "prompt", job->n_prompt, "made",
                     job->n_made, "text", job->text);
}

char *plmr_endpoint_view(plmr_endpoint *e)
{
    pthread_mutex_lock(&e->mutex);
    json_t *view = e->view ? json_deep_copy(e->view) : json_object(), *texts = json_array();
    if (e->last)
        json_array_append(texts, e->last);
    for (int i = 0; i < PLMR_MOST_CLIENTS; i++)
        if (e->jobs[i].state == PLMR_CLIENT_RUNS)
            json_array_append_new(texts, text_json(&e->jobs[i]));
    json_object_set_new(view, "texts", texts);
    json_object_set_new(view, "done", json_integer((json_int_t)e->n_done));
    pthread_mutex_unlock(&e->mutex);
    char *line = json_dumps(view, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(view);
    return line;
}

/* ---- rank 0's main thread ---- */

static plmr_client *job_of(plmr_endpoint *e, int64_t request)
{
    for (int i = 0; i < PLMR_MOST_CLIENTS; i++)
        if (e->jobs[i].state == PLMR_CLIENT_RUNS && e->jobs[i].request == request)
            return &e->jobs[i];
    return NULL;
}

static void refuse(plmr_client *job, plmr_status status)
{
    const char *why = plmr_error_text(status);
    job->error = memcpy(plmr_take(strlen(why) + 1), why, strlen(why) + 1);
    job->state = PLMR_CLIENT_REFUSED;
    plmr_error_free(status);
}

/* A chat's one question as the model's template has it; where that is not known, what is said as it is. */
static plmr_status encode(const plmr_endpoint *e, const plmr_client *job, int32_t **ids, int *n_ids)
{
    const plmr_gguf *gguf = plmr_model_gguf(e->run->model);
    const char *text = job->ask.prompt;
    char *asked = NULL;
    if (job->chat && gguf && job->ask.user)
        plmr_error_free(plmr_chat_prompt(gguf, job->ask.system, job->ask.user, &asked));
    text = asked ? asked : text;
    plmr_status status = plmr_tokenizer_encode(e->run->tokenizer, text, strlen(text), true, true, ids, n_ids);
    free(asked);
    PLMR_TRY(status);
    bool fits = *n_ids >= 1 && *n_ids + 1 <= e->longest;
    if (!fits)
        free(*ids);
    PLMR_CHECK(fits, PLMR_ERROR_INPUT, "the prompt has %d tokens: from 1 to %lld have room here, with one made", *n_ids,
               (long long)e->longest - 1);
    return PLMR_OK;
}

/* The next job that waits, with its prompt's tokens; NULL: there is none. Under the mutex. */
static plmr_client *next_job(plmr_endpoint *e, int32_t **ids, int *n_ids)
{
    plmr_client *next;
    do {
        next = NULL;
        for (int i = 0; i < PLMR_MOST_CLIENTS; i++)
            if (e->jobs[i].state == PLMR_CLIENT_QUEUED && (!next || e->jobs[i].number < next->number))
                next = &e->jobs[i];
        plmr_status status = next ? encode(e, next, ids, n_ids) : PLMR_OK;
        if (!status)
            return next;
        refuse(next, status);
        pthread_cond_broadcast(&e->changed);
    } while (next);
    return NULL;
}

/* What all ranks must know of a request. */
struct said {
    int32_t n_ids, n_output;
    int64_t gone; /* whose client is; -1: none's */
};

static void add_request(plmr_endpoint *e, const plmr_client *job, int32_t *ids, struct said said, double now)
{
    plmr_serve_text *t = plmr_serve_texts_add(&e->texts, ids, said.n_ids);
    if (job) {
        t->sampler = job->ask.sampler;
        t->sampler.seed = job->ask.has_seed ? t->sampler.seed : PLMR_ASK_MOST_SEED + 1 + (uint64_t)e->n;
        t->stops = (plmr_stops){.strings = (const char *const *)job->ask.stops, .n_strings = job->ask.n_stops};
    }
    if (e->n == e->room) {
        e->room = 2 * e->room + 16;
        e->requests = plmr_take_more(e->requests, (size_t)e->room * sizeof *e->requests);
    }
    e->requests[e->n++] =
        (plmr_request){.t_arrival = now, .t_here = now, .n_prompt = said.n_ids, .n_output = said.n_output};
}

static json_t *view_json(const plmr_endpoint *e, const plmr_machine_view *v)
{
    json_t *regions = json_array();
    for (int s = 0; s < v->n_stages; s++)
        json_array_append_new(regions, json_boolean(v->free_at[s] > v->now));
    return json_pack("{s:f,s:I,s:I,s:I,s:I,s:I,s:o}", "now_s", v->now / e->run->session.device.clock, "waiting",
                     (json_int_t)v->n_waiting, "reading", (json_int_t)v->n_reading, "decoding",
                     (json_int_t)v->n_decoding, "kv_tokens", (json_int_t)v->kv_tokens, "kv_room",
                     (json_int_t)v->row_room * e->place->costs.rows, "regions", regions);
}

/* Half a second at most, so that other ranks need not wait long. */
static void wait_for_jobs(plmr_endpoint *e)
{
    const struct timespec until = later(500);
    pthread_cond_timedwait(&e->changed, &e->mutex, &until);
}

/* The next job; where nothing else is to be done, one that comes soon. */
static plmr_client *await_job(plmr_endpoint *e, bool idle, int32_t **ids, int *n_ids)
{
    plmr_client *job = next_job(e, ids, n_ids);
    if (job || !idle)
        return job;
    wait_for_jobs(e);
    return next_job(e, ids, n_ids);
}

/* One whose client has gone since, for all ranks to know; -1: none. Under the mutex. */
static int64_t next_gone(plmr_endpoint *e)
{
    for (plmr_client *job = e->jobs; job < e->jobs + PLMR_MOST_CLIENTS; job++)
        if (job->state == PLMR_CLIENT_RUNS && job->released && !job->dropped) {
            job->dropped = true;
            return job->request;
        }
    return -1;
}

/* Rank 0: takes a job that waits, if there is one. -1 tokens: there is none; -2: it stops. */
static struct said take_job(plmr_endpoint *e, const plmr_machine_view *view, int32_t **ids)
{
    struct said said = {-1, 0, -1};
    pthread_mutex_lock(&e->mutex);
    said.gone = next_gone(e);
    json_decref(e->view);
    e->view = view_json(e, view);
    plmr_client *job = *e->stop ? NULL : await_job(e, view->idle, ids, &said.n_ids);
    if (job) {
        int64_t room = e->longest - said.n_ids;
        said.n_output = (int32_t)(job->ask.n_most < room ? job->ask.n_most : room);
        job->state = PLMR_CLIENT_RUNS;
        job->request = e->n;
        job->n_prompt = said.n_ids;
        add_request(e, job, *ids, said, view->now);
    } else {
        said.n_ids = *e->stop ? -2 : -1;
    }
    pthread_mutex_unlock(&e->mutex);
    return said;
}

static int64_t more(void *context, const plmr_machine_view *view, plmr_request **requests)
{
    plmr_endpoint *e = context;
    struct said said = {-1, 0, -1};
    int32_t *ids = NULL;
    if (plmr_rank() == 0)
        said = take_job(e, view, &ids);
    plmr_broadcast(&said, sizeof said);
    if (said.gone >= 0)
        plmr_serve_texts_stop(&e->texts, said.gone);
    if (said.n_ids > 0) {
        ids = ids ? ids : plmr_take((size_t)said.n_ids * sizeof *ids);
        plmr_broadcast(ids, (size_t)said.n_ids * sizeof *ids);
        if (plmr_rank())
            add_request(e, NULL, ids, said, view->now);
    }
    *requests = e->requests;
    return said.n_ids == -2 ? -1 : e->n;
}

/* What is new of a request's text is for its client to see. */
static void publish(plmr_endpoint *e, int32_t request, bool done)
{
    const plmr_serve_text *t = &e->texts.texts[request];
    const plmr_request *r = &e->requests[request];
    double clock = e->run->session.device.clock;
    pthread_mutex_lock(&e->mutex);
    plmr_client *job = job_of(e, request);
    job->text = plmr_take_more(job->text, t->n_bytes + 1);
    memcpy(job->text, t->text, t->n_bytes + 1);
    job->n_bytes = t->n_bytes;
    job->n_made = t->n_ids;
    if (done) {
        job->finish = t->end == PLMR_ENDED_LENGTH ? "length" : "stop";
        job->ttft_s = (r->t_first - r->t_arrival) / clock;
        job->tpot_s = r->n_made > 1 ? (r->t_last - r->t_first) / clock / (r->n_made - 1) : NAN;
        job->e2e_s = (r->t_last - r->t_arrival) / clock;
        job->state = PLMR_CLIENT_DONE;
        e->n_done += !job->released;
        e->n_made += job->n_made;
        json_decref(e->last);
        e->last = text_json(job);
        if (job->released)
            clear(job);
    }
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

static plmr_status make(void *context, int32_t request, int n, bool *ended)
{
    plmr_endpoint *e = context;
    PLMR_TRY(e->values.make(e->values.context, request, n, ended));
    if (plmr_rank() == 0)
        publish(e, request, false);
    return PLMR_OK;
}

static void read_tokens(void *context, int32_t request, int64_t n_before, int64_t n)
{
    plmr_endpoint *e = context;
    e->values.read(e->values.context, request, n_before, n);
}

static void lose(void *context, int32_t request, bool done)
{
    plmr_endpoint *e = context;
    e->values.lose(e->values.context, request, done);
    if (plmr_rank() == 0 && done)
        publish(e, request, true);
    if (done)
        plmr_serve_texts_forget(&e->texts, request);
}

plmr_status plmr_endpoint_serve(plmr_endpoint *e, const plmr_machine_setup *setup, plmr_machine_sums *sums)
{
    plmr_machine_setup own = *setup;
    e->values = plmr_serve_texts_values(&e->texts);
    own.values = (plmr_machine_values){e, more, read_tokens, make, lose};
    plmr_status status = plmr_machine_serve(&own, e->requests, NULL, 0, sums);
    pthread_mutex_lock(&e->mutex);
    e->stopped = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    return status;
}
