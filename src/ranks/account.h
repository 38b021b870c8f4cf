/* account.h - message accounting, in debug builds (-Dbuildtype=debug or debugoptimized): what each rank of a grid has sent and
 * received, verb by verb. When the grid goes, each message has its receive, in the same verb and with as many bytes, and each
 * request its wait, or the job ends with a line that says where not. In other builds nothing of it is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ranks/ranks.h"

typedef struct plmr_account plmr_account;

#ifdef PLMR_ACCOUNTS
/* A message to (or from) the rank with this number is posted; so many requests of a verb are through. Local. */
void plmr_account_post(plmr_account **account, const char *verb, int peer, bool sends, size_t n_bytes);
void plmr_account_done(plmr_account **account, const char *verb, int n_requests);

/* Holds all ranks' against each other, and frees this one's. Collective. */
void plmr_account_close(plmr_ranks *ranks);
#else
static inline void plmr_account_post(plmr_account **account, const char *verb, int peer, bool sends, size_t n_bytes)
{
    (void)account, (void)verb, (void)peer, (void)sends, (void)n_bytes;
}

static inline void plmr_account_done(plmr_account **account, const char *verb, int n_requests)
{
    (void)account, (void)verb, (void)n_requests;
}

static inline void plmr_account_close(plmr_ranks *ranks)
{
    (void)ranks;
}
#endif
