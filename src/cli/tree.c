#include "cli/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/options.h"

plmr_status plmr_parse_tree_k(const char *option, const char *text, plmr_reduce_options *reduce)
{
    int64_t levels;
    PLMR_TRY(plmr_parse_count(option, text, PLMR_TREE_LEVELS, &levels));
    reduce->n_levels = (int)levels;
    return PLMR_OK;
}

static plmr_status parse_each(char *list, plmr_reduce_options *reduce)
{
    for (char *word; (word = strsep(&list, ","));) {
        int64_t groups;
        PLMR_CHECK(reduce->n_group_levels < PLMR_TREE_LEVELS - 1, PLMR_ERROR_INPUT,
                   "--groups: at most %d levels have groups", PLMR_TREE_LEVELS - 1);
        PLMR_TRY(plmr_parse_count("--groups", word, 1 << 20, &groups));
        reduce->n_groups[reduce->n_group_levels++] = (int)groups;
    }
    return PLMR_OK;
}

plmr_status plmr_parse_groups(const char *text, plmr_reduce_options *reduce)
{
    reduce->n_group_levels = 0;
    if (strcmp(text, "auto") == 0)
        return PLMR_OK;
    char *list = plmr_take_copy(text);
    plmr_status status = parse_each(list, reduce);
    free(list);
    return status;
}

static plmr_status read_groups(const plmr_option *option, const char *text, void *reduce)
{
    (void)option;
    return plmr_parse_groups(text, reduce);
}

const plmr_option plmr_tree_table[] = {
    {"tree-k", "K", PLMR_TITLE_ALLREDUCES, "Levels of a K-tree",
     PLMR_COUNT(plmr_reduce_options, n_levels, PLMR_TREE_LEVELS), .value = "2"},
    {"groups", "auto|G,...", PLMR_TITLE_ALLREDUCES, "Groups of cores at each level but the last",
     PLMR_READ_ALL(read_groups), .value = "auto"},
    {0},
};
