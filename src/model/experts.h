/* experts.h - the keys of architectures whose layers have experts: how many, how many a token uses, and their sizes. */
#pragma once

#include "model/shape.h"

enum { PLMR_MOST_EXPERTS = 1024 };

/* Rows of a table of keys. Where n_expert_ffn is missing it is the FFN's. */
#define PLMR_EXPERT_KEYS                                                                                               \
    PLMR_KEY("expert_count", "experts", n_experts, INT, 0, PLMR_MOST_EXPERTS, 0),                                      \
        PLMR_KEY("expert_used_count", "experts_used", n_used, INT, 0, PLMR_MOST_EXPERTS, 0),                           \
        PLMR_KEY("expert_feed_forward_length", "expert_ffn", n_expert_ffn, INT, 1, 1 << 24, 0)
