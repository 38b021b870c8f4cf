/* regroup.h - queries, keys and values between the columns of cores that make them and the rank that works on a head.
 *
 * All columns of cores of a key-value head are worked on by one rank of a row of ranks, its owner, even where a boundary
 * between ranks runs through them; every row of ranks for itself. "By columns": rows x this rank's part of the dealt
 * dimension. "By heads": for each key-value head of which this rank is the owner, rows x (span * width) with width elements of
 * every core, in the order of its cores.
 *
 * For example 2 key-value heads on 6 columns of cores, 3 to a head, dealt to 2 ranks as columns 0-1 and 2-5; the rank
 * of a head's middle core owns it. Rank 0 owns head 0: to heads it keeps what columns 0 and 1 hold as the first and
 * second third of each row of head[0], and gets column 2 from rank 1 as the last third. Rank 1 owns head 1 and has all
 * of it: columns 3, 4, 5 become the thirds of head[1]; its head[0] is not looked at. Back, the same the other way
 * round.
 */
#pragma once

#include "infer/grid.h"

typedef struct plmr_regroup {
    const plmr_grid *grid;
    const plmr_deal *deal; /* queries or keys */
    const int *owner;      /* place along x of each key-value head's owner */
    int64_t n_rows;
    float *columns; /* ld elements from row to row */
    size_t ld;
    float *const *head; /* by key-value head; what this rank does not own is not looked at */
} plmr_regroup;

/* Several of one grid at once, from columns to heads, or back: their messages travel together. Collective. */
void plmr_regroup_run(const plmr_regroup *regroups, int n, bool to_heads);
