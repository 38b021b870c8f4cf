#include "router.h"

#include <stddef.h>
#include <stdlib.h>

struct wavelet {
    float value;
    long ready; /* the cycle in which it reaches the queue's end */
};

/* The wire into a queue needs no state of its own: a wavelet on it already holds its slot and is not yet ready. */
struct queue {
    struct wavelet *slots;
    int head, count;
};

struct path {
    int colour;
    enum router_port in;
    unsigned outs;
    struct queue queue;
    struct queue *next[ROUTER_PORTS];
    bool go;
};

struct inbox {
    int colour;
    struct queue queue;
};

struct instruction {
    struct router_op op;
    struct queue *from, *to;
    int taken, put; /* a WAIT counts its cycles as taken */
    float held;     /* the sum of a FORWARD that is not yet on the ramp */
    bool take, push;
};

struct core {
    struct path *paths; /* by colour, then by input: the order of precedence */
    struct inbox *inboxes;
    struct instruction *program;
    int path_count, inbox_count, length;
    int begin, end; /* the instructions that run now */
    long finish;
};

struct router_fabric {
    struct router_config config;
    enum router_status status;
    struct core *cores;
    int core_count;
    long now, hops;
};

static void *grow(void *items, int count, size_t size)
{
    void *grown = realloc(items, (size_t)count * size);
    if (!grown)
        abort();
    return grown;
}

static void fail(struct router_fabric *fabric, enum router_status status)
{
    if (fabric->status == ROUTER_OK)
        fabric->status = status;
}

/* ---- queues ---- */

static void queue_open(struct queue *queue, int depth)
{
    *queue = (struct queue){.slots = grow(NULL, depth, sizeof *queue->slots)};
}

static bool queue_ready(const struct queue *queue, long now)
{
    return queue->count > 0 && queue->slots[queue->head].ready <= now;
}

static void queue_put(struct queue *queue, int depth, struct wavelet wavelet)
{
    queue->slots[(queue->head + queue->count++) % depth] = wavelet;
}

static float queue_take(struct queue *queue, int depth)
{
    float value = queue->slots[queue->head].value;
    queue->head = (queue->head + 1) % depth;
    queue->count--;
    return value;
}

/* ---- laying routes and programs ---- */

static bool config_valid(const struct router_config *config)
{
    return config->rows > 0 && config->cols > 0 && config->ramp > 0 && config->hop > 0 && config->depth >= 0;
}

struct router_fabric *router_create(const struct router_config *config)
{
    struct router_fabric *fabric = grow(NULL, 1, sizeof *fabric);
    *fabric = (struct router_fabric){.config = *config};
    if (!config_valid(config)) {
        fail(fabric, ROUTER_BAD);
        return fabric;
    }
    if (config->depth == 0)
        fabric->config.depth = (config->ramp > config->hop ? config->ramp : config->hop) + 2;
    fabric->core_count = config->rows * config->cols;
    fabric->cores = grow(NULL, fabric->core_count, sizeof *fabric->cores);
    for (int i = 0; i < fabric->core_count; i++)
        fabric->cores[i] = (struct core){0};
    return fabric;
}

static void core_close(struct core *core)
{
    for (int i = 0; i < core->path_count; i++)
        free(core->paths[i].queue.slots);
    for (int i = 0; i < core->inbox_count; i++)
        free(core->inboxes[i].queue.slots);
    free(core->paths);
    free(core->inboxes);
    free(core->program);
}

void router_free(struct router_fabric *fabric)
{
    for (int i = 0; i < fabric->core_count; i++)
        core_close(&fabric->cores[i]);
    free(fabric->cores);
    free(fabric);
}

static struct queue *find_inbox(const struct core *core, int colour)
{
    for (int i = 0; i < core->inbox_count; i++)
        if (core->inboxes[i].colour == colour)
            return &core->inboxes[i].queue;
    return NULL;
}

static struct queue *find_path(const struct core *core, int colour, enum router_port in)
{
    for (int i = 0; i < core->path_count; i++)
        if (core->paths[i].colour == colour && core->paths[i].in == in)
            return &core->paths[i].queue;
    return NULL;
}

static void add_inbox(struct core *core, int colour, int depth)
{
    core->inboxes = grow(core->inboxes, core->inbox_count + 1, sizeof *core->inboxes);
    struct inbox *inbox = &core->inboxes[core->inbox_count++];
    inbox->colour = colour;
    queue_open(&inbox->queue, depth);
}

static void add_path(struct core *core, struct path path, int depth)
{
    core->paths = grow(core->paths, core->path_count + 1, sizeof *core->paths);
    int at = core->path_count++;
    for (; at > 0; at--) {
        const struct path *before = &core->paths[at - 1];
        if (before->colour < path.colour || (before->colour == path.colour && before->in < path.in))
            break;
        core->paths[at] = *before;
    }
    queue_open(&path.queue, depth);
    core->paths[at] = path;
}

static bool route_valid(const struct core *core, int colour, enum router_port in, unsigned outs)
{
    if (outs == 0 || outs >= ROUTER_TO(ROUTER_PORTS) || outs & ROUTER_TO(in))
        return false;
    for (int i = 0; i < core->path_count; i++) {
        const struct path *path = &core->paths[i];
        if (path->colour == colour && (path->in == in || path->outs != outs))
            return false;
    }
    return true;
}

void router_route(struct router_fabric *fabric, int core, int colour, enum router_port in, unsigned outs)
{
    if (core < 0 || core >= fabric->core_count || !route_valid(&fabric->cores[core], colour, in, outs)) {
        fail(fabric, ROUTER_BAD);
        return;
    }
    struct core *at = &fabric->cores[core];
    add_path(at, (struct path){.colour = colour, .in = in, .outs = outs}, fabric->config.depth);
    if (outs & ROUTER_TO(ROUTER_RAMP) && !find_inbox(at, colour))
        add_inbox(at, colour, fabric->config.depth);
}

static bool takes(enum router_code code)
{
    return code == ROUTER_RECEIVE || code == ROUTER_ADD || code == ROUTER_FORWARD;
}

static bool puts_out(enum router_code code)
{
    return code == ROUTER_SEND || code == ROUTER_FORWARD;
}

static bool memory_named(const struct router_op *op)
{
    return puts_out(op->code) ? op->read != NULL : op->code == ROUTER_WAIT || op->write != NULL;
}

void router_append(struct router_fabric *fabric, int core, struct router_op op)
{
    bool mistaken = op.count < 0 || (op.count > 0 && !memory_named(&op));
    if (core < 0 || core >= fabric->core_count || mistaken) {
        fail(fabric, ROUTER_BAD);
        return;
    }
    struct core *at = &fabric->cores[core];
    at->program = grow(at->program, at->length + 1, sizeof *at->program);
    at->program[at->length++] = (struct instruction){.op = op};
}

/* ---- joining what was laid: queues have their final addresses only once all routes are known ---- */

static const struct core *neighbour(const struct router_fabric *fabric, int core, enum router_port port)
{
    static const int down[ROUTER_PORTS] = {[ROUTER_NORTH] = -1, [ROUTER_SOUTH] = 1};
    static const int right[ROUTER_PORTS] = {[ROUTER_WEST] = -1, [ROUTER_EAST] = 1};
    int row = core / fabric->config.cols + down[port], col = core % fabric->config.cols + right[port];
    if (row < 0 || row >= fabric->config.rows || col < 0 || col >= fabric->config.cols)
        return NULL;
    return &fabric->cores[row * fabric->config.cols + col];
}

static struct queue *leads_to(const struct router_fabric *fabric, int core, int colour, enum router_port port)
{
    static const enum router_port facing[ROUTER_PORTS] = {
        [ROUTER_NORTH] = ROUTER_SOUTH,
        [ROUTER_SOUTH] = ROUTER_NORTH,
        [ROUTER_EAST] = ROUTER_WEST,
        [ROUTER_WEST] = ROUTER_EAST,
    };
    if (port == ROUTER_RAMP)
        return find_inbox(&fabric->cores[core], colour);
    const struct core *next = neighbour(fabric, core, port);
    return next ? find_path(next, colour, facing[port]) : NULL;
}

static void join_paths(struct router_fabric *fabric, int core)
{
    struct core *at = &fabric->cores[core];
    for (int i = 0; i < at->path_count; i++) {
        struct path *path = &at->paths[i];
        for (int port = 0; port < ROUTER_PORTS; port++) {
            if (!(path->outs & ROUTER_TO(port)))
                continue;
            path->next[port] = leads_to(fabric, core, path->colour, (enum router_port)port);
            if (!path->next[port])
                fail(fabric, ROUTER_UNROUTED);
        }
    }
}

static void join_program(struct router_fabric *fabric, struct core *core)
{
    for (int i = 0; i < core->length; i++) {
        struct instruction *at = &core->program[i];
        at->from = takes(at->op.code) ? find_inbox(core, at->op.in) : NULL;
        at->to = puts_out(at->op.code) ? find_path(core, at->op.out, ROUTER_RAMP) : NULL;
        if ((takes(at->op.code) && !at->from) || (puts_out(at->op.code) && !at->to))
            fail(fabric, ROUTER_UNROUTED);
    }
}

/* ---- one cycle: decide ---- */

static bool has_room(const struct router_fabric *fabric, const struct queue *queue)
{
    return queue->count < fabric->config.depth;
}

static bool path_can_go(const struct router_fabric *fabric, const struct path *path, unsigned busy)
{
    if (path->outs & busy || !queue_ready(&path->queue, fabric->now))
        return false;
    for (int port = 0; port < ROUTER_PORTS; port++)
        if (path->next[port] && !has_room(fabric, path->next[port]))
            return false;
    return true;
}

static void decide_router(const struct router_fabric *fabric, struct core *core)
{
    unsigned busy = 0;
    for (int i = 0; i < core->path_count; i++) {
        struct path *path = &core->paths[i];
        path->go = path_can_go(fabric, path, busy);
        if (path->go)
            busy |= path->outs;
    }
}

static bool wants_push(const struct instruction *at)
{
    return at->op.code == ROUTER_FORWARD ? at->taken > at->put : at->to && at->put < at->op.count;
}

static bool wants_take(const struct instruction *at)
{
    bool free_hand = at->op.code != ROUTER_FORWARD || at->taken == at->put || at->push;
    return at->from && at->taken < at->op.count && free_hand;
}

static void decide_processor(const struct router_fabric *fabric, struct core *core)
{
    bool taking = false, pushing = false;
    for (int i = core->begin; i < core->end; i++) {
        struct instruction *at = &core->program[i];
        at->push = !pushing && wants_push(at) && has_room(fabric, at->to);
        at->take = !taking && wants_take(at) && queue_ready(at->from, fabric->now);
        pushing |= at->push;
        taking |= at->take;
    }
}

/* ---- one cycle: move ---- */

static void move_path(struct router_fabric *fabric, struct path *path)
{
    const struct router_config *config = &fabric->config;
    float value = queue_take(&path->queue, config->depth);
    for (int port = 0; port < ROUTER_PORTS; port++) {
        if (!path->next[port])
            continue;
        int delay = port == ROUTER_RAMP ? config->ramp : config->hop;
        queue_put(path->next[port], config->depth, (struct wavelet){value, fabric->now + delay});
        fabric->hops += port != ROUTER_RAMP;
    }
}

static bool move_router(struct router_fabric *fabric, struct core *core)
{
    bool moved = false;
    for (int i = 0; i < core->path_count; i++) {
        if (core->paths[i].go)
            move_path(fabric, &core->paths[i]);
        moved |= core->paths[i].go;
    }
    return moved;
}

static void put_one(const struct router_fabric *fabric, struct instruction *at)
{
    float value = at->op.code == ROUTER_FORWARD ? at->held : at->op.read[at->put];
    queue_put(at->to, fabric->config.depth, (struct wavelet){value, fabric->now + fabric->config.ramp});
    at->put++;
}

static void take_one(const struct router_fabric *fabric, struct instruction *at)
{
    float value = queue_take(at->from, fabric->config.depth);
    int i = at->taken++;
    if (at->op.code == ROUTER_FORWARD)
        at->held = at->op.read[i] + value;
    else
        at->op.write[i] = at->op.code == ROUTER_ADD ? at->op.write[i] + value : value;
}

/* The put comes first: a FORWARD that does both must not overwrite the sum it holds. */
static bool move_instruction(const struct router_fabric *fabric, struct instruction *at)
{
    bool waits = at->op.code == ROUTER_WAIT && at->taken < at->op.count;
    if (at->push)
        put_one(fabric, at);
    if (at->take)
        take_one(fabric, at);
    at->taken += waits;
    return at->push || at->take || waits;
}

static bool instruction_done(const struct instruction *at)
{
    bool all_taken = at->op.code == ROUTER_SEND || at->taken == at->op.count;
    bool all_put = !puts_out(at->op.code) || at->put == at->op.count;
    return all_taken && all_put;
}

static bool group_done(const struct core *core)
{
    for (int i = core->begin; i < core->end; i++)
        if (!instruction_done(&core->program[i]))
            return false;
    return true;
}

/* Steps over every group that has nothing left to do; true when the program has come to its end. */
static bool advance(struct core *core)
{
    while (core->begin < core->length && group_done(core)) {
        core->begin = core->end;
        core->end += core->end < core->length;
        while (core->end < core->length && core->program[core->end].op.overlap)
            core->end++;
    }
    return core->begin == core->length;
}

static bool move_processor(const struct router_fabric *fabric, struct core *core)
{
    bool moved = false;
    for (int i = core->begin; i < core->end; i++)
        moved |= move_instruction(fabric, &core->program[i]);
    if (core->begin < core->length && advance(core))
        core->finish = fabric->now + 1;
    return moved;
}

static struct core *visit(const struct router_fabric *fabric, int turn)
{
    return &fabric->cores[fabric->config.reverse ? fabric->core_count - 1 - turn : turn];
}

static bool cycle(struct router_fabric *fabric)
{
    for (int i = 0; i < fabric->core_count; i++) {
        decide_router(fabric, visit(fabric, i));
        decide_processor(fabric, visit(fabric, i));
    }
    bool moved = false;
    for (int i = 0; i < fabric->core_count; i++) {
        moved |= move_router(fabric, visit(fabric, i));
        moved |= move_processor(fabric, visit(fabric, i));
    }
    fabric->now++;
    return moved;
}

/* ---- running ---- */

static bool all_ended(const struct router_fabric *fabric)
{
    for (int i = 0; i < fabric->core_count; i++)
        if (fabric->cores[i].begin < fabric->cores[i].length)
            return false;
    return true;
}

static bool wavelets_left(const struct router_fabric *fabric)
{
    int left = 0;
    for (int i = 0; i < fabric->core_count; i++) {
        const struct core *core = &fabric->cores[i];
        for (int j = 0; j < core->path_count; j++)
            left += core->paths[j].queue.count;
        for (int j = 0; j < core->inbox_count; j++)
            left += core->inboxes[j].queue.count;
    }
    return left > 0;
}

static void join(struct router_fabric *fabric)
{
    for (int i = 0; i < fabric->core_count; i++) {
        join_paths(fabric, i);
        join_program(fabric, &fabric->cores[i]);
        advance(&fabric->cores[i]);
    }
}

enum router_status router_run(struct router_fabric *fabric)
{
    int longest = fabric->config.ramp > fabric->config.hop ? fabric->config.ramp : fabric->config.hop;
    join(fabric);
    for (int still = 0; fabric->status == ROUTER_OK && !all_ended(fabric);) {
        still = cycle(fabric) ? 0 : still + 1;
        if (still > longest)
            fail(fabric, ROUTER_STUCK);
    }
    if (wavelets_left(fabric))
        fail(fabric, ROUTER_LEFT);
    return fabric->status;
}

long router_finish(const struct router_fabric *fabric, int core)
{
    return fabric->cores[core].finish;
}

long router_hops(const struct router_fabric *fabric)
{
    return fabric->hops;
}

int router_depth(const struct router_fabric *fabric)
{
    return fabric->config.depth;
}
