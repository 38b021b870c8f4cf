/* http.h - the endpoint's server, on rank 0: OpenAI's /v1/completions, /v1/chat/completions and /v1/models, and a page at / that
 * shows the wafer live. A thread for each connection, of which there are at most PLMR_HTTP_CONNECTIONS.
 */
#pragma once

#include "serve/endpoint.h"

enum { PLMR_HTTP_CONNECTIONS = 128, PLMR_HTTP_BODY = 1 << 20 };

typedef struct plmr_http plmr_http;

/* "127.0.0.1:8080", port 0 being any that is free; an address that is not this machine's own is refused unless allowed.
 * *port: where it listens. */
plmr_status plmr_http_start(const char *address, bool allow_remote, plmr_endpoint *endpoint, plmr_http **http,
                            int *port);

/* Listens, says on standard output where, and serves until SIGINT or SIGTERM. Collective. */
plmr_status plmr_listen(const char *address, bool allow_remote, plmr_endpoint *endpoint,
                        const plmr_machine_setup *setup);

/* Lets answers under way end, once the endpoint has stopped. NULL is allowed. */
void plmr_http_stop(plmr_http *http);
