/* find_rate.h - how many requests a second can be served well. */
#pragma once

#include "serve/arrivals.h"
#include "serve/serve.h"

/* The most requests a second, to within 1 %, of which 99 in 100 meet the plan's SLO: n requests as `arrivals` has them, but
 * for its rate and n, made anew for each rate; the outcome is that of the best. An SLO that one request at a time misses
 * is PLMR_ERROR_LIMIT. Collective. */
plmr_status plmr_serve_find_rate(plmr_serve_place *place, const plmr_serve_plan *plan, const plmr_arrivals *arrivals,
                                 plmr_request *requests, int64_t n, plmr_serve_outcome *outcome);
