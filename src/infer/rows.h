/* rows.h - which row of cores holds which tokens of the key-value cache, in decode. */
#pragma once

#include "infer/engine.h"

/* The first of n_tokens that row `row` of cores holds; n_tokens for the row after the last. Shift: all rows hold the
 * same within one token, oldest first, for whenever a row would hold more its oldest moves one row up. Concat: what the
 * prefill left is dealt so, and every token since is on the last row. */
static inline int64_t plmr_rows_first(const plmr_engine *engine, const plmr_grid *grid, int64_t n_tokens, int row)
{
    if (row == grid->rows)
        return n_tokens;
    return (engine->setup.concat ? engine->n_prefilled : n_tokens) * row / grid->rows;
}
