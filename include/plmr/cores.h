/* plmr/cores.h - cores that differ: each computes for as long as its own work takes.
 *
 * Nothing waits for the slowest core but what needs something from it: a message's receiver, a line that multicasts or
 * adds up. So wavefronts and pipelines come out as they are. A core that has nothing to do in a step says 0 cycles:
 *
 *     static double row_cycles(void *context, int row, int col)  // a sparse matrix: as many as the core's row has
 *     {
 *         const struct matrix *m = context;
 *         return 2 + 3 * m->n_elements[row * m->cols + col];
 *     }
 *     PLMR_TRY(plmr_compute_each(region, row_cycles, multiply, &matrix));
 */
#ifndef PLMR_CORES_H
#define PLMR_CORES_H

#include "plmr/region.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The cycles of core (row, col), 0 or more; at most 2^47 in all, each step by its slowest core. Asked once a call for every
 * core of this rank, with values and without: in timing mode it may not look at tiles. */
typedef double (*plmr_cycles)(void *context, int row, int col);

/* Every core computes for its own number of cycles; in compute mode `work`, if it is not NULL, is then called for each
 * core of this rank. What is under way meanwhile goes on, as beside plmr_compute; what is begun before and ended after a
 * plmr_compute that follows is waited for before that. compute_cycles are those of the core that was busiest in all
 * steps together. Collective.
 */
plmr_status plmr_compute_each(plmr_region *region, plmr_cycles t_cycles, void (*work)(void *context, int row, int col),
                              void *context);

/* The same with the cycles of this rank's cores in an array, row by row, as plmr_region_block says which these are; what
 * they compute is the caller's to do. Collective. */
plmr_status plmr_compute_listed(plmr_region *region, const double *t_cycles);

#ifdef __cplusplus
}
#endif
#endif
