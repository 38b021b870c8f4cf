#include "infer/shelf.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ranks/board.h"

enum { ROOMS = 3 };

struct plmr_shelf {
    const plmr_ranks *ranks;
    plmr_board *board;
    int room; /* of the block at hand */
};

static const char *board_of(const plmr_shelf *s, int place)
{
    int n_cols = plmr_ranks_extent(s->ranks, PLMR_X);
    return plmr_board_of(s->board, place * n_cols + plmr_ranks_place(s->ranks, PLMR_X));
}

plmr_shelf *plmr_shelf_create(plmr_ranks *ranks)
{
    int n_places = plmr_ranks_extent(ranks, PLMR_Y);
    plmr_shelf *s = plmr_take(sizeof *s);
    *s = (plmr_shelf){ranks, n_places > 1 ? plmr_board_create(ranks, ROOMS * PLMR_SHELF_BYTES) : NULL, 0};
    double n_reached = 0;
    for (int place = 0; place < n_places && s->board; place++)
        n_reached += board_of(s, place) != NULL;
    plmr_ranks_max(ranks, &n_reached, 1);
    if (n_reached > 1)
        return s;
    plmr_shelf_destroy(s);
    return NULL;
}

void plmr_shelf_destroy(plmr_shelf *s)
{
    if (s)
        plmr_board_destroy(s->board);
    free(s);
}

bool plmr_shelf_reaches(const plmr_shelf *s, int place)
{
    return board_of(s, place) != NULL;
}

char *plmr_shelf_next(plmr_shelf *s)
{
    s->room = (s->room + 1) % ROOMS;
    return plmr_board_mine(s->board) + (size_t)s->room * PLMR_SHELF_BYTES;
}

const char *plmr_shelf_of(const plmr_shelf *s, int place)
{
    return board_of(s, place) + (size_t)s->room * PLMR_SHELF_BYTES;
}
