/* tree.h - the options of reduction trees, for gemv, allreduce and llm. */
#ifndef PLMR_TREE_H
#define PLMR_TREE_H

#include "verbs/reduce.h"

/* "2": levels, for --tree-k or another option. */
plmr_status plmr_parse_tree_k(const char *option, const char *text, plmr_reduce_options *reduce);

/* "auto", or the groups of the first level, the second, ...: "24", "40,5". */
plmr_status plmr_parse_groups(const char *text, plmr_reduce_options *reduce);

/* Entries for a command's table of options. */
#define PLMR_TREE_OPTIONS(key_tree_k, key_groups, group)                                                               \
    {"tree-k", key_tree_k, "K", 0, "Levels of a K-tree (default 2)", group},                                           \
    {                                                                                                                  \
        "groups", key_groups, "auto|G,...", 0, "Groups of cores at each level but the last (default auto)", group      \
    }

#endif
