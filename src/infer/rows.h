/* rows.h - which row of cores, and so which rank, holds which tokens of the key-value cache, in decode. */
#pragma once

#include "infer/engine.h"

/* The first of n_tokens that row `row` of cores holds; n_tokens for the row after the last. Shift: all rows hold the
 * same within one token, oldest first, for whenever a row would hold more its oldest moves one row up. Concat: what the
 * prefill left is dealt so, and every token since is on the last row. */
static inline int64_t plmr_rows_first(const plmr_engine *engine, int64_t n_tokens, int row)
{
    int rows = engine->decode->rows;
    return row == rows ? n_tokens : (engine->setup.concat ? engine->n_prefilled : n_tokens) * row / rows;
}

/* Of n_tokens those of the ranks at a place along y; and of this rank. */
plmr_span plmr_rows_span(const plmr_engine *engine, int64_t n_tokens, int place);
plmr_span plmr_rows_here(const plmr_engine *engine, int64_t n_tokens);

/* Tokens for which this rank needs room in its cache. */
int64_t plmr_rows_room(const plmr_engine *engine);
