/* policy.h - who goes first: one const struct a policy, one file each.
 *
 * A pass is either a token of several requests or a chunk of one prompt: on a wafer weights stay where they are, so that
 * a chunk would gain nothing by sharing a pass. A policy says which of two waiting prompts is first, and of which kind
 * the next pass is where both could be.
 */
#pragma once

#include "base/registry.h"
#include "serve/request.h"

/* How things stand when a pass can start. Times in cycles. */
typedef struct plmr_serve_view {
    double now;
    const plmr_request *prompt; /* the first of the prompts that are admitted */
    double t_chunk;             /* what its next chunk takes, through all stages */
    const plmr_request *ready;  /* of the requests that could have a token the one that has waited longest for it */
    double t_last_chunk;        /* when the last chunk began; -INFINITY: there was none */
} plmr_serve_view;

typedef struct plmr_serve_policy {
    const char *name, *summary;
    bool needs_slo;
    /* The less, the sooner; of equals the one that came first. */
    double (*rank)(const plmr_request *request, const plmr_slo *slo);
    /* Whether the next pass is a chunk, where it could be tokens. */
    bool (*prompt_first)(const plmr_serve_view *view, const plmr_slo *slo);
} plmr_serve_policy;

PLMR_REGISTRY(serve_policy, plmr_serve_policy)
