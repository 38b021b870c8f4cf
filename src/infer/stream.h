/* stream.h - the residual stream that a pass has left, where it left it. */
#pragma once

#include "infer/grid.h"

typedef struct plmr_stream {
    const plmr_grid *grid;
    enum plmr_llm_phase phase;
    plmr_deal tokens; /* or requests: a row each */
    plmr_part rows;   /* this rank's; columns are dealt as the phase has them */
    float *values;    /* NULL: there was no pass */
    size_t ld;
} plmr_stream;

void plmr_stream_free(plmr_stream *stream);

/* Rows [first, first + n) as decode deals them: this rank's part along y, ld elements from row to row. `grid`: decode's.
 * Collective. */
void plmr_stream_rows(const plmr_stream *stream, const plmr_grid *grid, int64_t first, int64_t n, float *rows,
                      size_t ld);

/* n rows of which every rank has its part along the ring, ld elements from row to row, to rank 0: n x deal->n; `whole`
 * is NULL elsewhere. Collective. */
void plmr_bring_rows(const plmr_grid *grid, const plmr_deal *deal, const plmr_ring *ring, int64_t n, float *rows,
                     size_t ld, float *whole);
