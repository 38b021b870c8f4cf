#include "serve/room.h"

#include <stddef.h>

/* The one without users that was used longest ago; NULL: there is none. */
static plmr_prefix *find_oldest(const plmr_serve_room *room)
{
    plmr_prefix *oldest = NULL;
    for (int64_t i = 0; i < room->n_prefixes; i++) {
        plmr_prefix *p = &room->prefixes[i];
        if (p->rows && !p->n_users && (!oldest || p->t_used < oldest->t_used))
            oldest = p;
    }
    return oldest;
}

bool plmr_serve_room_take(plmr_serve_room *room, int64_t rows, int64_t spare)
{
    plmr_prefix *oldest;
    while (room->used + rows + spare > room->most && (oldest = find_oldest(room))) {
        room->used -= oldest->rows;
        *room->kv_tokens -= oldest->n_read;
        oldest->rows = oldest->n_read = 0;
    }
    if (room->used + rows + spare > room->most)
        return false;
    room->used += rows;
    room->peak = room->used > room->peak ? room->used : room->peak;
    return true;
}

void plmr_serve_room_give(plmr_serve_room *room, int64_t rows)
{
    room->used -= rows;
}
