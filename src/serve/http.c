#include "serve/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/memory.h"
#include "base/parse.h"
#include "serve/page.h"

struct plmr_http {
    struct MHD_Daemon *daemon;
    plmr_endpoint *endpoint;
};

/* A request on its way in, and then the text on its way out. */
struct client {
    plmr_endpoint *endpoint;
    struct MHD_Connection *connection;
    char *body;
    size_t n_body;
    bool too_large, chat, stream, stream_usage;
    bool cut, gone; /* before the text ends, the server does; the client does */
    plmr_client *job;
    size_t n_sent; /* bytes of the text */
    int last;      /* messages after it: the reason, usage, the end */
    char *line;    /* that is being sent */
    size_t n_line, at_line;
};

/* Seconds that a connection may stand still. */
enum { IDLE_S = 30 };

static const char server_ends[] = "the server ends";

/* ---- answers ---- */

/* A further header, or NULL. */
typedef const char *header[2];

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, const header more,
                              char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", type);
    if (more)
        MHD_add_response_header(response, more[0], more[1]);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_json(struct MHD_Connection *connection, unsigned status, const header more, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    return answer(connection, status, "application/json", more, text);
}

static json_t *error_json(unsigned status, const char *why)
{
    const char *type = status >= 500 ? "server_error" : "invalid_request_error";
    return json_pack("{s:{s:s,s:s,s:n,s:n}}", "error", "message", why, "type", type, "param", "code");
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    static const header again = {"Retry-After", "1"};
    return answer_json(connection, status, status == MHD_HTTP_SERVICE_UNAVAILABLE ? again : NULL,
                       error_json(status, why));
}

static enum MHD_Result refuse_method(struct MHD_Connection *connection, const char *method)
{
    const header allowed = {"Allow", method};
    char why[40];
    snprintf(why, sizeof why, "this takes a %s alone", method);
    return answer_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED, allowed, error_json(MHD_HTTP_METHOD_NOT_ALLOWED, why));
}

static enum MHD_Result refuse_at_end(struct MHD_Connection *connection)
{
    return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, server_ends);
}

/* ---- what an answer says ---- */

/* Virtual times stand beside the tokens. */
static json_t *usage_json(const plmr_client *job)
{
    json_t *tpot_s = isnan(job->tpot_s) ? json_null() : json_real(job->tpot_s);
    return json_pack("{s:i,s:i,s:i,s:{s:f,s:o,s:f}}", "prompt_tokens", job->n_prompt, "completion_tokens", job->n_made,
                     "total_tokens", job->n_prompt + job->n_made, "virtual", "ttft_s", job->ttft_s, "tpot_s", tpot_s,
                     "e2e_s", job->e2e_s);
}

static json_t *frame_json(const struct client *c, const char *what)
{
    char id[40];
    snprintf(id, sizeof id, "%s-%lld", c->chat ? "chatcmpl" : "cmpl", (long long)c->job->number);
    return json_pack("{s:s,s:s,s:I,s:s}", "id", id, "object", what, "created", (json_int_t)time(NULL), "model",
                     c->endpoint->run->shape->name);
}

/* One choice, with some text; finish NULL: it goes on. */
static json_t *choices_json(const struct client *c, const char *text, size_t n, const char *finish)
{
    json_t *choice = json_pack("{s:i,s:s?,s:n}", "index", 0, "finish_reason", finish, "logprobs");
    json_t *content = json_stringn(text, n);
    if (!c->chat)
        json_object_set_new(choice, "text", content);
    else if (c->stream)
        json_object_set_new(choice, "delta", json_pack("{s:s,s:o}", "role", "assistant", "content", content));
    else
        json_object_set_new(choice, "message",
                            json_pack("{s:s,s:o,s:n}", "role", "assistant", "content", content, "refusal"));
    return json_pack("[o]", choice);
}

static enum MHD_Result answer_whole(struct MHD_Connection *connection, struct client *c)
{
    json_t *all = frame_json(c, c->chat ? "chat.completion" : "text_completion");
    json_object_set_new(all, "choices", choices_json(c, c->job->text, c->job->n_bytes, c->job->finish));
    json_object_set_new(all, "usage", usage_json(c->job));
    return answer_json(connection, MHD_HTTP_OK, NULL, all);
}

/* ---- waiting ---- */

/* Closed from the other side. */
static bool has_gone(struct MHD_Connection *connection)
{
    char next;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    ssize_t n = recv(fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* The time that a text takes is not the client's: its own begins anew. */
static void start_idle_time(struct MHD_Connection *connection)
{
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)IDLE_S);
}

/* For more text than n_bytes, or for its end, or the client's. */
static enum plmr_client_state wait_for_text(struct client *c, size_t n_bytes)
{
    enum plmr_client_state state;
    while (!plmr_endpoint_wait(c->endpoint, c->job, n_bytes, &state) && !c->gone)
        c->gone = has_gone(c->connection);
    start_idle_time(c->connection);
    return state;
}

/* ---- streams ---- */

static void set_line(struct client *c, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    size_t n = text ? strlen(text) : 0;
    json_decref(json);
    c->line = plmr_take_more(c->line, n + 32);
    c->n_line = (size_t)sprintf(c->line, "data: %s\n\n", text ? text : "[DONE]");
    c->at_line = 0;
    free(text);
}

static json_t *part_json(const struct client *c, json_t *choices)
{
    json_t *part = frame_json(c, c->chat ? "chat.completion.chunk" : "text_completion");
    json_object_set_new(part, "choices", choices);
    return part;
}

static json_t *more_json(struct client *c, size_t n)
{
    json_t *choices = choices_json(c, c->job->text + c->n_sent, n, NULL);
    c->n_sent += n;
    return part_json(c, choices);
}

/* What comes after a text; NULL: the end. */
static json_t *last_json(struct client *c)
{
    c->last += c->last == 1 && !c->stream_usage ? 2 : 1;
    if (c->last == 3)
        return NULL;
    json_t *part = part_json(c, c->last == 1 ? choices_json(c, "", 0, c->job->finish) : json_array());
    if (c->last == 2)
        json_object_set_new(part, "usage", usage_json(c->job));
    return part;
}

/* The next message of a text, or that it is cut; false: there is none left, or nobody to read it. */
static bool next_message(struct client *c)
{
    plmr_endpoint *e = c->endpoint;
    json_t *message = NULL;
    wait_for_text(c, c->n_sent);
    if (c->gone)
        return false;
    pthread_mutex_lock(&e->mutex);
    size_t n = c->job->n_bytes - c->n_sent;
    c->cut = !n && c->job->state != PLMR_CLIENT_DONE;
    bool goes_on = n || c->cut || c->last < 3;
    if (n)
        message = more_json(c, n);
    else if (goes_on)
        message = c->cut ? error_json(MHD_HTTP_SERVICE_UNAVAILABLE, server_ends) : last_json(c);
    pthread_mutex_unlock(&e->mutex);
    if (goes_on)
        set_line(c, message);
    return goes_on;
}

static ssize_t send_some(struct client *c, char *to, size_t most)
{
    size_t left = c->n_line - c->at_line, n = left < most ? left : most;
    memcpy(to, c->line + c->at_line, n);
    c->at_line += n;
    return (ssize_t)n;
}

static ssize_t stream_text(void *context, uint64_t at, char *to, size_t most)
{
    struct client *c = context;
    (void)at;
    if (c->at_line == c->n_line && c->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (c->at_line == c->n_line && !next_message(c))
        return c->gone ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    return send_some(c, to, most);
}

/* Five times a second. */
static ssize_t stream_view(void *context, uint64_t at, char *to, size_t most)
{
    struct client *c = context;
    const struct timespec pause = {.tv_nsec = 200000000};
    if (c->at_line < c->n_line)
        return send_some(c, to, most);
    if (at)
        nanosleep(&pause, NULL);
    if (plmr_endpoint_has_stopped(c->endpoint))
        return MHD_CONTENT_READER_END_OF_STREAM;
    char *view = plmr_endpoint_view(c->endpoint);
    set_line(c, json_loads(view, 0, NULL));
    free(view);
    return send_some(c, to, most);
}

static enum MHD_Result answer_stream(struct MHD_Connection *connection, struct client *c,
                                     MHD_ContentReaderCallback reader)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1 << 16, reader, c, NULL);
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- what is asked ---- */

static enum MHD_Result complete(struct MHD_Connection *connection, struct client *c)
{
    plmr_ask ask;
    if (c->too_large)
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than a mebibyte");
    plmr_status status = plmr_ask_read(c->body ? c->body : "", c->n_body, c->chat, &ask);
    if (status) {
        enum MHD_Result result = refuse(connection, MHD_HTTP_BAD_REQUEST, plmr_error_text(status));
        plmr_error_free(status);
        return result;
    }
    c->stream = ask.stream;
    c->stream_usage = ask.stream_usage;
    c->job = plmr_endpoint_ask(c->endpoint, c->chat, &ask);
    plmr_ask_free(&ask);
    if (!c->job)
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests wait: come again");
    enum plmr_client_state state = wait_for_text(c, c->stream ? 0 : SIZE_MAX);
    if (c->gone)
        return MHD_NO;
    if (state == PLMR_CLIENT_REFUSED)
        return refuse(connection, MHD_HTTP_BAD_REQUEST, c->job->error);
    if (state == PLMR_CLIENT_QUEUED)
        return refuse_at_end(connection);
    if (c->stream)
        return answer_stream(connection, c, stream_text);
    return state == PLMR_CLIENT_DONE ? answer_whole(connection, c) : refuse_at_end(connection);
}

static enum MHD_Result list_models(struct MHD_Connection *connection, const struct client *c)
{
    json_t *model = json_pack("{s:s,s:s,s:i,s:s}", "id", c->endpoint->run->shape->name, "object", "model", "created", 0,
                              "owned_by", "plmr");
    return answer_json(connection, MHD_HTTP_OK, NULL, json_pack("{s:s,s:[o]}", "object", "list", "data", model));
}

static enum MHD_Result show(struct MHD_Connection *connection)
{
    char *page = plmr_take(strlen(plmr_serve_page) + 1);
    return answer(connection, MHD_HTTP_OK, "text/html; charset=utf-8", NULL, strcpy(page, plmr_serve_page));
}

static enum MHD_Result route(struct MHD_Connection *connection, const char *url, const char *method, struct client *c)
{
    bool posts = strcmp(method, "POST") == 0, gets = strcmp(method, "GET") == 0;
    bool completes = strcmp(url, "/v1/completions") == 0;
    c->chat = strcmp(url, "/v1/chat/completions") == 0;
    bool others = strcmp(url, "/v1/models") == 0 || strcmp(url, "/") == 0 || strcmp(url, "/events") == 0;
    if (!c->chat && !completes && !others)
        return refuse(connection, MHD_HTTP_NOT_FOUND,
                      "there are /v1/completions, /v1/chat/completions, /v1/models and / here");
    if (!(others ? gets : posts))
        return refuse_method(connection, others ? "GET" : "POST");
    if (strcmp(url, "/v1/models") == 0)
        return list_models(connection, c);
    if (others)
        return url[1] ? answer_stream(connection, c, stream_view) : show(connection);
    return complete(connection, c);
}

static void take_body(struct client *c, const char *bytes, size_t n)
{
    c->too_large = c->too_large || c->n_body + n > PLMR_HTTP_BODY;
    if (c->too_large)
        return;
    c->body = plmr_take_more(c->body, c->n_body + n);
    memcpy(c->body + c->n_body, bytes, n);
    c->n_body += n;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *bytes, size_t *n_bytes, void **state)
{
    struct client *c = *state;
    (void)version;
    if (!c) {
        *state = c = plmr_take_zeroed(1, sizeof *c);
        c->endpoint = context;
        c->connection = connection;
        return MHD_YES;
    }
    if (*n_bytes) {
        take_body(c, bytes, *n_bytes);
        *n_bytes = 0;
        return MHD_YES;
    }
    return route(connection, url, method, c);
}

static void end(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    struct client *c = *state;
    (void)context, (void)connection, (void)code;
    if (!c)
        return;
    if (c->job)
        plmr_endpoint_release(c->endpoint, c->job);
    free(c->body);
    free(c->line);
    free(c);
}

/* ---- starting ---- */

static plmr_status read_address(const char *text, bool allow_remote, struct sockaddr_in *address)
{
    char host[64];
    const char *at = text + strspn(text, "0123456789.");
    int64_t port;
    snprintf(host, sizeof host, "%.*s", (int)(at - text), text);
    bool is_one = plmr_scan_text(&at, ":") && plmr_scan_whole(&at, UINT16_MAX, &port) && !*at;
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    PLMR_CHECK(is_one && inet_pton(AF_INET, host, &address->sin_addr) == 1, PLMR_ERROR_INPUT,
               "--http: '%.60s' is not ADDRESS:PORT, e.g. 127.0.0.1:8080", text);
    address->sin_port = htons((uint16_t)port);
    PLMR_CHECK(
        allow_remote || ntohl(address->sin_addr.s_addr) >> 24 == 127, PLMR_ERROR_INPUT,
        "--http: %s can be reached from other machines, and anybody there could ask: add --allow-remote if that is "
        "meant",
        host);
    return PLMR_OK;
}

plmr_status plmr_http_start(const char *text, bool allow_remote, plmr_endpoint *endpoint, plmr_http **out, int *port)
{
    struct sockaddr_in address;
    PLMR_TRY(read_address(text, allow_remote, &address));
    plmr_http *http = plmr_take_zeroed(1, sizeof *http);
    http->endpoint = endpoint;
    http->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL, NULL, handle, endpoint,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)PLMR_HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_END);
    if (!http->daemon) {
        free(http);
        return plmr_error_make(PLMR_ERROR_SYSTEM, "--http: cannot listen at %s: is the port taken?", text);
    }
    *port = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    *out = http;
    return PLMR_OK;
}

static bool has_clients(plmr_endpoint *e)
{
    bool has = false;
    pthread_mutex_lock(&e->mutex);
    for (int i = 0; i < PLMR_MOST_CLIENTS; i++)
        has = has || (e->jobs[i].state != PLMR_CLIENT_FREE && !e->jobs[i].released);
    pthread_mutex_unlock(&e->mutex);
    return has;
}

/* Who still waits for an answer is told that there is none, for up to a second. */
void plmr_http_stop(plmr_http *http)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    if (!http)
        return;
    for (int i = 0; i < 100 && has_clients(http->endpoint); i++)
        nanosleep(&pause, NULL);
    MHD_stop_daemon(http->daemon);
    free(http);
}
