#include "verbs/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/hash.h"
#include "base/memory.h"
#include "device/identity.h"

/* Which of members [first, first + count) keeps their sum: the middle one; where the whole sum goes to a root, the one
 * that is nearest to that. */
static int keeper(const plmr_reduce_plan *plan, const int *member, int first, int count)
{
    int i = first;
    if (!plan->options.to_root)
        return first + count / 2;
    while (i < first + count - 1 && member[i] < plan->options.root)
        i++;
    return i;
}

/* Chains from both ends of members [first, first + count) to the one that keeps the sum, which takes the low side first.
 */
static void chain_to_keeper(plmr_reduce_plan *plan, const int *member, int first, int count, int route)
{
    int middle = keeper(plan, member, first, count);
    for (int i = first; i < middle; i++)
        plmr_reduce_plan_leg(plan, member[i], member[i + 1], route + i % 2);
    for (int i = first + count - 1; i > middle; i--)
        plmr_reduce_plan_leg(plan, member[i], member[i - 1], route + 2 + i % 2);
}

static void fan_from_middle(plmr_reduce_plan *plan, const int *member, int first, int count, int route)
{
    int middle = first + count / 2;
    for (int i = first; i < first + count; i++)
        if (i != middle)
            plmr_reduce_plan_leg(plan, member[middle], member[i], route);
}

static int group_first(int n, int n_groups, int group)
{
    return (int)((int64_t)n * group / n_groups);
}

enum { ROUTES_PER_LEVEL = 5 };

/* Level `level` of a tree over n members: chains up (and, after all higher levels, multicasts down) in each of its
 * groups. The members of the next level are the groups' middles. */
static void plan_level(plmr_reduce_plan *plan, const int *member, int n, const int *n_groups, int level, int n_levels)
{
    int groups = level + 1 < n_levels ? n_groups[level] : 1, route = ROUTES_PER_LEVEL * level;
    int *roots = plmr_take(sizeof(int) * (size_t)groups);
    plmr_reduce_plan_phase(plan, true);
    for (int g = 0; g < groups; g++) {
        int first = group_first(n, groups, g), count = group_first(n, groups, g + 1) - first;
        roots[g] = member[keeper(plan, member, first, count)];
        chain_to_keeper(plan, member, first, count, route);
    }
    if (level + 1 < n_levels)
        plan_level(plan, roots, groups, n_groups, level + 1, n_levels);
    else
        plan->root = roots[0];
    plmr_reduce_plan_phase(plan, false);
    for (int g = 0; g < groups; g++) {
        int first = group_first(n, groups, g), count = group_first(n, groups, g + 1) - first;
        fan_from_middle(plan, member, first, count, route + 4);
    }
    free(roots);
}

static void plan_tree_of(plmr_reduce_plan *plan, const int *n_groups)
{
    int *member = plmr_take(sizeof(int) * (size_t)plan->n);
    for (int i = 0; i < plan->n; i++)
        member[i] = i;
    plmr_reduce_plan_clear(plan);
    memcpy(plan->groups, n_groups, sizeof plan->groups);
    plan_level(plan, member, plan->n, n_groups, 0, plan->options.n_levels);
    free(member);
}

static double cycles_with(plmr_reduce_plan *plan, const int *n_groups)
{
    double t_cycles;
    int64_t hops, stages;
    plan_tree_of(plan, n_groups);
    plmr_reduce_plan_cycles(plan, PLMR_TYPICAL_WAVELETS, &t_cycles, &hops, &stages);
    return t_cycles;
}

/* One level's count becomes the best of all that fit between its neighbours', if that is better than `best`. */
static bool improve_level(plmr_reduce_plan *plan, int *n_groups, int level, double *best)
{
    int high = level ? n_groups[level - 1] : plan->n,
        low = level < plan->options.n_levels - 2 ? n_groups[level + 1] : 1;
    int kept = n_groups[level];
    bool better = false;
    for (int count = low; count <= high; count++) {
        n_groups[level] = count;
        double t_cycles = cycles_with(plan, n_groups);
        if (t_cycles < *best) {
            *best = t_cycles;
            kept = count;
            better = true;
        }
    }
    n_groups[level] = kept;
    return better;
}

/* Improves the first n levels, one at a time, until none does better. */
static double climb(plmr_reduce_plan *plan, int *n_groups, int n)
{
    double best = INFINITY;                                      /* on a device without costs all take 0 cycles */
    for (bool better = true; better; better = better && n > 1) { /* a single level is looked at whole */
        better = false;
        for (int level = 0; level < n; level++)
            better |= improve_level(plan, n_groups, level, &best);
    }
    return best;
}

/* Where climbing ends depends on where it starts: from the best tree of a level less, so that no tree is worse than that
 * by more than launches, and from groups of two. */
static void choose_groups(plmr_reduce_plan *plan, int *n_groups)
{
    int most = plan->options.n_levels - 1;
    for (int level = 0; level < most; level++)
        n_groups[level] = 1;
    for (int n = 1; n <= most; n++) {
        int halves[PLMR_TREE_LEVELS];
        memcpy(halves, n_groups, sizeof halves);
        for (int level = 0, members = plan->n; level < n; level++, members = halves[level - 1])
            halves[level] = members > 3 ? members / 2 : members;
        double t_cycles = climb(plan, n_groups, n);
        if (n > 1 && climb(plan, halves, n) <= t_cycles)
            memcpy(n_groups, halves, sizeof halves);
    }
}

/* What a choice follows from, and what it is. */
struct choice {
    uint64_t device; /* the hash of its costs; 0: nothing is kept */
    enum plmr_axis axis;
    int n, n_levels, root; /* root -1: all get the sum */
    int n_groups[PLMR_TREE_LEVELS];
};

static bool is_same(const struct choice *a, const struct choice *b)
{
    return a->device == b->device && a->axis == b->axis && a->n == b->n && a->n_levels == b->n_levels &&
           a->root == b->root;
}

/* A search for placements asks for few different trees, but for each of them again and again. */
static void choose_once(plmr_reduce_plan *plan, int *n_groups)
{
    enum { MOST_KEPT = 512 };
    static struct choice kept[MOST_KEPT];
    const plmr_reduce_options *options = &plan->options;
    struct choice choice = {plmr_device_hash(PLMR_HASH_START, plan->device), plan->axis, plan->n, options->n_levels,
                            options->to_root ? options->root : -1,           {0}};
    struct choice *place = &kept[(choice.device + (uint64_t)plan->n * 8 + (uint64_t)options->n_levels) % MOST_KEPT];
    if (!is_same(place, &choice)) {
        choose_groups(plan, choice.n_groups);
        *place = choice;
    }
    memcpy(n_groups, place->n_groups, sizeof place->n_groups);
}

/* How fast words follow each other does not enter: of a vector that takes so long on any link all trees of a device are
 * worth the same, however fast its links are; else a faster one might come with another tree, on which longer vectors take
 * longer. */
static void choose_groups_at_a_pace(plmr_reduce_plan *plan, int *n_groups)
{
    const plmr_device *device = plan->device;
    plmr_device paced = *device;
    paced.link = 1;
    paced.border_link = 0;
    plan->device = &paced;
    plan->is_draft = true;
    choose_once(plan, n_groups);
    plan->is_draft = false;
    plan->device = device;
}

static plmr_status check_groups(int n, const plmr_reduce_options *options)
{
    int members = n;
    PLMR_CHECK(options->n_group_levels == options->n_levels - 1, PLMR_ERROR_INPUT,
               "a tree of %d levels takes %s, not %d: give --groups auto or one for each level but the last",
               options->n_levels, plmr_format_counted(options->n_levels - 1, "group count").s, options->n_group_levels);
    for (int i = 0; i < options->n_group_levels; i++) {
        PLMR_CHECK(options->n_groups[i] >= 1 && options->n_groups[i] <= members, PLMR_ERROR_INPUT,
                   "%d groups cannot be made of %d cores: give --groups auto, or counts that fall from level to level",
                   options->n_groups[i], members);
        members = options->n_groups[i];
    }
    return PLMR_OK;
}

static plmr_status plan_ktree(plmr_reduce_plan *plan)
{
    const plmr_reduce_options *options = &plan->options;
    int n_groups[PLMR_TREE_LEVELS] = {0};
    PLMR_CHECK(options->n_levels >= 1 && options->n_levels <= PLMR_TREE_LEVELS, PLMR_ERROR_INPUT,
               "a K-tree has 1 to %d levels, not %d: choose --tree-k", PLMR_TREE_LEVELS, options->n_levels);
    if (options->n_group_levels) {
        PLMR_TRY(check_groups(plan->n, options));
        memcpy(n_groups, options->n_groups, sizeof n_groups);
    } else {
        choose_groups_at_a_pace(plan, n_groups);
    }
    plan_tree_of(plan, n_groups);
    return PLMR_OK;
}

static plmr_status plan_two_phase(plmr_reduce_plan *plan)
{
    plan->options.n_levels = 2;
    plan->options.n_group_levels = plan->options.n_group_levels ? 1 : 0;
    return plan_ktree(plan);
}

const plmr_reduce_algorithm plmr_reduce_two_phase = {
    .name = "two-phase",
    .summary = "chains in groups, then a chain of the groups' middles: the K-tree of two levels",
    .plan = plan_two_phase,
};

const plmr_reduce_algorithm plmr_reduce_ktree = {
    .name = "ktree",
    .summary = "K levels of chains from both ends to the middle: N hops, (K/2) N^(1/K) stages",
    .plan = plan_ktree,
};
