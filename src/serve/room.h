/* room.h - the room that a replica's key-value cache has for tokens, in tokens of the fullest row of cores, and the
 * prefixes that lie in it: the beginnings that several prompts have in common. A prefix is read once, by whoever comes
 * first, and stays when its users are gone, until its room is needed; what was used last stays longest. Of wafers that share
 * experts each has a copy. Local.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct plmr_prefix {
    int64_t n_read; /* tokens that are in the cache, or on their way through the regions */
    int64_t rows;   /* of the room */
    int64_t n_users;
    double t_used; /* when the last user left */
} plmr_prefix;

typedef struct plmr_serve_room {
    int64_t most, used, peak;
    plmr_prefix *prefixes;
    int64_t n_prefixes;
    int64_t *kv_tokens; /* the owner's count, from which prefixes that go are taken */
} plmr_serve_room;

/* Takes so many rows, if they and `spare` more are free once prefixes without users have gone. */
bool plmr_serve_room_take(plmr_serve_room *room, int64_t rows, int64_t spare);
void plmr_serve_room_give(plmr_serve_room *room, int64_t rows);
