/* expert_place.h - where decode has the experts of its layers: one const struct a placement, one file each.
 *
 * Prefill has them sliced, whatever decode does. In decode n neighbouring regions (--expert-regions) share the experts of
 * their layers: they lie in n parts, part p of a layer's in region (p + layer) mod n of them, sliced over all of its
 * cores. Where n is 2, with 4 experts of which 0 is hot:
 *
 *     sliced       every layer's 0 1 2 3 where the layer is: one part
 *     regions      parts 0 2 | 1 3
 *     replicated   parts 0 1 3 | 0 2: tokens of 0 take turns
 *
 * A token's vector goes from its layer's region to those that have its experts and what they add up comes back, to be
 * added up in the order of parts. So values are those of sliced experts but for the order of sums.
 */
#pragma once

#include "base/registry.h"
#include "infer/load.h"

typedef struct plmr_expert_place {
    const char *name, *summary;
    bool is_shared; /* by neighbouring regions; else n is 1 */
    /* How often an expert is there: once, or in every part. `rank`: 0 is the hottest of the layer's, ... */
    bool (*is_everywhere)(int n_hot, int rank);
} plmr_expert_place;

PLMR_REGISTRY(expert_place, plmr_expert_place)

/* What a user asks for. */
typedef struct plmr_expert_setup {
    const void *place; /* plmr_expert_place; NULL: sliced */
    int n_regions;     /* that share experts, at most as many as there are experts; 0: 1 */
    int n_hot;         /* of a layer, if they are replicated */
} plmr_expert_setup;

const char *plmr_expert_place_name(const plmr_expert_setup *setup);

/* n. */
int plmr_expert_parts(const plmr_expert_setup *setup, const plmr_model_shape *shape);

/* The part that has an expert for token number `token` of a batch. */
int plmr_expert_part(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer, int expert,
                     int64_t token);

/* Of n_tokens of an expert, those that a part gets. */
int64_t plmr_expert_part_tokens(const plmr_expert_setup *setup, const plmr_expert_load *load, int n_parts, int layer,
                                int expert, int part, int64_t n_tokens);

/* Experts that a region has room for, for each layer that lies in it, those that are not hot being dealt evenly. */
int64_t plmr_expert_room(const plmr_expert_setup *setup, const plmr_model_shape *shape);
