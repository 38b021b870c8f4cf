/* expert_place.h - where a phase has the experts of its layers: one const struct a placement, one file each.
 *
 * They lie in n parts: regions that share the experts of their layers (part p of a layer's in region (p + layer) mod n,
 * sliced over all of its cores), or blocks of cores of the layer's own region, each expert sliced over one block. Where n
 * is 2, with 4 experts of which 0 is hot:
 *
 *     sliced       every layer's 0 1 2 3 where the layer is, over all cores: one part
 *     blocks       parts 0 2 | 1 3, halves of the layer's region
 *     regions      parts 0 2 | 1 3, regions
 *     replicated   parts 0 1 3 | 0 2, regions: tokens of 0 take turns
 *     wafers       parts 0 2 | 1 3, the regions of the layer on two wafers
 *
 * A token's vector goes to the parts that have its experts and what they add up comes back. In decode values are added up
 * region by region, in the order of parts; in prefill regions have the values of sliced experts. Blocks' are in blocks.h.
 * Wafers have the values of sliced experts in both, though wafers' sums would be in another order.
 *
 * On wafers all but experts is on each of them, and requests are dealt to them: so all work on a layer at the same time,
 * each for its own requests, and wait for each other's tokens. Of n wafers, of which b have a request, a token of
 * wafer h goes once to every other wafer p that has an expert of its, over h's link. What takes longest of all that goes
 * out of a wafer or comes into one, elements * bytes / rate, and the latency, is waited for, there and back.
 */
#pragma once

#include "base/registry.h"
#include "infer/load.h"

enum plmr_expert_spread { PLMR_EXPERTS_WHOLE, PLMR_EXPERTS_IN_REGIONS, PLMR_EXPERTS_IN_BLOCKS, PLMR_EXPERTS_ON_WAFERS };

typedef struct plmr_expert_place {
    const char *name, *summary;
    enum plmr_expert_spread spread; /* what parts are; PLMR_EXPERTS_WHOLE: there is one */
    bool repeats_hot;               /* every part has the n_hot hottest experts of a layer */
} plmr_expert_place;

PLMR_REGISTRY(expert_place, plmr_expert_place)

extern const plmr_expert_place plmr_expert_place_wafers; /* which searches choose */

/* What a user asks for. */
typedef struct plmr_expert_setup {
    const void *place; /* plmr_expert_place; NULL: sliced */
    int n_parts;       /* at most as many as there are experts; 0: 4 regions, 2 wafers, or a block for each expert */
    int n_hot;         /* of a layer, if they are replicated */
} plmr_expert_setup;

const char *plmr_expert_place_name(const plmr_expert_setup *setup);

enum plmr_expert_spread plmr_expert_spread_of(const plmr_expert_setup *setup);

/* n. Of them, those that are regions, and those that are wafers: 1, if parts are something else. */
int plmr_expert_parts(const plmr_expert_setup *setup, const plmr_model_shape *shape);
int plmr_expert_regions(const plmr_expert_setup *setup, const plmr_model_shape *shape);
int plmr_expert_wafers(const plmr_expert_setup *setup, const plmr_model_shape *shape);

/* Blocks of a region: so many down and across it, each rows x cols; cores beyond them have no experts. Part p is the block
 * p / across down and p % across across. */
typedef struct plmr_expert_blocks {
    int n; /* that have a part: the first ones */
    int down, across, rows, cols;
} plmr_expert_blocks;

/* n_parts of them, or as many as there is room for; each has 3x3 cores at least, and those of a square region that is
 * for prefill are square. Of all ways the one with the least of an expert in a core. */
plmr_expert_blocks plmr_expert_blocks_of(const plmr_model_shape *shape, int n_parts, int rows, int cols, bool square);

/* The part that has an expert for token number `token` of a batch. */
int plmr_expert_part(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer, int expert,
                     int64_t token);

/* Of n_tokens of an expert, those that a part gets. */
int64_t plmr_expert_part_tokens(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer,
                                int expert, int part, int64_t n_tokens);

/* Experts that a core has a slice of, for each layer that lies in its region, of n_parts parts: those that are not hot are
 * dealt evenly. */
int64_t plmr_expert_room(const plmr_expert_setup *setup, const plmr_model_shape *shape, int n_parts);
