#include "fabric/reduce.h"

#include <stdlib.h>
#include <string.h>

plmr_status plmr_plan_phase(plmr_reduce_plan *plan, bool adds)
{
    plmr_phase *phases = realloc(plan->phases, ((size_t)plan->n_phases + 1) * sizeof *phases);
    PLMR_CHECK(phases, PLMR_ERROR_SYSTEM, "out of memory");
    plan->phases = phases;
    phases[plan->n_phases++] = (plmr_phase){.adds = adds};
    return PLMR_OK;
}

plmr_status plmr_plan_leg(plmr_reduce_plan *plan, int src, int dst, int route)
{
    plmr_phase *phase = &plan->phases[plan->n_phases - 1];
    if ((phase->n_legs & (phase->n_legs - 1)) == 0) { /* grow at powers of two */
        size_t capacity = phase->n_legs ? 2 * (size_t)phase->n_legs : 1;
        plmr_leg *legs = realloc(phase->legs, capacity * sizeof *legs);
        PLMR_CHECK(legs, PLMR_ERROR_SYSTEM, "out of memory");
        phase->legs = legs;
    }
    phase->legs[phase->n_legs++] = (plmr_leg){src, dst};
    int low = src < dst ? src : dst, high = src < dst ? dst : src;
    for (int core = low; core <= high; core++)
        plan->routes[core] |= UINT64_C(1) << route;
    return PLMR_OK;
}

/* ---- algorithms ---- */

/* The vendor's demonstration: through all cores to one end, then back to all. */
static plmr_status plan_chain(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    PLMR_TRY(plmr_plan_phase(plan, true));
    for (int core = n - 1; core > 0; core--)
        PLMR_TRY(plmr_plan_leg(plan, core, core - 1, core % 2));
    PLMR_TRY(plmr_plan_phase(plan, false));
    for (int core = 1; core < n; core++)
        PLMR_TRY(plmr_plan_leg(plan, 0, core, 2));
    return PLMR_OK;
}

static plmr_status plan_star(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    PLMR_TRY(plmr_plan_phase(plan, true));
    for (int core = 1; core < n; core++)
        PLMR_TRY(plmr_plan_leg(plan, core, 0, 0));
    PLMR_TRY(plmr_plan_phase(plan, false));
    for (int core = 1; core < n; core++)
        PLMR_TRY(plmr_plan_leg(plan, 0, core, 1));
    return PLMR_OK;
}

/* Binary: at distance 1, 2, 4 ... the upper of two cores sends to the lower. */
static plmr_status plan_tree(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    int level = 0;
    PLMR_TRY(plmr_plan_phase(plan, true));
    plan->phases[0].whole = true;
    for (int distance = 1; distance < n; distance *= 2, level++)
        for (int core = 0; core + distance < n; core += 2 * distance)
            PLMR_TRY(plmr_plan_leg(plan, core + distance, core, level));
    PLMR_TRY(plmr_plan_phase(plan, false));
    for (int core = 1; core < n; core++)
        PLMR_TRY(plmr_plan_leg(plan, 0, core, level));
    return PLMR_OK;
}

/* Chains from both ends of members [first, first + count) to the middle one, which takes the low side first. */
static plmr_status chain_to_middle(plmr_reduce_plan *plan, const int *member, int first, int count, int route)
{
    int middle = first + count / 2;
    for (int i = first; i < middle; i++)
        PLMR_TRY(plmr_plan_leg(plan, member[i], member[i + 1], route + i % 2));
    for (int i = first + count - 1; i > middle; i--)
        PLMR_TRY(plmr_plan_leg(plan, member[i], member[i - 1], route + 2 + i % 2));
    return PLMR_OK;
}

static plmr_status fan_from_middle(plmr_reduce_plan *plan, const int *member, int first, int count, int route)
{
    int middle = first + count / 2;
    for (int i = first; i < first + count; i++)
        if (i != middle)
            PLMR_TRY(plmr_plan_leg(plan, member[middle], member[i], route));
    return PLMR_OK;
}

static int group_first(int n, int n_groups, int group)
{
    return (int)((int64_t)n * group / n_groups);
}

enum { ROUTES_PER_LEVEL = 5 };

/* Level `level` of a tree over n members: chains up (and, after all higher levels, multicasts down) in each of its groups.
 * The members of the next level are the groups' middles. */
static plmr_status plan_level(plmr_reduce_plan *plan, const int *member, int n, const int *n_groups, int level, int n_levels)
{
    int groups = level + 1 < n_levels ? n_groups[level] : 1, route = ROUTES_PER_LEVEL * level;
    int *roots = malloc(sizeof(int) * (size_t)groups);
    PLMR_CHECK(roots, PLMR_ERROR_SYSTEM, "out of memory");
    plmr_status status = plmr_plan_phase(plan, true);
    for (int g = 0; g < groups && !status; g++) {
        int first = group_first(n, groups, g), count = group_first(n, groups, g + 1) - first;
        roots[g] = member[first + count / 2];
        status = chain_to_middle(plan, member, first, count, route);
    }
    if (!status && level + 1 < n_levels)
        status = plan_level(plan, roots, groups, n_groups, level + 1, n_levels);
    else
        plan->root = roots[0];
    if (!status)
        status = plmr_plan_phase(plan, false);
    for (int g = 0; g < groups && !status; g++) {
        int first = group_first(n, groups, g), count = group_first(n, groups, g + 1) - first;
        status = fan_from_middle(plan, member, first, count, route + 4);
    }
    free(roots);
    return status;
}

static void clear_phases(plmr_reduce_plan *plan)
{
    for (int i = 0; i < plan->n_phases; i++)
        free(plan->phases[i].legs);
    free(plan->phases);
    plan->phases = NULL;
    plan->n_phases = 0;
    memset(plan->routes, 0, sizeof *plan->routes * (size_t)plan->n);
}

static plmr_status plan_tree_of(plmr_reduce_plan *plan, int n, const int *n_groups, int n_levels)
{
    int *member = malloc(sizeof(int) * (size_t)n);
    PLMR_CHECK(member, PLMR_ERROR_SYSTEM, "out of memory");
    for (int i = 0; i < n; i++)
        member[i] = i;
    clear_phases(plan);
    memcpy(plan->groups, n_groups, sizeof plan->groups);
    plmr_status status = plan_level(plan, member, n, n_groups, 0, n_levels);
    free(member);
    return status;
}

/* The length of a typical vector, to compare group counts with: it hardly matters, since all trees of K levels handle a
 * vector as often. */
static const double typical_wavelets = 8;

/* Improves one level's count at a time over all that fit between its neighbours' until none does better. */
static plmr_status choose_groups(const plmr_device *device, plmr_reduce_plan *plan, int n, int *n_groups, int n_levels)
{
    double best = 0;
    for (int level = 0, members = n; level < n_levels - 1; level++, members = n_groups[level - 1])
        n_groups[level] = members > 3 ? members / 2 : members;
    for (bool better = true; better;) {
        better = false;
        for (int level = 0; level < n_levels - 1; level++) {
            int high = level ? n_groups[level - 1] : n, low = level < n_levels - 2 ? n_groups[level + 1] : 1;
            int kept = n_groups[level];
            for (int count = low; count <= high; count++) {
                double t_cycles;
                int64_t hops, stages;
                n_groups[level] = count;
                PLMR_TRY(plan_tree_of(plan, n, n_groups, n_levels));
                PLMR_TRY(plmr_reduce_plan_cycles(device, plan, typical_wavelets, &t_cycles, &hops, &stages));
                if (best == 0 || t_cycles < best) {
                    best = t_cycles;
                    kept = count;
                    better = true;
                }
            }
            n_groups[level] = kept;
        }
    }
    return PLMR_OK;
}

static plmr_status check_groups(int n, const plmr_reduce_options *options)
{
    int members = n;
    PLMR_CHECK(options->n_group_levels == options->n_levels - 1, PLMR_ERROR_INPUT,
               "a tree of %d levels takes %d group counts, not %d: give --groups auto or one for each level but the last",
               options->n_levels, options->n_levels - 1, options->n_group_levels);
    for (int i = 0; i < options->n_group_levels; i++) {
        PLMR_CHECK(options->n_groups[i] >= 1 && options->n_groups[i] <= members, PLMR_ERROR_INPUT,
                   "%d groups cannot be made of %d cores: give --groups auto, or counts that fall from level to level",
                   options->n_groups[i], members);
        members = options->n_groups[i];
    }
    return PLMR_OK;
}

static plmr_status plan_ktree(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    int n_groups[PLMR_TREE_LEVELS] = {0};
    PLMR_CHECK(options->n_levels >= 1 && options->n_levels <= PLMR_TREE_LEVELS, PLMR_ERROR_INPUT,
               "a K-tree has 1 to %d levels, not %d: choose --tree-k", PLMR_TREE_LEVELS, options->n_levels);
    if (options->n_group_levels) {
        PLMR_TRY(check_groups(n, options));
        memcpy(n_groups, options->n_groups, sizeof n_groups);
    } else {
        PLMR_TRY(choose_groups(device, plan, n, n_groups, options->n_levels));
    }
    return plan_tree_of(plan, n, n_groups, options->n_levels);
}

static plmr_status plan_two_phase(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    plmr_reduce_options two = *options;
    two.n_levels = 2;
    two.n_group_levels = options->n_group_levels ? 1 : 0;
    return plan_ktree(device, n, &two, plan);
}

static plmr_status plan_ring(const plmr_device *device, int n, const plmr_reduce_options *options, plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    PLMR_CHECK(n >= 3, PLMR_ERROR_INPUT, "a ring needs at least 3 cores, not %d: choose a larger --cores", n);
    plan->ring = true;
    for (int core = 0; core < n; core++)
        plan->routes[core] = core > 0 && core < n - 1 ? 7 : 3;
    return PLMR_OK;
}

static const plmr_reduce_algorithm algorithms[] = {
    {"chain", "through all cores to one end, then multicast back: 2N hops, N stages", plan_chain},
    {"star", "all cores send straight to one, which adds them one after the other", plan_star},
    {"tree", "binary tree: log2 N levels, each adding whole vectors", plan_tree},
    {"two-phase", "chains in groups, then a chain of the groups' middles: the K-tree of two levels", plan_two_phase},
    {"ktree", "K levels of chains from both ends to the middle: N hops, (K/2) N^(1/K) stages", plan_ktree},
    {"ring", "chunks stream round the interleaved ring twice: least traffic for long vectors", plan_ring},
};

int plmr_reduce_count(void)
{
    return (int)(sizeof algorithms / sizeof algorithms[0]);
}

const plmr_reduce_algorithm *plmr_reduce_at(int i)
{
    return &algorithms[i];
}

const plmr_reduce_algorithm *plmr_reduce_find(const char *name)
{
    for (int i = 0; i < plmr_reduce_count(); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

/* ---- what a plan costs on one line ---- */

struct trace {
    double free, head;
    int64_t hops, stages;
};

static void trace_leg(const plmr_device *device, const plmr_phase *phase, plmr_leg leg, double stream, struct trace *core)
{
    struct trace *src = &core[leg.src], *dst = &core[leg.dst];
    int distance = abs(leg.dst - leg.src);
    double arrival = src->head + 2 * device->ramp + device->hop * distance;
    if (arrival >= dst->free) {
        dst->hops = src->hops + distance;
        dst->stages = src->stages + phase->adds;
    }
    double begin = arrival > dst->free ? arrival : dst->free;
    dst->free = begin + stream;
    dst->head = begin + (phase->whole ? stream : device->stage);
}

plmr_status plmr_reduce_plan_cycles(const plmr_device *device, const plmr_reduce_plan *plan, double wavelets,
                                    double *t_cycles, int64_t *hops, int64_t *stages)
{
    struct trace *core = calloc((size_t)plan->n, sizeof *core);
    PLMR_CHECK(core, PLMR_ERROR_SYSTEM, "out of memory");
    for (int p = 0; p < plan->n_phases; p++) {
        for (int i = 0; i < plan->n; i++) {
            core[i].free += device->collective_launch;
            core[i].head = core[i].free;
        }
        for (int i = 0; i < plan->phases[p].n_legs; i++)
            trace_leg(device, &plan->phases[p], plan->phases[p].legs[i], device->link * wavelets, core);
    }
    struct trace last = core[0];
    for (int i = 1; i < plan->n; i++)
        if (core[i].free > last.free)
            last = core[i];
    free(core);
    *t_cycles = last.free;
    *hops = last.hops;
    *stages = last.stages;
    return PLMR_OK;
}

/* ---- making a plan ---- */

/* A multicast crosses each link of its span once, whatever the number of receivers. */
static void count_links(plmr_reduce_plan *plan)
{
    for (int p = 0; p < plan->n_phases; p++) {
        const plmr_phase *phase = &plan->phases[p];
        int src = -1, low = 0, high = 0;
        for (int i = 0; i < phase->n_legs; i++) {
            plmr_leg leg = phase->legs[i];
            if (phase->adds) {
                plan->links += (uint64_t)abs(leg.dst - leg.src);
                continue;
            }
            if (leg.src != src) {
                plan->links += (uint64_t)(high - low);
                low = high = src = leg.src;
            }
            low = leg.dst < low ? leg.dst : low;
            high = leg.dst > high ? leg.dst : high;
        }
        plan->links += (uint64_t)(high - low);
    }
}

static plmr_status fill_plan(plmr_reduce_plan *plan, const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                             const plmr_reduce_options *options)
{
    double t_cycles;
    uint64_t all = 0;
    plan->routes = calloc((size_t)plan->n, sizeof *plan->routes);
    PLMR_CHECK(plan->routes, PLMR_ERROR_SYSTEM, "out of memory");
    PLMR_TRY(algorithm->plan(device, plan->n, options, plan));
    for (int core = 0; core < plan->n; core++)
        all |= plan->routes[core];
    plan->routes_program = __builtin_popcountll(all);
    count_links(plan);
    if (!plan->ring)
        return plmr_reduce_plan_cycles(device, plan, typical_wavelets, &t_cycles, &plan->hops, &plan->stages);
    plan->hops = 4 * (int64_t)plan->n - 7 + (plan->n == 3);
    plan->stages = 2 * (int64_t)(plan->n - 1);
    return PLMR_OK;
}

plmr_status plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device, int n,
                                    const plmr_reduce_options *options, plmr_reduce_plan **out)
{
    plmr_reduce_plan *plan = calloc(1, sizeof *plan);
    PLMR_CHECK(plan, PLMR_ERROR_SYSTEM, "out of memory");
    plan->n = n;
    plmr_status status = fill_plan(plan, algorithm, device, options);
    if (status)
        plmr_reduce_plan_destroy(plan);
    else
        *out = plan;
    return status;
}

void plmr_reduce_plan_destroy(plmr_reduce_plan *plan)
{
    if (!plan)
        return;
    if (plan->routes)
        clear_phases(plan);
    free(plan->routes);
    free(plan);
}
