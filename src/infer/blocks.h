/* blocks.h - values where experts have a block of cores each (expert_place.h).
 *
 * All blocks are alike, so one grid, of a block's size, stands for every one of them: each is dealt to all ranks as a region
 * is, whichever ranks have those cores of the region. That changes no sum, whose order is the block's.
 *
 * In decode, what a block's cores give goes into the sums of the region's rows. There ranks have the columns that they have of
 * blocks: of 7 columns with two blocks of 3, on 2 ranks of which the first has two columns of a block, it has 0 1 3 4, the
 * second 2 and 5; nothing comes from 6.
 */
#pragma once

#include "infer/grid.h"

typedef struct plmr_blocks {
    plmr_expert_blocks cut;
    plmr_grid *grid;     /* a block; NULL: experts have the whole region */
    plmr_region *region; /* decode: the phase's, with columns dealt so; its clocks are not asked for */
    plmr_tree *tree;     /* of its rows, with room for a value more */
} plmr_blocks;

/* Those of a phase that runs on `home`; none, if its experts are not in blocks. Collective. */
plmr_status plmr_blocks_create(const plmr_grid *home, const plmr_device *device, const plmr_model_shape *shape,
                               const plmr_expert_setup *setup, enum plmr_llm_phase phase, plmr_blocks *blocks);
void plmr_blocks_free(plmr_blocks *blocks);

/* The in elements' chunk that column `col` of the region has of experts of a part; -1: they are elsewhere. */
int plmr_blocks_chunk(const plmr_blocks *blocks, int col, int part);
