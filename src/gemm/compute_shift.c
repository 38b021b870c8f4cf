#include "gemm/gemm.h"

/* The ring decides how far a tile travels in a step: two hops, or all the way round. */
plmr_status plmr_gemm_compute_shift(plmr_gemm *g)
{
    PLMR_TRY(plmr_align(g->a)); /* row slot x by x steps, the short way round; B comes aligned */
    for (int step = 0; step < g->layout.n_slots; step++) {
        PLMR_TRY(plmr_shift_begin(g->a));
        PLMR_TRY(plmr_shift_begin(g->b));
        plmr_multiply_add(g->c);
        plmr_shift_end(g->a);
        plmr_shift_end(g->b);
    }
    return PLMR_OK;
}
