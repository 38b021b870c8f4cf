#include "data/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- compiling ---- */

/* Programs while they grow: lists of operations. */
struct node {
    plmr_tree_op op;
    int next;
};

struct expression {
    int head, tail; /* nodes; -1: none */
    int depth;      /* of the stack that it needs */
    int value;      /* the result that it has become, or -1 */
    bool single;    /* nothing but the core's own value */
};

struct compiler {
    plmr_tree *tree;
    const plmr_region *region; /* NULL: all cores are this rank's */
    int n, first;              /* cores of the line; this rank's first */
    struct expression *of;     /* by core of the line */
    struct node *nodes;
    int n_nodes;
    int *head; /* by value of this rank: its program */
};

static int owner(const struct compiler *c, int core)
{
    return c->region ? plmr_region_owner(c->region, c->tree->axis, core) : 0;
}

static int append(struct compiler *c, int head, int *tail, plmr_tree_op op)
{
    int node = c->n_nodes++;
    c->nodes[node] = (struct node){op, -1};
    if (head >= 0)
        c->nodes[*tail].next = node;
    *tail = node;
    return head >= 0 ? head : node;
}

static void start_expressions(struct compiler *c)
{
    for (int core = 0; core < c->n; core++) {
        struct expression *e = &c->of[core];
        *e = (struct expression){.head = -1, .value = -1, .depth = 1, .single = true};
        e->head = append(c, -1, &e->tail, (plmr_tree_op){PLMR_TREE_PUSH, core - c->first});
    }
}

/* Whichever needs the deeper stack is worked out first: the order of two summands does not matter. */
static struct expression sum_of(struct compiler *c, const struct expression *a, const struct expression *b)
{
    const struct expression *deep = a->depth >= b->depth ? a : b, *flat = deep == a ? b : a;
    struct expression sum = *deep;
    c->nodes[deep->tail].next = flat->head;
    sum.tail = flat->tail;
    sum.depth = deep->depth > flat->depth ? deep->depth : deep->depth + 1;
    append(c, sum.head, &sum.tail, (plmr_tree_op){.kind = PLMR_TREE_MERGE});
    return sum;
}

/* dst += src, both without legs so far. A core that has only its own value adds it to what comes. */
static void join(struct compiler *c, int src, int dst)
{
    struct expression sum = c->of[src];
    if (c->of[dst].single)
        sum.head = append(c, sum.head, &sum.tail, (plmr_tree_op){PLMR_TREE_ONTO, dst - c->first});
    else
        sum = sum_of(c, &c->of[src], &c->of[dst]);
    sum.single = false;
    c->of[dst] = sum;
}

/* The number of a core's result among those of the rank that owns it. Until all are known, first_value[p + 1] counts those
 * of place p. */
static int value_of(struct compiler *c, int core)
{
    struct expression *e = &c->of[core];
    int place = owner(c, core);
    if (e->value < 0) {
        e->value = c->tree->first_value[place + 1]++;
        if (place == c->tree->place) {
            c->head[e->value] = e->head;
            c->tree->depth = e->depth > c->tree->depth ? e->depth : c->tree->depth;
        }
    }
    return e->value;
}

/* A leg's ends are noted as cores, until all results are known. */
static void compile_leg(struct compiler *c, plmr_leg leg)
{
    bool within = owner(c, leg.src) == owner(c, leg.dst);
    if (within && c->of[leg.src].value < 0 && c->of[leg.dst].value < 0) {
        join(c, leg.src, leg.dst);
        return;
    }
    value_of(c, leg.src);
    value_of(c, leg.dst);
    c->tree->legs[c->tree->n_legs++] = (plmr_tree_leg){leg.src, leg.dst};
}

static int number_of(const struct compiler *c, int core)
{
    return c->tree->first_value[owner(c, core)] + c->of[core].value;
}

static void number_results(struct compiler *c, int root)
{
    plmr_tree *tree = c->tree;
    tree->n_values = tree->first_value[tree->place + 1];
    for (int place = 0; place < tree->n_places; place++)
        tree->first_value[place + 1] += tree->first_value[place];
    for (int i = 0; i < tree->n_legs; i++)
        tree->legs[i] = (plmr_tree_leg){number_of(c, tree->legs[i].src), number_of(c, tree->legs[i].dst)};
    tree->root = number_of(c, root);
}

/* Programs one after the other; those of results. */
static void flatten(struct compiler *c)
{
    plmr_tree *tree = c->tree;
    int n = 0;
    for (int v = 0; v < tree->n_values; v++) {
        tree->first[v] = n;
        for (int node = c->head[v]; node >= 0; node = c->nodes[node].next)
            tree->ops[n++] = c->nodes[node].op;
    }
    tree->first[tree->n_values] = n;
}

static void compile(struct compiler *c, const plmr_reduce_plan *plan)
{
    start_expressions(c);
    for (int p = 0; p < plan->n_phases; p++)
        for (int i = 0; i < plan->phases[p].n_legs && plan->phases[p].adds; i++)
            compile_leg(c, plan->phases[p].legs[i]);
    value_of(c, plan->root);
    number_results(c, plan->root);
    flatten(c);
}

static int count_legs(const plmr_reduce_plan *plan)
{
    int n = 0;
    for (int p = 0; p < plan->n_phases; p++)
        n += plan->phases[p].adds ? plan->phases[p].n_legs : 0;
    return n;
}

static plmr_tree *create(const plmr_reduce_plan *plan, struct compiler c)
{
    plmr_tree *tree = c.tree;
    size_t n_legs = (size_t)count_legs(plan), n = (size_t)c.n;
    PLMR_ASSERT(!plan->ring);
    c.of = plmr_take_zeroed(n, sizeof *c.of);
    c.nodes = plmr_take_zeroed(n + n_legs + 1, sizeof *c.nodes);
    c.head = plmr_take_zeroed(n + 1, sizeof *c.head);
    tree->first = plmr_take_zeroed(n + 2, sizeof *tree->first);
    tree->ops = plmr_take_zeroed(n + n_legs + 1, sizeof *tree->ops);
    tree->legs = plmr_take_zeroed(n_legs + 1, sizeof *tree->legs);
    tree->first_value = plmr_take_zeroed((size_t)tree->n_places + 1, sizeof *tree->first_value);
    compile(&c, plan);
    free(c.head);
    free(c.nodes);
    free(c.of);
    return tree;
}

plmr_tree *plmr_tree_create(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan)
{
    plmr_tree *tree = plmr_take_zeroed(1, sizeof *tree);
    *tree = (plmr_tree){.axis = axis,
                        .n_places = plmr_ranks_extent(region->ranks, axis),
                        .place = plmr_ranks_place(region->ranks, axis),
                        .messages = plmr_exchange_create(region->ranks, "a reduction")};
    struct compiler compiler = {
        .tree = tree,
        .region = region,
        .n = plan->n,
        .first = region->first[axis],
    };
    return create(plan, compiler);
}

plmr_tree *plmr_tree_create_local(const plmr_reduce_plan *plan)
{
    plmr_tree *tree = plmr_take_zeroed(1, sizeof *tree);
    tree->n_places = 1;
    return create(plan, (struct compiler){.tree = tree, .n = plan->n});
}

void plmr_tree_destroy(plmr_tree *tree)
{
    if (!tree)
        return;
    plmr_exchange_destroy(tree->messages);
    free(tree->first_value);
    free(tree->legs);
    free(tree->ops);
    free(tree->first);
    free(tree);
}

/* ---- running ---- */

float plmr_tree_sum(const plmr_tree_op *ops, int n_ops, const float *of_cores)
{
    float stack[PLMR_TREE_DEPTH], *top = stack; /* behind the last */
    for (const plmr_tree_op *op = ops; op < ops + n_ops; op++) {
        if (op->kind == PLMR_TREE_PUSH)
            *top++ = of_cores[op->core];
        else if (op->kind == PLMR_TREE_ONTO)
            top[-1] = of_cores[op->core] + top[-1];
        else
            top--, top[-1] = top[-1] + top[0];
    }
    return stack[0];
}

/* The core that is asked for next after operation i. */
static int core_after(const plmr_tree *tree, int i)
{
    for (i++; i < tree->first[tree->n_values]; i++)
        if (tree->ops[i].kind != PLMR_TREE_MERGE)
            return tree->ops[i].core;
    return -1;
}

/* Runs the program of value v for columns [col, col + width); the result is at the stack's bottom. */
static void run_program(const plmr_tree_job *job, int v, int64_t col, int64_t width, float *stack)
{
    const plmr_tree *tree = job->tree;
    size_t level = (size_t)job->n_batch * (size_t)width;
    float *top = stack - level;
    if (job->run) {
        job->run(job->context, tree->ops + tree->first[v], tree->first[v + 1] - tree->first[v], col, width, stack);
        return;
    }
    for (int i = tree->first[v]; i < tree->first[v + 1]; i++) {
        plmr_tree_op op = tree->ops[i];
        if (op.kind == PLMR_TREE_MERGE) {
            top -= level;
            plmr_vector_add(job->accumulate, (int64_t)level, top + level, top);
            continue;
        }
        bool pushes = op.kind == PLMR_TREE_PUSH;
        top += pushes ? level : 0;
        job->make(job->context, op.core, col, width, pushes ? NULL : top, top, core_after(tree, i));
    }
}

static void copy_batch(const plmr_tree_job *job, const float *from, size_t ld_from, float *to, size_t ld_to, int64_t n)
{
    for (int b = 0; b < job->n_batch; b++)
        memcpy(to + (size_t)b * ld_to, from + (size_t)b * ld_from, (size_t)n * sizeof *to);
}

static size_t element_count(const plmr_tree_job *job)
{
    return (size_t)job->n_batch * (size_t)job->n;
}

/* Every result of this rank, for all columns: result v at values + v * stride. */
static void run_programs(const plmr_tree_job *job, float *values, size_t stride)
{
    int64_t most = job->strip < job->n ? job->strip : job->n;
    size_t level = (size_t)job->n_batch * (size_t)most;
    float *stack = plmr_take(((size_t)job->tree->depth + 1) * level * sizeof *stack);
    for (int64_t col = 0; col < job->n; col += job->strip) {
        int64_t width = job->n - col < job->strip ? job->n - col : job->strip;
        for (int v = 0; v < job->tree->n_values; v++) {
            run_program(job, v, col, width, stack);
            copy_batch(job, stack, (size_t)width, values + (size_t)v * stride + col, (size_t)job->n, width);
        }
    }
    free(stack);
}

/* ---- between ranks ---- */

/* Bytes of all results up to which each rank gets all of them. */
enum { SHORT_BYTES = 8 << 10 };

/* What each rank works out of vectors of `stride` elements: all, or its share. */
struct sharing {
    const plmr_tree *tree;
    size_t stride;
    bool whole;
};

static size_t share_first(const struct sharing *s, int place)
{
    return s->whole ? 0 : s->stride * (size_t)place / (size_t)s->tree->n_places;
}

static size_t share_width(const struct sharing *s, int place)
{
    return s->whole ? s->stride : share_first(s, place + 1) - share_first(s, place);
}

/* This rank's results, the columns of a place. */
static void pack(const struct sharing *s, int place, const float *values, float *to)
{
    size_t width = share_width(s, place);
    for (int v = 0; v < s->tree->n_values; v++, to += width)
        memcpy(to, values + (size_t)v * s->stride + share_first(s, place), width * sizeof *to);
}

/* Of the results of all ranks this rank's columns. */
static void trade_results(const struct sharing *s, const float *values, float *packed, float *all)
{
    const plmr_tree *t = s->tree;
    size_t mine = share_width(s, t->place);
    for (int place = 0; place < t->n_places; place++) {
        float *from = all + (size_t)t->first_value[place] * mine;
        size_t n = (size_t)(t->first_value[place + 1] - t->first_value[place]) * mine;
        size_t n_out = (size_t)t->n_values * share_width(s, place);
        pack(s, place, values, place == t->place ? from : packed);
        if (place == t->place)
            continue;
        plmr_exchange_receive(t->messages, t->axis, place, from, n * sizeof *from);
        plmr_exchange_send(t->messages, t->axis, place, packed, n_out * sizeof *packed);
        packed += n_out;
    }
    plmr_exchange_wait(t->messages);
}

/* The sum's columns, from those who have worked them out. */
static void trade_sum(const struct sharing *s, const float *own, float *sum)
{
    const plmr_tree *t = s->tree;
    size_t mine = share_width(s, t->place);
    memcpy(sum + share_first(s, t->place), own, mine * sizeof *sum);
    for (int place = 0; place < t->n_places && !s->whole; place++) {
        if (place == t->place)
            continue;
        plmr_exchange_receive(t->messages, t->axis, place, sum + share_first(s, place),
                              share_width(s, place) * sizeof *sum);
        plmr_exchange_send(t->messages, t->axis, place, own, mine * sizeof *own);
    }
    plmr_exchange_wait(t->messages);
}

/* From this rank's results to the sum of the line. */
static void add_up(const plmr_tree *t, enum plmr_dtype accumulate, size_t stride, const float *values, float *sum)
{
    size_t n_all = (size_t)t->first_value[t->n_places];
    struct sharing s = {t, stride, n_all * stride * sizeof *values <= SHORT_BYTES};
    size_t width = share_width(&s, t->place), n_packed = (size_t)t->n_values * (s.whole ? (size_t)t->n_places : 1);
    float *all = plmr_take((n_all * width + n_packed * stride + 1) * sizeof *all);
    trade_results(&s, values, all + n_all * width, all);
    for (int i = 0; i < t->n_legs; i++)
        plmr_vector_add(accumulate, (int64_t)width, all + (size_t)t->legs[i].src * width,
                        all + (size_t)t->legs[i].dst * width);
    trade_sum(&s, all + (size_t)t->root * width, sum);
    free(all);
}

void plmr_tree_run_fused(const plmr_tree_job *jobs, int n_jobs)
{
    const plmr_tree *tree = jobs->tree;
    size_t stride = 0;
    for (int i = 0; i < n_jobs; i++)
        stride += element_count(&jobs[i]);
    /* One vector more than there are results, for the sum. */
    float *values = plmr_take(((size_t)tree->n_values + 1) * (stride ? stride : 1) * sizeof *values), *at = values;
    for (int i = 0; i < n_jobs; at += element_count(&jobs[i++]))
        run_programs(&jobs[i], at, stride);
    at = values + (size_t)tree->root * stride;
    if (tree->n_places > 1) {
        at = values + (size_t)tree->n_values * stride;
        add_up(tree, jobs->accumulate, stride, values, at);
    }
    for (int i = 0; i < n_jobs; at += element_count(&jobs[i++]))
        copy_batch(&jobs[i], at, (size_t)jobs[i].n, jobs[i].sum, jobs[i].ld_sum, jobs[i].n);
    free(values);
}

void plmr_tree_run(const plmr_tree_job *job)
{
    plmr_tree_run_fused(job, 1);
}
