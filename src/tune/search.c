/* Hill climbing over the sides worth trying, from the best of a coarse grid. Every choice is evaluated once. */
#include "tune/tune.h"

#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "infer/choose.h"
#include "region/defects.h"

enum {
    COARSE = 24,    /* squares of the grid */
    TILINGS = 4,    /* rows and columns of regions on a wafer */
    STARTS = 6,     /* choices that are climbed from */
    REACH = 4,      /* sides up and down that count as neighbours */
    MOST_LEVELS = 4 /* K */
};

static bool same_point(const plmr_phase_setup *a, const plmr_phase_setup *b)
{
    return a->rows == b->rows && a->cols == b->cols && a->unfused == b->unfused && a->layers == b->layers &&
           a->experts == b->experts && a->tree.n_levels == b->tree.n_levels &&
           a->tree.n_group_levels == b->tree.n_group_levels &&
           memcmp(a->tree.n_groups, b->tree.n_groups, sizeof a->tree.n_groups) == 0;
}

static int find(const plmr_tune_search *s, const plmr_phase_setup *point)
{
    for (int i = 0; i < s->n_results; i++)
        if (same_point(&s->results[i].point, point))
            return i;
    return -1;
}

/* The first refusal is kept: where there is no other choice, it is the answer. */
static void leave_out(plmr_tune_search *s, plmr_status refusal)
{
    if (s->refusal)
        plmr_error_free(refusal);
    else
        s->refusal = refusal;
}

/* Index of the point's result; -1 where it is refused, and so left out. */
static plmr_status look_at(plmr_tune_search *s, const plmr_phase_setup *point, int *index)
{
    plmr_status refusal;
    *index = find(s, point);
    if (*index >= 0)
        return PLMR_OK;
    s->results = plmr_take_more(s->results, ((size_t)s->n_results + 1) * sizeof *s->results);
    PLMR_TRY(plmr_tune_try(s->task, point, &s->results[s->n_results], &refusal));
    if (refusal)
        leave_out(s, refusal);
    else
        *index = s->n_results++;
    return PLMR_OK;
}

/* ---- neighbours ---- */

struct climb {
    plmr_tune_search *search;
    int best; /* -1: none yet */
};

static plmr_status try_point(struct climb *c, plmr_phase_setup point)
{
    int index;
    const plmr_tune_search *s = c->search;
    if (!point.rows || !point.cols || !plmr_defects_regions(s->task->device, point.rows, point.cols))
        return PLMR_OK;
    PLMR_TRY(look_at(c->search, &point, &index));
    if (index >= 0 && (c->best < 0 || plmr_tune_is_better(&s->results[index], &s->results[c->best])))
        c->best = index;
    return PLMR_OK;
}

/* The side `steps` further in the list than the least that is not smaller; 0: there is none. */
static int side_from(const plmr_tune_search *s, int side, int steps)
{
    int i = 0;
    while (i + 1 < s->n_sides && s->sides[i] < side)
        i++;
    return i + steps < 0 || i + steps >= s->n_sides ? 0 : s->sides[i + steps];
}

static plmr_status try_sides(struct climb *c, plmr_phase_setup from)
{
    from.tree.n_group_levels = 0; /* another region, other groups */
    memset(from.tree.n_groups, 0, sizeof from.tree.n_groups);
    for (int steps = -REACH; steps <= REACH; steps++) {
        plmr_phase_setup both = from, taller = from, wider = from;
        both.rows = both.cols = side_from(c->search, from.cols, steps);
        taller.rows = side_from(c->search, from.rows, steps);
        wider.cols = side_from(c->search, from.cols, steps);
        PLMR_TRY(try_point(c, both));
        if (c->search->task->decode)
            PLMR_TRY(try_point(c, taller));
        if (c->search->task->decode)
            PLMR_TRY(try_point(c, wider));
    }
    return PLMR_OK;
}

static plmr_status try_levels(struct climb *c, plmr_phase_setup from)
{
    from.tree.n_group_levels = 0;
    memset(from.tree.n_groups, 0, sizeof from.tree.n_groups);
    for (int levels = 1; levels <= MOST_LEVELS; levels++) {
        from.tree.n_levels = levels;
        PLMR_TRY(try_point(c, from));
    }
    return PLMR_OK;
}

/* A few more and a few fewer groups at each level than the model would have. Not in prefill, where reductions of whole
 * rows hardly count. */
static plmr_status try_groups(struct climb *c, plmr_phase_setup from, const plmr_placement *placement)
{
    int n = from.tree.n_levels - 1;
    from.tree.n_group_levels = n;
    for (int level = 0; level < n && c->search->task->decode; level++)
        for (int more = -2; more <= 2; more++) {
            memcpy(from.tree.n_groups, placement->groups[PLMR_Y], (size_t)n * sizeof(int));
            from.tree.n_groups[level] += more;
            int above = level ? from.tree.n_groups[level - 1] : plmr_smaller(from.rows, from.cols);
            int below = level + 1 < n ? from.tree.n_groups[level + 1] : 1;
            if (from.tree.n_groups[level] <= above && from.tree.n_groups[level] >= below)
                PLMR_TRY(try_point(c, from));
        }
    return PLMR_OK;
}

/* One region more, with fewer layers in each: less to move between prefill and decode, more room for the cache. */
static plmr_status try_layers(struct climb *c, plmr_phase_setup from, const plmr_placement *placement)
{
    int layers = placement->layers_per_stage;
    if (layers <= 1)
        return PLMR_OK;
    int stages = (int)plmr_ceil_div(c->search->task->shape->n_layers, layers);
    from.layers = (int)plmr_ceil_div(c->search->task->shape->n_layers, stages + 1);
    PLMR_TRY(try_point(c, from));
    from.layers = 0;
    return try_point(c, from);
}

/* The setup's placement of experts is NULL, as whatever is sliced. */
static plmr_status try_experts(struct climb *c, plmr_phase_setup from)
{
    const plmr_tune_task *task = c->search->task;
    for (int i = 0; i < plmr_expert_place_count() && task->shape->n_experts && task->wide < 2; i++) {
        const plmr_expert_place *place = plmr_expert_place_at(i);
        bool takes_wafers = place->spread == PLMR_EXPERTS_ON_WAFERS;
        if (takes_wafers && (task->wide || task->setup.link.bytes_s == 0 || task->setup.n_wafers < 2))
            continue;
        from.experts = place->spread == PLMR_EXPERTS_WHOLE ? NULL : place;
        PLMR_TRY(try_point(c, from));
    }
    return PLMR_OK;
}

static plmr_status try_neighbours(struct climb *c)
{
    plmr_tune_result from = c->search->results[c->best];
    PLMR_TRY(try_sides(c, from.point));
    PLMR_TRY(try_levels(c, from.point));
    PLMR_TRY(try_groups(c, from.point, &from.placement));
    PLMR_TRY(try_layers(c, from.point, &from.placement));
    PLMR_TRY(try_experts(c, from.point));
    from.point.unfused = !from.point.unfused;
    return c->search->task->decode ? try_point(c, from.point) : PLMR_OK;
}

static plmr_status climb(plmr_tune_search *s, int from)
{
    struct climb c = {s, from};
    for (int before = -1; before != c.best;) {
        before = c.best;
        PLMR_TRY(try_neighbours(&c));
    }
    return PLMR_OK;
}

/* ---- the search ---- */

static void tell(const plmr_tune_search *s, double share)
{
    if (s->task->setup.progress)
        s->task->setup.progress(s->task->setup.progress_context, share);
}

/* Among equals the one that asks for least. */
static int64_t effort(const plmr_phase_setup *p)
{
    return (((int64_t)p->rows * p->cols * 16 + p->tree.n_levels) * 16 + p->tree.n_group_levels) * 2 + (p->layers > 0);
}

static int compare(const void *a, const void *b)
{
    const plmr_tune_result *x = a, *y = b;
    int64_t more = effort(&x->point) - effort(&y->point);
    if (plmr_tune_is_better(x, y) || plmr_tune_is_better(y, x))
        return plmr_tune_is_better(x, y) ? -1 : 1;
    return more ? (more > 0) - (more < 0) : x->point.rows - y->point.rows;
}

static void sort(plmr_tune_search *s)
{
    qsort(s->results, (size_t)s->n_results, sizeof *s->results, compare);
}

/* Squares all over the range, and in decode oblongs of two to one that have as many cores. */
static plmr_status look_around(plmr_tune_search *s)
{
    int *working = plmr_defects_working(s->task->device), most = plmr_defects_square(s->task->device, working);
    int n_squares = 1, index;
    free(working);
    while (n_squares < s->n_sides && s->sides[n_squares] <= most)
        n_squares++;
    int n = plmr_smaller(n_squares, COARSE);
    for (int i = 0; i < n; i++) {
        int side = s->sides[n > 1 ? (int)((int64_t)i * (n_squares - 1) / (n - 1)) : 0];
        plmr_phase_setup point = {.rows = side, .cols = side, .tree = {.n_levels = 2}};
        PLMR_TRY(look_at(s, &point, &index));
        int lower = side_from(s, side * 5 / 7, 0), higher = side_from(s, side * 7 / 5, 0);
        struct climb c = {s, index};
        for (int tall = 0; tall < 2 && s->task->decode; tall++) {
            point.rows = tall ? higher : lower;
            point.cols = tall ? lower : higher;
            PLMR_TRY(try_point(&c, point));
        }
        tell(s, 0.5 * (i + 1) / n);
    }
    return PLMR_OK;
}

/* The largest side in the list that is not larger. */
static int side_within(const plmr_tune_search *s, int side)
{
    int i = 0;
    while (i + 1 < s->n_sides && s->sides[i + 1] <= side)
        i++;
    return s->sides[i];
}

/* Regions that divide the wafer into a few rows and columns of regions. */
static plmr_status look_at_tilings(plmr_tune_search *s)
{
    const plmr_device *d = s->task->device;
    struct climb c = {s, -1};
    for (int down = 1; down <= TILINGS && s->task->decode; down++)
        for (int across = 1; across <= TILINGS; across++)
            PLMR_TRY(try_point(&c, (plmr_phase_setup){.rows = side_within(s, (int)d->rows / down),
                                                      .cols = side_within(s, (int)d->cols / across),
                                                      .tree = {.n_levels = 2}}));
    return PLMR_OK;
}

static plmr_status climb_best(plmr_tune_search *s)
{
    plmr_phase_setup start[STARTS];
    int n = plmr_smaller(s->n_results, STARTS), index;
    sort(s);
    for (int i = 0; i < n; i++)
        start[i] = s->results[i].point;
    for (int i = 0; i < n; i++) {
        PLMR_TRY(look_at(s, &start[i], &index));
        PLMR_TRY(climb(s, index));
        tell(s, 0.5 + 0.5 * (i + 1) / n);
    }
    sort(s);
    return PLMR_OK;
}

/* The vocabulary is met once a token: it decides between neighbours only. Prefill does not meet it. */
static plmr_status climb_finely(plmr_tune_search *s, int most)
{
    if (!s->task->decode)
        return PLMR_OK;
    free(s->sides);
    s->sides = plmr_tune_sides(s->task, true, most, &s->n_sides);
    PLMR_TRY(climb(s, 0));
    sort(s);
    return PLMR_OK;
}

/* The error says what the nearest region lacks. */
static plmr_status check_fits(const plmr_tune_search *s)
{
    static const char *const lacks[] = {
        [PLMR_TUNE_LACKS_NOTHING] = "needs more routes than a router holds: choose fewer tokens or another device",
        [PLMR_TUNE_LACKS_SRAM] = "needs more than a core's SRAM: choose fewer tokens or another device",
        [PLMR_TUNE_LACKS_CACHE] = "has no room for all tokens' keys and values: choose fewer tokens or another device",
        [PLMR_TUNE_LACKS_WAFERS] = "takes more wafers than there are: give more --wafers, or another device",
    };
    const plmr_tune_result *best = &s->results[0];
    PLMR_CHECK(!best->lack && !best->over_routes, PLMR_ERROR_LIMIT,
               "%s of %s does not fit %s in any region: the nearest, %dx%d cores, %s", plmr_phase_name(s->task->decode),
               s->task->shape->name, s->task->device->name, best->point.rows, best->point.cols, lacks[best->lack]);
    return PLMR_OK;
}

/* The region that commands have where none is given. */
static plmr_status look_at_default(plmr_tune_search *s)
{
    plmr_llm_setup setup = s->task->setup;
    const plmr_phase_setup *phase = &setup.phase[s->task->decode];
    int index;
    for (int i = 0; i < PLMR_N_PHASES; i++)
        setup.phase[i] = (plmr_phase_setup){0};
    plmr_llm_setup_choose(&setup, true, true, s->task->device, s->task->shape);
    plmr_phase_setup point = {.rows = phase->rows, .cols = phase->cols, .tree = {.n_levels = 2}};
    return look_at(s, &point, &index);
}

/* Nothing to go on from. */
static plmr_status check_found(plmr_tune_search *s)
{
    plmr_status refusal = s->refusal;
    if (s->n_results)
        return PLMR_OK;
    s->refusal = PLMR_OK;
    return refusal;
}

/* The placement that all commands choose, where an aim is given, or where one wafer does not do: nothing found is worse. */
static plmr_status look_at_chosen(plmr_tune_search *s)
{
    plmr_llm_setup setup = s->task->setup;
    plmr_candidate chosen;
    int index;
    for (int phase = 0; phase < PLMR_N_PHASES; phase++)
        setup.phase[phase] = (plmr_phase_setup){.tree = {.n_levels = 2}, .wide = s->task->wide};
    sort(s);
    if (!setup.aim && !s->results[0].lack && s->results[0].n_wafers == 1)
        return PLMR_OK;
    PLMR_TRY(plmr_choose_phase(s->task->device, s->task->shape, setup.aim ? setup.aim : &plmr_aim_latency, false,
                               s->task->decode, &setup, &chosen));
    plmr_phase_setup point = {.rows = chosen.rows, .cols = chosen.cols, .tree = {.n_levels = 2}};
    return chosen.n_wafers ? look_at(s, &point, &index) : PLMR_OK;
}

static plmr_status search(plmr_tune_search *s)
{
    const plmr_device *d = s->task->device;
    int short_side = (int)plmr_smaller(d->rows, d->cols), long_side = (int)(d->rows + d->cols) - short_side;
    int most = s->task->decode ? long_side : short_side;
    s->sides = plmr_tune_sides(s->task, false, most, &s->n_sides);
    PLMR_TRY(look_around(s));
    PLMR_TRY(look_at_tilings(s));
    PLMR_TRY(look_at_default(s));
    PLMR_TRY(check_found(s));
    PLMR_TRY(look_at_chosen(s));
    PLMR_TRY(climb_best(s));
    PLMR_TRY(climb_finely(s, most));
    return check_fits(s);
}

plmr_status plmr_tune_search_run(const plmr_tune_task *task, plmr_tune_search *s)
{
    *s = (plmr_tune_search){.task = task};
    plmr_status status = search(s);
    if (status)
        plmr_tune_search_free(s);
    return status;
}

void plmr_tune_search_free(plmr_tune_search *s)
{
    free(s->sides);
    free(s->results);
    plmr_error_free(s->refusal);
    *s = (plmr_tune_search){0};
}

int plmr_tune_best(const plmr_tune_search *s, int n, int *indices)
{
    int n_found = 0;
    for (int i = 0; i < s->n_results && n_found < n; i++) {
        const plmr_tune_result *r = &s->results[i];
        bool new = !r->lack && !r->over_routes && r->n_wafers == s->results[0].n_wafers;
        for (int k = 0; k < n_found && new; k++) {
            const plmr_phase_setup *other = &s->results[indices[k]].point;
            new = other->rows != r->point.rows || other->cols != r->point.cols;
        }
        if (new)
            indices[n_found++] = i;
    }
    return n_found;
}
