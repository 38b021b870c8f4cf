#include "serve/http.h"

plmr_status plmr_http_start(const char *address, bool allow_remote, plmr_endpoint *endpoint, plmr_http **http,
                            int *port)
{
    (void)address, (void)allow_remote, (void)endpoint, (void)http, (void)port;
    return plmr_error_make(PLMR_ERROR_INPUT, "--http: plmr was built without libmicrohttpd");
}

void plmr_http_stop(plmr_http *http)
{
    (void)http;
}
