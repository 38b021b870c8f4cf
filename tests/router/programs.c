#include "programs.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* One pattern being laid. Each core works on its own copy of its values, row by row in `memory`. */
struct layout {
    const struct router_params *params;
    struct router_row *row;
    struct router_fabric *fabric;
    float *memory;
};

/* Some cores of the row, from west to east. */
struct members {
    const int *core;
    int count, root; /* root: an index into core */
};

static void *array(int count, size_t size)
{
    void *items = calloc((size_t)count + 1, size);
    if (!items)
        abort();
    return items;
}

static float *values_of(const struct layout *lay, int core)
{
    return lay->memory + (size_t)core * (size_t)lay->row->width;
}

static size_t values_size(const struct router_row *row, int cores)
{
    return (size_t)cores * (size_t)row->width * sizeof(float);
}

static void hold(struct layout *lay, int core, long cycles)
{
    router_append(lay->fabric, core, (struct router_op){.code = ROUTER_WAIT, .count = (int)cycles});
}

/* `full`: every core brings values of its own. */
static struct layout lay_open(const struct router_params *params, struct router_row *row, bool full)
{
    struct router_config config = {.rows = 1,
                                   .cols = row->cores,
                                   .ramp = params->ramp,
                                   .hop = params->hop,
                                   .depth = params->depth,
                                   .reverse = params->reverse};
    struct layout lay = {params, row, router_create(&config), array(row->cores * row->width, sizeof(float))};
    if (full)
        memcpy(lay.memory, row->in, values_size(row, row->cores));
    for (int core = 0; row->start && core < row->cores; core++)
        hold(&lay, core, row->start[core]);
    return lay;
}

/* Runs and closes; the result is what `cores` cores from `core` on hold. */
static enum router_status lay_finish(struct layout *lay, int core, int cores)
{
    struct router_row *row = lay->row;
    enum router_status status = router_run(lay->fabric);
    for (int i = 0; status == ROUTER_OK && i < row->cores; i++)
        row->finish[i] = router_finish(lay->fabric, i);
    row->hops = router_hops(lay->fabric);
    memcpy(row->out, values_of(lay, core), values_size(row, cores));
    router_free(lay->fabric);
    free(lay->memory);
    return status;
}

/* One colour from a core to some others on one side of it, ascending or descending away from it. */
static unsigned route_side(struct layout *lay, int colour, int from, int last, const bool *stops)
{
    int step = last > from ? 1 : -1;
    enum router_port in = step > 0 ? ROUTER_WEST : ROUTER_EAST, on = step > 0 ? ROUTER_EAST : ROUTER_WEST;
    for (int core = from; core != last;) {
        core += step;
        unsigned outs = (stops[core] ? ROUTER_TO(ROUTER_RAMP) : 0) | (core != last ? ROUTER_TO(on) : 0);
        router_route(lay->fabric, core, colour, in, outs);
    }
    return last != from ? ROUTER_TO(on) : 0;
}

static void route_all(struct layout *lay, int colour, const struct members *to)
{
    bool *stops = array(lay->row->cores, sizeof *stops);
    for (int i = 0; i < to->count; i++)
        stops[to->core[i]] = true;
    int from = to->core[to->root];
    unsigned low = route_side(lay, colour, from, to->core[0], stops);
    unsigned high = route_side(lay, colour, from, to->core[to->count - 1], stops);
    router_route(lay->fabric, from, colour, ROUTER_RAMP, low | high);
    free(stops);
}

static void route_pair(struct layout *lay, int colour, int from, int to)
{
    int ends[2] = {from < to ? from : to, from < to ? to : from};
    route_all(lay, colour, &(struct members){ends, 2, from > to});
}

/* The usual operands are all of a core's values. */
static void act(struct layout *lay, int core, struct router_op op)
{
    op.read = values_of(lay, core);
    op.write = values_of(lay, core);
    op.count = lay->row->width;
    router_append(lay->fabric, core, op);
}

/* ---- ring shift ---- */

int router_ring_core(enum router_ring ring, int cores, int place)
{
    int evens = (cores + 1) / 2;
    if (ring == ROUTER_NATURAL)
        return place;
    return place < evens ? 2 * place : 2 * (cores - place) - 1;
}

/* Each sender has a colour of its own, its number. */
static void route_ring(struct layout *lay, enum router_ring ring, int dir)
{
    int cores = lay->row->cores;
    for (int place = 0; place < cores; place++) {
        int from = router_ring_core(ring, cores, place);
        route_pair(lay, from, from, router_ring_core(ring, cores, (place + dir + cores) % cores));
    }
}

enum router_status router_run_shift(const struct router_params *params, struct router_row *row, enum router_ring ring,
                                    int dir)
{
    struct layout lay = lay_open(params, row, true);
    int cores = row->cores;
    if (cores > 1)
        route_ring(&lay, ring, dir);
    for (int place = 0; cores > 1 && place < cores; place++) {
        int core = router_ring_core(ring, cores, place);
        int from = router_ring_core(ring, cores, (place - dir + cores) % cores);
        const float *sent = row->in + (size_t)core * (size_t)row->width;
        router_append(lay.fabric, core,
                      (struct router_op){ROUTER_SEND, .out = core, .count = row->width, .read = sent});
        act(&lay, core, (struct router_op){ROUTER_RECEIVE, .in = from, .overlap = true});
    }
    return lay_finish(&lay, 0, cores);
}

/* ---- multicast ---- */

/* Members' part in a multicast from their root. */
static void multicast(struct layout *lay, int colour, const struct members *of)
{
    route_all(lay, colour, of);
    for (int i = 0; i < of->count; i++) {
        enum router_code code = i == of->root ? ROUTER_SEND : ROUTER_RECEIVE;
        act(lay, of->core[i], (struct router_op){code, .in = colour, .out = colour});
    }
}

static int *all_cores(int cores)
{
    int *core = array(cores, sizeof *core);
    for (int i = 0; i < cores; i++)
        core[i] = i;
    return core;
}

enum router_status router_run_multicast(const struct router_params *params, struct router_row *row, int root)
{
    struct layout lay = lay_open(params, row, false);
    memcpy(values_of(&lay, root), row->in, values_size(row, 1));
    int *core = all_cores(row->cores);
    if (row->cores > 1)
        multicast(&lay, 0, &(struct members){core, row->cores, root});
    free(core);
    return lay_finish(&lay, 0, row->cores);
}

/* ---- chain ---- */

/* Two colours in turn on each side, so that what a core takes and what it sends never share one. */
enum { CHAIN_COLOURS = 4 };

static int chain_colour(int base, int stage, bool high)
{
    return base + stage % 2 + (high ? 2 : 0);
}

/* The members from one end to the root, exclusive; `step` is the way to the root. */
static void chain_side(struct layout *lay, int base, const struct members *of, int end, int step)
{
    int stage = 0;
    for (int i = end; i != of->root; i += step, stage++) {
        int colour = chain_colour(base, stage, step < 0);
        route_pair(lay, colour, of->core[i], of->core[i + step]);
        if (stage == 0)
            act(lay, of->core[i], (struct router_op){ROUTER_SEND, .out = colour});
        else
            act(lay, of->core[i],
                (struct router_op){ROUTER_FORWARD, .in = chain_colour(base, stage - 1, step < 0), .out = colour});
    }
    if (stage > 0)
        act(lay, of->core[of->root], (struct router_op){ROUTER_ADD, .in = chain_colour(base, stage - 1, step < 0)});
}

static void chain(struct layout *lay, int base, const struct members *of)
{
    chain_side(lay, base, of, 0, 1);
    chain_side(lay, base, of, of->count - 1, -1);
}

enum router_status router_run_chain(const struct router_params *params, struct router_row *row, int root)
{
    struct layout lay = lay_open(params, row, true);
    int *core = all_cores(row->cores);
    chain(&lay, 0, &(struct members){core, row->cores, root});
    free(core);
    return lay_finish(&lay, root, 1);
}

/* ---- star and tree ---- */

/* Colours ascend in the order in which the root takes them: the next to be taken has precedence on the links. */
static void star_branch(struct layout *lay, int from, int root)
{
    int colour = 2 * abs(from - root) + (from > root);
    if (from < 0 || from >= lay->row->cores)
        return;
    route_pair(lay, colour, from, root);
    act(lay, from, (struct router_op){ROUTER_SEND, .out = colour});
    act(lay, root, (struct router_op){ROUTER_ADD, .in = colour});
}

enum router_status router_run_star(const struct router_params *params, struct router_row *row, int root)
{
    struct layout lay = lay_open(params, row, true);
    for (int distance = 1; distance < row->cores; distance++) {
        star_branch(&lay, root - distance, root);
        star_branch(&lay, root + distance, root);
    }
    return lay_finish(&lay, root, 1);
}

enum router_status router_run_tree(const struct router_params *params, struct router_row *row)
{
    struct layout lay = lay_open(params, row, true);
    for (int distance = 1; distance < row->cores; distance *= 2)
        for (int core = 0; core + distance < row->cores; core += 2 * distance) {
            route_pair(&lay, distance, core + distance, core);
            act(&lay, core + distance, (struct router_op){ROUTER_SEND, .out = distance});
            act(&lay, core, (struct router_op){ROUTER_ADD, .in = distance});
        }
    return lay_finish(&lay, 0, 1);
}

/* ---- K-level tree ---- */

/* A group's root, as the number of a member. */
static int root_of(const struct router_ktree *tree, const int *member, int size)
{
    int nearest = 0;
    if (!tree->to_end)
        return size / 2;
    for (int i = 1; i < size; i++)
        if (abs(member[i] - tree->end) < abs(member[nearest] - tree->end))
            nearest = i;
    return nearest;
}

/* The members of every level, level 0 first; the last array holds the top root alone. */
static int **level_members(const struct router_ktree *tree, int cores, int *count)
{
    int **member = array(tree->levels + 1, sizeof *member);
    member[0] = all_cores(cores);
    count[0] = cores;
    for (int k = 0; k < tree->levels; k++) {
        count[k + 1] = tree->groups[k];
        member[k + 1] = array(count[k + 1], sizeof **member);
        for (int g = 0; g < tree->groups[k]; g++) {
            int first = tree->first[k][g], end = g + 1 < tree->groups[k] ? tree->first[k][g + 1] : count[k];
            member[k + 1][g] = member[k][first + root_of(tree, member[k] + first, end - first)];
        }
    }
    return member;
}

typedef void phase_fn(struct layout *lay, int colour, const struct members *of);

/* One phase in all groups of a level: they lie side by side, so they can share colours. */
static void ktree_phase(struct layout *lay, int colour, const int *member, int count, const struct router_ktree *tree,
                        int level, phase_fn *phase)
{
    const int *first = tree->first[level], groups = tree->groups[level];
    for (int g = 0; g < groups; g++) {
        int size = (g + 1 < groups ? first[g + 1] : count) - first[g];
        struct members of = {member + first[g], size, root_of(tree, member + first[g], size)};
        for (int i = 0; size > 1 && i < size; i++)
            hold(lay, of.core[i], lay->params->launch);
        if (size > 1)
            phase(lay, colour, &of);
    }
}

/* Colours ascend from phase to phase, which gives the earlier phase precedence on the links. */
static void ktree_phases(struct layout *lay, const struct router_ktree *tree, int **member, const int *count)
{
    int colour = 0;
    for (int k = 0; k < tree->levels; k++, colour += CHAIN_COLOURS)
        ktree_phase(lay, colour, member[k], count[k], tree, k, chain);
    for (int k = tree->levels - 1; tree->back && k >= 0; k--, colour++)
        ktree_phase(lay, colour, member[k], count[k], tree, k, multicast);
}

enum router_status router_run_ktree(const struct router_params *params, struct router_row *row,
                                    const struct router_ktree *tree)
{
    struct layout lay = lay_open(params, row, true);
    int *count = array(tree->levels + 1, sizeof *count);
    int **member = level_members(tree, row->cores, count);
    int top = member[tree->levels][0];
    ktree_phases(&lay, tree, member, count);
    for (int k = 0; k <= tree->levels; k++)
        free(member[k]);
    free(member);
    free(count);
    return tree->back ? lay_finish(&lay, 0, row->cores) : lay_finish(&lay, top, 1);
}

/* ---- ring allreduce ---- */

static int *chunk_starts(const int *chunk, int cores)
{
    int *start = array(cores, sizeof *start);
    for (int i = 1; i < cores; i++)
        start[i] = start[i - 1] + chunk[i - 1];
    return start;
}

static void ring_step(struct layout *lay, int place, int step, const int *chunk, const int *start)
{
    int cores = lay->row->cores, core = router_ring_core(ROUTER_INTERLEAVED, cores, place);
    int from = router_ring_core(ROUTER_INTERLEAVED, cores, (place + cores - 1) % cores);
    int sent = (place - step + 2 * cores) % cores, taken = (sent + cores - 1) % cores;
    float *own = values_of(lay, core);
    enum router_code code = step < cores - 1 ? ROUTER_ADD : ROUTER_RECEIVE;
    router_append(lay->fabric, core,
                  (struct router_op){ROUTER_SEND, .out = core, .count = chunk[sent], .read = own + start[sent]});
    router_append(
        lay->fabric, core,
        (struct router_op){code, .in = from, .count = chunk[taken], .write = own + start[taken], .overlap = true});
}

enum router_status router_run_ring_allreduce(const struct router_params *params, struct router_row *row,
                                             const int *chunk)
{
    struct layout lay = lay_open(params, row, true);
    int *start = chunk_starts(chunk, row->cores);
    if (row->cores > 1)
        route_ring(&lay, ROUTER_INTERLEAVED, 1);
    for (int step = 0; step < 2 * (row->cores - 1); step++)
        for (int place = 0; place < row->cores; place++)
            ring_step(&lay, place, step, chunk, start);
    free(start);
    return lay_finish(&lay, 0, row->cores);
}
