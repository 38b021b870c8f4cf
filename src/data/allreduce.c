#include "data/allreduce.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/tree.h"
#include "region/ring.h"

/* The vectors of this block's cores, and what is needed to send them. */
struct values {
    plmr_region *region;
    plmr_exchange *messages;
    enum plmr_axis axis;
    enum plmr_dtype accumulate;
    int64_t n_elements, across;
    float *vectors, *incoming;
    int first, n, extent, place;
};

static float *vector_of(const struct values *v, int core)
{
    return v->vectors + (size_t)(core - v->first) * (size_t)(v->n_elements * v->across);
}

static void give_vector(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                        int next)
{
    const struct values *v = context;
    const float *own = vector_of(v, v->first + core) + first;
    memmove(out, onto ? onto : own, (size_t)width * sizeof *out);
    if (onto)
        plmr_vector_add(v->accumulate, width, own, out);
    (void)next;
}

static void add_tree(const struct values *v, const plmr_reduce_plan *plan, float *sum)
{
    int64_t length = v->n_elements * v->across;
    plmr_tree *tree = plmr_tree_create(v->region, v->axis, plan);
    plmr_tree_job job = {.tree = tree,
                         .accumulate = v->accumulate,
                         .n_batch = 1,
                         .n = length,
                         .strip = length,
                         .make = give_vector,
                         .context = v,
                         .sum = sum,
                         .ld_sum = (size_t)length};
    plmr_tree_run(&job);
    plmr_tree_destroy(tree);
}

/* Elements of chunk c of a vector. */
static int64_t chunk_first(const struct values *v, int c)
{
    return v->n_elements * c / v->n;
}

/* Copies chunk c of every line between vectors and a message. */
static int64_t copy_chunk(const struct values *v, float *vectors, int c, float *message, bool out)
{
    int64_t first = chunk_first(v, c), count = chunk_first(v, c + 1) - first;
    for (int64_t line = 0; line < v->across; line++) {
        float *at = vectors + line * v->n_elements + first;
        memcpy(out ? message + line * count : at, out ? at : message + line * count, (size_t)count * sizeof(float));
    }
    return count * v->across;
}

static void add_chunk(const struct values *v, const float *from, int64_t from_stride, int to_core, int c)
{
    int64_t first = chunk_first(v, c), count = chunk_first(v, c + 1) - first;
    float *to = vector_of(v, to_core) + first;
    for (int64_t line = 0; line < v->across; line++)
        plmr_vector_add(v->accumulate, count, from + line * from_stride, to + line * v->n_elements);
}

/* Passes chunk c from ring position p to the one before, where it is added. */
static void pass_chunk(const struct values *v, const plmr_ring *ring, int c, int p)
{
    int src = plmr_ring_core(ring, p), dst = plmr_ring_core(ring, (p + v->n - 1) % v->n);
    int src_place = plmr_ranks_owner(v->n, v->extent, src), dst_place = plmr_ranks_owner(v->n, v->extent, dst);
    int64_t first = chunk_first(v, c), count = chunk_first(v, c + 1) - first;
    size_t n_bytes = (size_t)(count * v->across) * sizeof(float);
    if (src_place == v->place && dst_place == v->place) {
        add_chunk(v, vector_of(v, src) + first, v->n_elements, dst, c);
    } else if (src_place == v->place) {
        copy_chunk(v, vector_of(v, src), c, v->incoming, true);
        plmr_exchange_send(v->messages, v->axis, dst_place, v->incoming, n_bytes);
        plmr_exchange_wait(v->messages);
    } else if (dst_place == v->place) {
        plmr_exchange_receive(v->messages, v->axis, src_place, v->incoming, n_bytes);
        plmr_exchange_wait(v->messages);
        add_chunk(v, v->incoming, count, dst, c);
    }
}

/* Chunk c goes round once, from the position before c on, and is whole at position c. Chunks do not meet, so one after
 * the other can take its turn; with short vectors most are empty. */
static void add_chunk_round(const struct values *v, const plmr_ring *ring, int c)
{
    for (int step = 0; step < v->n - 1; step++)
        pass_chunk(v, ring, c, (c + 2 * v->n - 1 - step) % v->n);
}

static void add_round(const struct values *v, const plmr_ring *ring, float *sum)
{
    for (int c = 0; c < v->n; c++) {
        int core = plmr_ring_core(ring, c), owner = plmr_ranks_owner(v->n, v->extent, core);
        int64_t length = (chunk_first(v, c + 1) - chunk_first(v, c)) * v->across;
        if (length == 0)
            continue;
        add_chunk_round(v, ring, c);
        if (owner == v->place)
            copy_chunk(v, vector_of(v, core), c, v->incoming, true);
        plmr_ranks_line_broadcast(v->region->ranks, v->axis, owner, v->incoming, (size_t)length * sizeof(float));
        copy_chunk(v, sum, c, v->incoming, false);
    }
}

static void add_ring(const struct values *v, float *sum)
{
    plmr_ring *ring = plmr_ring_make(v->region, v->axis, PLMR_INTERLEAVED, 1);
    add_round(v, ring, sum);
    plmr_ring_destroy(ring);
}

void plmr_allreduce_values(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan,
                           enum plmr_dtype accumulate, int64_t n_elements, int64_t across, float *vectors, float *sum)
{
    struct values v = {.region = region,
                       .axis = axis,
                       .accumulate = accumulate,
                       .n_elements = n_elements,
                       .across = across,
                       .vectors = vectors,
                       .first = region->first[axis],
                       .n = plan->n,
                       .extent = plmr_ranks_extent(region->ranks, axis),
                       .place = plmr_ranks_place(region->ranks, axis)};
    size_t length = (size_t)(n_elements * across);
    v.incoming = plmr_take((length ? length : 1) * sizeof(float));
    v.messages = plmr_exchange_create(region->ranks, "an allreduce");
    if (plan->ring)
        add_ring(&v, sum);
    else
        add_tree(&v, plan, sum);
    plmr_exchange_destroy(v.messages);
    free(v.incoming);
}
