/* grid.h - a region of cores that a model's layers run on, and how the model's dimensions are dealt to it. */
#pragma once

#include "data/tree.h"
#include "infer/deal.h"
#include "infer/setup.h"
#include "verbs/reduce.h"

typedef struct plmr_grid {
    plmr_ranks *ranks;
    bool owns_ranks; /* they are a part of those that there are: see PLMR_FOR_TIME */
    plmr_region *region;
    int rows, cols;
    int strip_rows; /* of activations that lie as products read them: of one of their tiles, if all ranks have the same */
    plmr_ring *x, *y, *line_y; /* interleaved rings; and the rows in their order */
    plmr_heads heads;
    plmr_deal dim, queries, keys, ffn, vocab; /* dim is dealt along y; the others, and dim_x, along x */
    plmr_deal dim_x, expert_ffn, shared_ffn;
    plmr_deal experts, one;            /* not dealt: all cores of a line have all */
    plmr_reduce_plan *plan_x, *plan_y; /* of a whole row or column of cores */
    plmr_reduce_plan *plan_head;       /* of the cores of one head, */
    plmr_reduce_plan *plan_heads;      /* and of all heads of a row at once */
    plmr_tree *tree_x, *tree_y, *tree_head;
    plmr_order order_y, order_queries, order_ffn, order_expert_ffn,
        order_shared_ffn; /* of chunks, as trees meet them */
} plmr_grid;

/* What a grid is for: costs, and then more ranks than there are cores for are cut into equal grids, which all do the same; or
 * values, of a prompt, of tokens, or of a token's experts alone, and then ranks need not have
 * blocks of cores that are alike: with chunks of the model's dimensions on some of the cores alone, they have as many of these
 * as others.
 *
 * For example 3 ranks and 12 cores, of which the ring's positions 0 to 3 have chunks of queries and 0 to 9 of the FFN. Blocks of
 * cores have the positions (0 11 1 10) (2 9 3 8) (4 7 5 6), 2, 4 and 4 of the FFN's; for tokens, whose sums go from core to core,
 * (0 11 1 10 2) (9 3 8) (4 7 5 6), 3, 3 and 4; and for a prompt (0 8 9 10 11) (1 6 7) (2 3 4 5), which evens out queries, too. */
enum plmr_grid_use { PLMR_FOR_TIME, PLMR_FOR_PROMPT, PLMR_FOR_TOKENS, PLMR_FOR_EXPERTS };

/* Makes a region of rows x cols cores, whose time runs apart from any values. Allreduces are K-trees of `tree`'s levels
 * (0: two); groups that it gives are those of a whole row or column, and of a head that has the row to itself: other
 * heads' are chosen by the model. Collective. */
plmr_status plmr_grid_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape, int rows,
                             int cols, const plmr_reduce_options *tree, const plmr_region_options *options,
                             enum plmr_grid_use use, plmr_grid **grid);
void plmr_grid_destroy(plmr_grid *grid);

/* How a dimension is dealt in a phase: along x, but in decode PLMR_MODEL_DIM along y; PLMR_EXPERTS and PLMR_ONE are one
 * chunk that all have. */
const plmr_deal *plmr_grid_deal(const plmr_grid *grid, enum plmr_dimension dimension, enum plmr_llm_phase phase);

/* Elements of a dimension that a core holds. */
int64_t plmr_grid_chunk(const plmr_grid *grid, enum plmr_dimension dimension);

/* Groups of packed elements (base/packed.h) that a chunk has a part of, at most. */
int64_t plmr_grid_groups(const plmr_grid *grid, enum plmr_dimension dimension);

/* The ring along which it is dealt; NULL: it is not. */
const plmr_ring *plmr_grid_ring(const plmr_grid *grid, enum plmr_dimension dimension, enum plmr_llm_phase phase);
