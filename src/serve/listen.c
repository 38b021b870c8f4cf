#include <stdio.h>
#include <string.h>

#include "base/interrupt.h"
#include "plmr/ranks.h"
#include "serve/http.h"

plmr_status plmr_listen(const char *address, bool allow_remote, plmr_endpoint *e, const plmr_machine_setup *setup)
{
    plmr_machine_sums sums = {0};
    plmr_http *http = NULL;
    int port = 0;
    plmr_interrupts_watch(0);
    e->stop = &plmr_interrupted;
    PLMR_TRY(plmr_agree(plmr_rank() ? PLMR_OK : plmr_http_start(address, allow_remote, e, &http, &port)));
    if (plmr_rank() == 0) {
        printf("serving %s at http://%.*s:%d/, requests of at most %lld tokens; Ctrl-C ends\n", e->run->shape->name,
               (int)strcspn(address, ":"), address, port, (long long)e->longest);
        fflush(stdout);
    }
    plmr_status status = plmr_endpoint_serve(e, setup, &sums);
    plmr_http_stop(http);
    if (plmr_rank() == 0)
        printf("served %lld %s in %.3f s of virtual time\n", (long long)e->n_done,
               e->n_done == 1 ? "request" : "requests", sums.t_end / e->run->session.device.clock);
    return status;
}
