/* policy.h - who goes first: one const struct a policy, one file each.
 *
 * A pass is either a token of several requests or a chunk of one prompt: on a wafer weights stay where they are, so that
 * a chunk would gain nothing by sharing a pass. A policy says which of two waiting prompts is first, and of which kind
 * the next pass is where both could be.
 */
#pragma once

#include <math.h>

#include "base/registry.h"
#include "serve/request.h"

/* How things stand when a pass can start. Times in cycles. */
typedef struct plmr_serve_view {
    double now;
    const plmr_request *prompt; /* the first of the prompts that are admitted */
    double t_chunk;             /* what its next chunk takes, through all stages */
    const plmr_request *ready;  /* of the requests that could have a token the one that has waited longest for it; NULL:
                                   all of them are in passes */
    double t_burst, t_through;  /* since when and until when there is, or last was, a chunk in the regions; -INFINITY */
} plmr_serve_view;

typedef struct plmr_serve_policy {
    const char *name, *summary;
    bool needs_slo;
    /* The less, the sooner; of equals the one that came first. */
    double (*rank)(const plmr_request *request, const plmr_slo *slo);
    /* From when on the next pass may be a chunk, though there are requests that make tokens, as far as can be said now. */
    double (*prompt_from)(const plmr_serve_view *view, const plmr_slo *slo);
} plmr_serve_policy;

/* What decode-first says. Passes do not overtake: behind a chunk a token takes as long as the chunk does, through all
 * regions, and behind many hardly longer. So prompts go together: all that have come by the time that the first chunk is
 * through. Then tokens have the regions to themselves for a quarter of the time that this took. */
double plmr_serve_prompt_turn(const plmr_serve_view *view);

PLMR_REGISTRY(serve_policy, plmr_serve_policy)
