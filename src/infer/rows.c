#include "infer/rows.h"

/* Of its tokens a rank lets the oldest go, and takes new ones behind: with some room to spare they need not be moved to
 * the front each time. */
enum { SPARE = 64 };

plmr_span plmr_rows_span(const plmr_engine *engine, int64_t n_tokens, int place)
{
    int first, count;
    plmr_region_share(engine->decode->region, PLMR_Y, place, &first, &count);
    return (plmr_span){plmr_rows_first(engine, n_tokens, first), plmr_rows_first(engine, n_tokens, first + count)};
}

plmr_span plmr_rows_here(const plmr_engine *engine, int64_t n_tokens)
{
    return plmr_rows_span(engine, n_tokens, plmr_ranks_place(engine->ranks, PLMR_Y));
}

int64_t plmr_rows_room(const plmr_engine *engine)
{
    const plmr_region *region = engine->decode->region;
    int64_t n = engine->setup.n_tokens, share = n * region->count[PLMR_Y] / engine->decode->rows + 1;
    bool is_last = region->first[PLMR_Y] + region->count[PLMR_Y] == engine->decode->rows;
    int64_t spare = share / 4 > SPARE ? share / 4 : SPARE, room = engine->setup.concat && is_last ? n : share + spare;
    return room < n ? room : n;
}
