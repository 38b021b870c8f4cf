/* find_rate.h - how many requests a second can be served well. */
#pragma once

#include "serve/arrivals.h"
#include "serve/serve.h"

/* Where the place was found, and what for. */
typedef struct plmr_serve_where {
    plmr_ranks *ranks;
    const plmr_device *device;
    const plmr_model_shape *shape;
    const plmr_llm_setup *setup;
    const plmr_serve_wish *wish;
} plmr_serve_where;

/* The most requests a second, to within 1 %, of which 99 in 100 meet the plan's SLO: n requests as `arrivals` has them, but
 * for its rate and n, made anew for each rate. The outcome is that of the best, and says if no rate that was tried is too
 * high. What a placement was chosen by does not know of the SLO: so those that would be on fewer wafers, and with less
 * SRAM, are looked at, too, and the place becomes that of the highest rate. More wafers then never make it lower, and more SRAM seldom. An SLO that one request at a time
 * misses is PLMR_ERROR_LIMIT. Collective. */
plmr_status plmr_serve_find_rate(const plmr_serve_where *where, plmr_serve_place *place, plmr_serve_plan *plan,
                                 const plmr_arrivals *arrivals, plmr_request *requests, int64_t n,
                                 plmr_serve_outcome *outcome);
