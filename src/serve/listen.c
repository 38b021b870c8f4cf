#include <stdio.h>
#include <string.h>

#include "base/format.h"
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
        printf("served %s, %s made, in %s of virtual time\n", plmr_format_counted(e->n_done, "request").s,
               plmr_format_counted(e->n_made, "token").s,
               plmr_format_quantity(sums.t_end / e->run->session.device.clock, "s").s);
    return status;
}
