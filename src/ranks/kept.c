/* Grids of all ranks are kept when they are done with, for the next ones alike, and so is where ranks run: to find that out and
 * to make communicators is some ten agreements of all ranks, and in each of them those that come first spin. */
#include "ranks/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/launcher.h"

enum { MOST_KEPT = 4 };

static plmr_ranks *kept[MOST_KEPT]; /* NULL: room for one */
static int n_put;
static plmr_neighbourhood *where_kept;
static int n_here_kept;

static bool keeps(void)
{
    return plmr_world() == plmr_job() && plmr_rank_count() > 1 && plmr_ranks_are_processes();
}

int plmr_kept_where(plmr_neighbourhood *where)
{
    if (!keeps() || !where_kept)
        return 0;
    memcpy(where, where_kept, (size_t)plmr_rank_count() * sizeof *where);
    return n_here_kept;
}

void plmr_keep_where(const plmr_neighbourhood *where, int n_here)
{
    if (!keeps())
        return;
    size_t n_bytes = (size_t)plmr_rank_count() * sizeof *where;
    where_kept = plmr_take(n_bytes);
    memcpy(where_kept, where, n_bytes);
    n_here_kept = n_here;
}

static bool is_such(const plmr_ranks *ranks, const plmr_rank_grid *grid, const int *place)
{
    bool is = ranks->extent[PLMR_Y] == grid->rank_rows && ranks->extent[PLMR_X] == grid->rank_cols;
    for (int rank = 0; is && rank < plmr_rank_count(); rank++)
        is = ranks->numbers[place[rank]] == rank;
    return is;
}

plmr_ranks *plmr_kept_take(const plmr_rank_grid *grid, const int *place)
{
    for (int i = 0; i < MOST_KEPT && keeps(); i++)
        if (kept[i] && is_such(kept[i], grid, place)) {
            plmr_ranks *ranks = kept[i];
            kept[i] = NULL;
            return ranks;
        }
    return NULL;
}

bool plmr_keep(plmr_ranks *ranks)
{
    if (!keeps() || ranks->extent[PLMR_X] * ranks->extent[PLMR_Y] < plmr_rank_count())
        return false;
    int i = 0;
    while (i < MOST_KEPT && kept[i])
        i++;
    if (i == MOST_KEPT) {
        i = n_put++ % MOST_KEPT;
        plmr_ranks_free(kept[i]);
    }
    kept[i] = ranks;
    memset(&ranks->times, 0, sizeof ranks->times);
    ranks->account = NULL;
    return true;
}

void plmr_kept_free(void)
{
    for (int i = 0; i < MOST_KEPT; i++) {
        plmr_ranks_free(kept[i]);
        kept[i] = NULL;
    }
    free(where_kept);
    where_kept = NULL;
}
