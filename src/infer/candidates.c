#include "infer/candidates.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

struct candidate {
    float logit;
    int32_t id; /* -1: there is none */
};

static bool before(struct candidate a, struct candidate b)
{
    float x = isnan(a.logit) ? INFINITY : a.logit, y = isnan(b.logit) ? INFINITY : b.logit;
    return b.id < 0 || x > y || (x == y && a.id < b.id);
}

/* This rank's, the largest first. Few of many, so most are no larger than the last. */
static void find(const plmr_grid *grid, int n, const float *columns, struct candidate *found)
{
    plmr_part part = plmr_part_here(&grid->vocab, grid->x);
    int64_t n_columns = plmr_part_places(&part, &grid->vocab);
    int32_t *id = plmr_take((size_t)n_columns * sizeof *id + 1);
    plmr_part_elements(&part, &grid->vocab, id);
    for (int i = 0; i < n; i++)
        found[i].id = -1;
    for (int64_t i = 0; i < n_columns; i++) {
        struct candidate new = {columns[i], id[i]};
        int at = n;
        for (; id[i] >= 0 && at > 0 && before(new, found[at - 1]); at--)
            if (at < n)
                found[at] = found[at - 1];
        if (at < n)
            found[at] = new;
    }
    free(id);
}

/* To the first rank of a row of them. */
static void gather(plmr_ranks *ranks, int n, struct candidate *found)
{
    int me = plmr_ranks_place(ranks, PLMR_X), n_places = plmr_ranks_extent(ranks, PLMR_X);
    size_t n_bytes = (size_t)n * sizeof *found;
    plmr_exchange *messages = plmr_exchange_create(ranks, "a gather of likely tokens");
    for (int place = 1; place < n_places && me == 0; place++)
        plmr_exchange_receive(messages, PLMR_X, place, found + (size_t)place * (size_t)n, n_bytes);
    if (me > 0)
        plmr_exchange_send(messages, PLMR_X, 0, found, n_bytes);
    plmr_exchange_wait(messages);
    plmr_exchange_destroy(messages);
}

void plmr_candidates_bring(const plmr_grid *grid, int n, const float *columns, float *logits)
{
    size_t n_all = (size_t)n * (size_t)plmr_ranks_extent(grid->ranks, PLMR_X);
    if (plmr_ranks_place(grid->ranks, PLMR_Y) > 0) /* alike with the first row */
        return;
    struct candidate *found = plmr_take(n_all * sizeof *found);
    find(grid, n, columns, found);
    gather(grid->ranks, n, found);
    for (int64_t i = 0; i < grid->vocab.n && logits; i++)
        logits[i] = -INFINITY;
    for (size_t i = 0; i < n_all && logits; i++)
        if (found[i].id >= 0)
            logits[found[i].id] = found[i].logit;
    free(found);
}
