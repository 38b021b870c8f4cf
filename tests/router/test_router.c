#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "programs.h"
#include "router.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))

static const struct router_params machines[] = {
    {.ramp = 1, .hop = 1}, {.ramp = 2, .hop = 1}, {.ramp = 2, .hop = 2}, {.ramp = 5, .hop = 1}, {.ramp = 1, .hop = 9},
};
static const int lengths[] = {2, 3, 4, 5, 8, 11};
static const int widths[] = {1, 2, 3, 7, 20};

static long max(long a, long b)
{
    return a > b ? a : b;
}

/* ---- a row with its arrays ---- */

/* Small whole numbers, so that sums are exact in any order. */
static float value(int core, int i)
{
    return (float)((core * 7 + i * 3) % 23 - 5);
}

static struct router_row open_row(int cores, int width)
{
    size_t values = (size_t)cores * (size_t)width;
    float *in = calloc(values + 1, sizeof *in);
    struct router_row row = {.cores = cores, .width = width, .in = in};
    row.finish = calloc((size_t)cores, sizeof *row.finish);
    row.out = calloc(values + 1, sizeof *row.out);
    assert_true(in && row.finish && row.out);
    for (int core = 0; core < cores; core++)
        for (int i = 0; i < width; i++)
            in[core * width + i] = value(core, i);
    return row;
}

static void close_row(struct router_row *row)
{
    free((void *)row->in);
    free((void *)row->start);
    free(row->finish);
    free(row->out);
}

/* Start cycles from 0 to `spread`, the same for the same seed anywhere. */
static void scatter_starts(struct router_row *row, uint32_t seed, int spread)
{
    long *start = calloc((size_t)row->cores, sizeof *start);
    assert_non_null(start);
    for (int core = 0; core < row->cores; core++) {
        seed = seed * 1664525u + 1013904223u;
        start[core] = (long)(seed >> 16) % (spread + 1);
    }
    row->start = start;
}

static void check_sums(const struct router_row *row, const float *out)
{
    for (int i = 0; i < row->width; i++) {
        float sum = 0;
        for (int core = 0; core < row->cores; core++)
            sum += value(core, i);
        assert_true(out[i] == sum);
    }
}

static void check_sums_everywhere(const struct router_row *row)
{
    for (int core = 0; core < row->cores; core++)
        check_sums(row, row->out + core * row->width);
}

static void check_values(const struct router_row *row, int core, int expected_core)
{
    for (int i = 0; i < row->width; i++)
        assert_true(row->out[core * row->width + i] == value(expected_core, i));
}

typedef void each_fn(const struct router_params *params, int cores, int width);

static void for_each_case(each_fn *fn)
{
    for (int m = 0; m < LENGTH(machines); m++)
        for (int p = 0; p < LENGTH(lengths); p++)
            for (int w = 0; w < LENGTH(widths); w++)
                fn(&machines[m], lengths[p], widths[w]);
}

/* ---- one message on a mesh ---- */

static struct router_fabric *open_mesh(const struct router_params *params, int rows, int cols)
{
    struct router_config config = {.rows = rows, .cols = cols, .ramp = params->ramp, .hop = params->hop};
    config.depth = params->depth;
    config.reverse = params->reverse;
    return router_create(&config);
}

static void add_send(struct router_fabric *fabric, int core, int colour, const float *read, int count)
{
    router_append(fabric, core, (struct router_op){ROUTER_SEND, .out = colour, .count = count, .read = read});
}

static void add_receive(struct router_fabric *fabric, int core, int colour, float *write, int count)
{
    router_append(fabric, core, (struct router_op){ROUTER_RECEIVE, .in = colour, .count = count, .write = write});
}

static void add_wait(struct router_fabric *fabric, int core, int cycles)
{
    router_append(fabric, core, (struct router_op){.code = ROUTER_WAIT, .count = cycles});
}

/* From core 0 of a column to its last core, straight south. */
static void shift_south(const struct router_params *params, int cores, int width)
{
    float sent[32] = {1, 2, 3}, got[32] = {0};
    struct router_fabric *fabric = open_mesh(params, cores, 1);
    router_route(fabric, 0, 4, ROUTER_RAMP, ROUTER_TO(ROUTER_SOUTH));
    for (int core = 1; core < cores - 1; core++)
        router_route(fabric, core, 4, ROUTER_NORTH, ROUTER_TO(ROUTER_SOUTH));
    router_route(fabric, cores - 1, 4, ROUTER_NORTH, ROUTER_TO(ROUTER_RAMP));
    add_send(fabric, 0, 4, sent, width);
    add_receive(fabric, cores - 1, 4, got, width);
    assert_int_equal(router_run(fabric), ROUTER_OK);
    assert_int_equal(router_finish(fabric, 0), width);
    assert_int_equal(router_finish(fabric, cores - 1), 2 * params->ramp + (cores - 1) * params->hop + width);
    assert_int_equal(router_hops(fabric), (cores - 1) * width);
    assert_memory_equal(sent, got, (size_t)width * sizeof *sent);
    router_free(fabric);
}

static void test_message_straight(void **state)
{
    (void)state;
    for_each_case(shift_south);
}

/* North, then west, on a 2 x 3 mesh: from its south-eastern corner to the core at the north-western one. */
static void test_message_turns(void **state)
{
    (void)state;
    float sent[3] = {1, 2, 3}, got[3] = {0};
    struct router_fabric *fabric = open_mesh(&machines[1], 2, 3);
    router_route(fabric, 5, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_NORTH));
    router_route(fabric, 2, 0, ROUTER_SOUTH, ROUTER_TO(ROUTER_WEST));
    router_route(fabric, 1, 0, ROUTER_EAST, ROUTER_TO(ROUTER_WEST));
    router_route(fabric, 0, 0, ROUTER_EAST, ROUTER_TO(ROUTER_RAMP));
    add_send(fabric, 5, 0, sent, 3);
    add_receive(fabric, 0, 0, got, 3);
    assert_int_equal(router_run(fabric), ROUTER_OK);
    assert_int_equal(router_finish(fabric, 0), 2 * 2 + 3 * 1 + 3);
    assert_memory_equal(sent, got, sizeof sent);
    router_free(fabric);
}

/* ---- patterns, all cores starting at cycle 0 ---- */

static int ring_place(enum router_ring ring, int cores, int core)
{
    int place = 0;
    while (router_ring_core(ring, cores, place) != core)
        place++;
    return place;
}

static int ring_neighbour(enum router_ring ring, int cores, int core, int by)
{
    return router_ring_core(ring, cores, (ring_place(ring, cores, core) + by + cores) % cores);
}

static void shift_case(const struct router_params *params, int cores, int width, enum router_ring ring, int dir)
{
    struct router_row row = open_row(cores, width);
    assert_int_equal(router_run_shift(params, &row, ring, dir), ROUTER_OK);
    int links = 0;
    for (int core = 0; core < cores; core++) {
        int from = ring_neighbour(ring, cores, core, -dir), distance = abs(core - from);
        assert_true(ring == ROUTER_NATURAL || distance <= 2);
        assert_int_equal(row.finish[core], 2 * params->ramp + distance * params->hop + width);
        check_values(&row, core, from);
        links += distance;
    }
    assert_int_equal(row.hops, links * width);
    close_row(&row);
}

static void shift_cases(const struct router_params *params, int cores, int width)
{
    for (int dir = -1; dir <= 1; dir += 2) {
        shift_case(params, cores, width, ROUTER_NATURAL, dir);
        shift_case(params, cores, width, ROUTER_INTERLEAVED, dir);
    }
}

static void test_shift(void **state)
{
    (void)state;
    for_each_case(shift_cases);
}

static void test_interleaved_order(void **state)
{
    (void)state;
    static const int odd[7] = {0, 2, 4, 6, 5, 3, 1}, even[6] = {0, 2, 4, 5, 3, 1};
    for (int place = 0; place < 7; place++)
        assert_int_equal(router_ring_core(ROUTER_INTERLEAVED, 7, place), odd[place]);
    for (int place = 0; place < 6; place++)
        assert_int_equal(router_ring_core(ROUTER_INTERLEAVED, 6, place), even[place]);
}

static void multicast_cases(const struct router_params *params, int cores, int width)
{
    for (int root = 0; root < cores; root++) {
        struct router_row row = open_row(cores, width);
        assert_int_equal(router_run_multicast(params, &row, root), ROUTER_OK);
        for (int core = 0; core < cores; core++) {
            long way = 2 * params->ramp + abs(core - root) * params->hop;
            assert_int_equal(row.finish[core], (core == root ? 0 : way) + width);
            check_values(&row, core, 0);
        }
        assert_int_equal(row.hops, (cores - 1) * width);
        close_row(&row);
    }
}

static void test_multicast(void **state)
{
    (void)state;
    for_each_case(multicast_cases);
}

static void chain_to_an_end(const struct router_params *params, int cores, int width)
{
    int stage = 2 * params->ramp + 1 + params->hop;
    for (int root = 0; root < cores; root += cores - 1) {
        struct router_row row = open_row(cores, width);
        assert_int_equal(router_run_chain(params, &row, root), ROUTER_OK);
        assert_int_equal(row.finish[root], (cores - 1) * stage + width - 1);
        assert_int_equal(row.hops, (cores - 1) * width);
        check_sums(&row, row.out);
        close_row(&row);
    }
}

static void test_chain(void **state)
{
    (void)state;
    for_each_case(chain_to_an_end);
}

/* Both sides stream at once; the high one waits at the root until the low one is through. */
static void chain_to_the_middle(const struct router_params *params, int cores, int width)
{
    long stage = 2 * params->ramp + 1 + params->hop;
    for (int root = 1; root < cores - 1; root++) {
        struct router_row row = open_row(cores, width);
        assert_int_equal(router_run_chain(params, &row, root), ROUTER_OK);
        assert_int_equal(row.finish[root], max(root * stage - 1 + width, (cores - 1 - root) * stage - 1) + width);
        check_sums(&row, row.out);
        close_row(&row);
    }
}

static void test_chain_both_ends(void **state)
{
    (void)state;
    for_each_case(chain_to_the_middle);
}

/* Back to back once the first has come, unless a hop is longer than a whole message: then the last one's way decides.
 */
static void star_to_an_end(const struct router_params *params, int cores, int width)
{
    long nearest = params->hop + (cores - 1) * width, farthest = (cores - 1) * params->hop + width;
    for (int root = 0; root < cores; root += cores - 1) {
        struct router_row row = open_row(cores, width);
        assert_int_equal(router_run_star(params, &row, root), ROUTER_OK);
        assert_int_equal(row.finish[root], 2 * params->ramp + max(nearest, farthest));
        assert_int_equal(row.hops, cores * (cores - 1) / 2 * width);
        check_sums(&row, row.out);
        close_row(&row);
    }
}

static void test_star(void **state)
{
    (void)state;
    for_each_case(star_to_an_end);
}

/* For a power of two: every level moves a whole message, of which only the distance differs. */
static void tree_of_powers(const struct router_params *params, int cores, int width)
{
    int levels = cores == 2 ? 1 : cores == 4 ? 2 : 3;
    if (cores != 1 << levels)
        return;
    struct router_row row = open_row(cores, width);
    assert_int_equal(router_run_tree(params, &row), ROUTER_OK);
    assert_int_equal(row.finish[0], levels * (2 * params->ramp + width) + (cores - 1) * params->hop);
    check_sums(&row, row.out);
    close_row(&row);
}

static void test_tree(void **state)
{
    (void)state;
    for_each_case(tree_of_powers);
}

/* Chunks of one size on a ring of at least four: 2 (P - 1) steps in a row, each a whole message over two links, less
 * the three single links of the two ends that lie on the way round. */
static void ring_of_equal_chunks(const struct router_params *params, int cores, int width)
{
    int chunk[16];
    for (int i = 0; i < cores; i++)
        chunk[i] = width;
    struct router_row row = open_row(cores, width * cores);
    assert_int_equal(router_run_ring_allreduce(params, &row, chunk), ROUTER_OK);
    long last = 0, links = cores == 2 ? 2 : cores == 3 ? 6 : 4 * cores - 7;
    for (int core = 0; core < cores; core++)
        last = max(last, row.finish[core]);
    assert_int_equal(last, 2 * (cores - 1) * (2 * params->ramp + width) + links * params->hop);
    assert_int_equal(row.hops, 2 * (cores - 1) * (cores == 2 ? 2 : 2 * cores - 2) * width);
    check_sums_everywhere(&row);
    close_row(&row);
}

static void test_ring_allreduce(void **state)
{
    (void)state;
    for_each_case(ring_of_equal_chunks);
}

static void test_single_core(void **state)
{
    (void)state;
    const struct router_ktree tree = {
        .levels = 1, .groups = (const int[]){1}, .first = (const int *const[]){(const int[]){0}}, .back = true};
    struct router_row row = open_row(1, 3);
    scatter_starts(&row, 5, 9);
    assert_int_equal(router_run_shift(&machines[1], &row, ROUTER_INTERLEAVED, 1), ROUTER_OK);
    assert_int_equal(router_run_multicast(&machines[1], &row, 0), ROUTER_OK);
    assert_int_equal(router_run_chain(&machines[1], &row, 0), ROUTER_OK);
    assert_int_equal(router_run_star(&machines[1], &row, 0), ROUTER_OK);
    assert_int_equal(router_run_tree(&machines[1], &row), ROUTER_OK);
    assert_int_equal(router_run_ktree(&machines[1], &row, &tree), ROUTER_OK);
    assert_int_equal(router_run_ring_allreduce(&machines[1], &row, (const int[]){3}), ROUTER_OK);
    assert_int_equal(row.finish[0], row.start[0]);
    check_values(&row, 0, 0);
    close_row(&row);
}

/* ---- patterns with scattered starts: the recurrences that the mechanism must obey ---- */

static const int spreads[] = {0, 3, 40};

static long path(const struct router_params *params, int from, int to)
{
    return 2 * params->ramp + abs(from - to) * params->hop;
}

/* The first wavelet of one side's stream leaves the last member before the root in this cycle. */
static long side_leaves(const struct router_params *params, const int *core, int end, int root, const long *ready)
{
    int step = end < root ? 1 : -1;
    long leaves = ready[core[end]];
    for (int i = end; i + step != root; i += step) {
        int at = core[i + step];
        leaves = max(ready[at], leaves + path(params, core[i], at)) + 1;
    }
    return leaves;
}

/* When a root has all that its group chains to it. */
static long chain_end(const struct router_params *params, int width, const int *core, int count, int root,
                      const long *ready)
{
    long now = ready[core[root]];
    if (root > 0)
        now = max(now, side_leaves(params, core, 0, root, ready) + path(params, core[root - 1], core[root])) + width;
    if (root < count - 1)
        now = max(now, side_leaves(params, core, count - 1, root, ready) + path(params, core[root + 1], core[root])) +
              width;
    return now;
}

static void scattered_chain(const struct router_params *params, int cores, int width)
{
    int core[16];
    for (int i = 0; i < cores; i++)
        core[i] = i;
    for (int s = 0; s < LENGTH(spreads); s++)
        for (int root = 0; root < cores; root++) {
            struct router_row row = open_row(cores, width);
            scatter_starts(&row, (uint32_t)(s * 31 + root), spreads[s]);
            assert_int_equal(router_run_chain(params, &row, root), ROUTER_OK);
            assert_int_equal(row.finish[root], chain_end(params, width, core, cores, root, row.start));
            check_sums(&row, row.out);
            close_row(&row);
        }
}

static void test_chain_scattered(void **state)
{
    (void)state;
    for_each_case(scattered_chain);
}

static long star_end(const struct router_params *params, const struct router_row *row, int root)
{
    long now = row->start[root];
    for (int distance = 1; distance < row->cores; distance++)
        for (int from = root - distance; from <= root + distance; from += 2 * distance)
            if (from >= 0 && from < row->cores)
                now = max(now, row->start[from] + path(params, from, root)) + row->width;
    return now;
}

static void scattered_star(const struct router_params *params, int cores, int width)
{
    for (int s = 0; s < LENGTH(spreads); s++)
        for (int root = 0; root < cores; root++) {
            struct router_row row = open_row(cores, width);
            scatter_starts(&row, (uint32_t)(s * 17 + root), spreads[s]);
            assert_int_equal(router_run_star(params, &row, root), ROUTER_OK);
            assert_int_equal(row.finish[root], star_end(params, &row, root));
            check_sums(&row, row.out);
            close_row(&row);
        }
}

static void test_star_scattered(void **state)
{
    (void)state;
    for_each_case(scattered_star);
}

static long tree_end(const struct router_params *params, const struct router_row *row)
{
    long ready[16];
    memcpy(ready, row->start, (size_t)row->cores * sizeof *ready);
    for (int d = 1; d < row->cores; d *= 2)
        for (int p = 0; p + d < row->cores; p += 2 * d)
            ready[p] = max(ready[p], ready[p + d] + path(params, p + d, p)) + row->width;
    return ready[0];
}

static void scattered_tree(const struct router_params *params, int cores, int width)
{
    for (int s = 0; s < LENGTH(spreads); s++) {
        struct router_row row = open_row(cores, width);
        scatter_starts(&row, (uint32_t)s, spreads[s]);
        assert_int_equal(router_run_tree(params, &row), ROUTER_OK);
        assert_int_equal(row.finish[0], tree_end(params, &row));
        check_sums(&row, row.out);
        close_row(&row);
    }
}

static void test_tree_scattered(void **state)
{
    (void)state;
    for_each_case(scattered_tree);
}

/* With queues that hold a whole message nobody is held up by a partner that starts late. */
static void scattered_shift(const struct router_params *params, int cores, int width)
{
    struct router_params deep = *params;
    deep.depth = width + params->ramp + params->hop;
    for (int s = 0; s < LENGTH(spreads); s++)
        for (int dir = -1; dir <= 1; dir += 2) {
            struct router_row row = open_row(cores, width);
            scatter_starts(&row, (uint32_t)s, spreads[s]);
            assert_int_equal(router_run_shift(&deep, &row, ROUTER_INTERLEAVED, dir), ROUTER_OK);
            for (int core = 0; core < cores; core++) {
                int from = ring_neighbour(ROUTER_INTERLEAVED, cores, core, -dir);
                long comes = row.start[from] + path(params, from, core);
                assert_int_equal(row.finish[core], max(row.start[core], comes) + width);
                check_values(&row, core, from);
            }
            close_row(&row);
        }
}

static void test_shift_scattered(void **state)
{
    (void)state;
    for_each_case(scattered_shift);
}

static void ring_ends(const struct router_params *params, const struct router_row *row, const int *chunk, long *end)
{
    int cores = row->cores;
    long begin[16];
    memcpy(end, row->start, (size_t)cores * sizeof *end);
    for (int step = 0; step < 2 * (cores - 1); step++) {
        memcpy(begin, end, sizeof begin);
        for (int place = 0; place < cores; place++) {
            int core = router_ring_core(ROUTER_INTERLEAVED, cores, place);
            int from = ring_neighbour(ROUTER_INTERLEAVED, cores, core, -1);
            int sent = chunk[(place - step + 2 * cores) % cores], taken = chunk[(place - step - 1 + 2 * cores) % cores];
            long comes = max(begin[core], begin[from] + path(params, from, core)) + taken;
            end[core] = max(begin[core] + sent, taken ? comes : 0);
        }
    }
}

static void scattered_ring(const struct router_params *params, int cores, int width)
{
    struct router_params deep = *params;
    deep.depth = 2 * width + params->ramp + params->hop;
    int chunk[16];
    long end[16];
    for (int i = 0; i < cores; i++)
        chunk[i] = width / cores + (i < width % cores);
    for (int s = 0; s < LENGTH(spreads); s++) {
        struct router_row row = open_row(cores, width);
        scatter_starts(&row, (uint32_t)s, spreads[s]);
        assert_int_equal(router_run_ring_allreduce(&deep, &row, chunk), ROUTER_OK);
        ring_ends(params, &row, chunk, end);
        for (int core = 0; core < cores; core++)
            assert_int_equal(row.finish[core], end[core]);
        check_sums_everywhere(&row);
        close_row(&row);
    }
}

static void test_ring_allreduce_scattered(void **state)
{
    (void)state;
    for_each_case(scattered_ring);
}

/* ---- trees of chains ---- */

static const int one_group[] = {0};
static const int by_4_of_11[] = {0, 4, 8}, uneven_11[] = {0, 1, 6, 8}, by_2_of_11[] = {0, 2, 4, 6, 8, 10};
static const int by_3_of_6[] = {0, 3};

static const struct router_ktree trees[] = {
    {.levels = 1, .groups = (const int[]){1}, .first = (const int *const[]){one_group}},
    {.levels = 2, .groups = (const int[]){3, 1}, .first = (const int *const[]){by_4_of_11, one_group}},
    {.levels = 2, .groups = (const int[]){4, 1}, .first = (const int *const[]){uneven_11, one_group}},
    {.levels = 3, .groups = (const int[]){6, 2, 1}, .first = (const int *const[]){by_2_of_11, by_3_of_6, one_group}},
};

/* The members of the level above, once those of this level have chained theirs together. */
static int tree_level(const struct router_params *params, int width, const int *first, int groups, int *core, int count,
                      long *ready)
{
    for (int g = 0; g < groups; g++) {
        int size = (g + 1 < groups ? first[g + 1] : count) - first[g], *of = core + first[g];
        for (int i = 0; size > 1 && i < size; i++)
            ready[of[i]] += params->launch;
        ready[of[size / 2]] = chain_end(params, width, of, size, size / 2, ready);
        core[g] = of[size / 2];
    }
    return groups;
}

static int tree_reduce_end(const struct router_params *params, const struct router_row *row,
                           const struct router_ktree *tree, long *end)
{
    int core[16], count = row->cores;
    for (int i = 0; i < count; i++)
        core[i] = i;
    memcpy(end, row->start, (size_t)count * sizeof *end);
    for (int k = 0; k < tree->levels; k++)
        count = tree_level(params, row->width, tree->first[k], tree->groups[k], core, count, end);
    return core[0];
}

static void ktree_reduce_case(const struct router_params *params, int width, const struct router_ktree *tree,
                              int spread)
{
    long end[16];
    struct router_row row = open_row(11, width);
    scatter_starts(&row, (uint32_t)(spread + width), spread);
    int top = tree_reduce_end(params, &row, tree, end);
    assert_int_equal(router_run_ktree(params, &row, tree), ROUTER_OK);
    assert_int_equal(row.finish[top], end[top]);
    check_sums(&row, row.out);
    close_row(&row);
}

static void ktree_reduce_cases(const struct router_params *params, int cores, int width)
{
    struct router_params launched = *params;
    for (int t = 0; t < LENGTH(trees) && cores == 11; t++)
        for (int s = 0; s < LENGTH(spreads); s++)
            for (launched.launch = 0; launched.launch < 20; launched.launch += 13)
                ktree_reduce_case(&launched, width, &trees[t], spreads[s]);
}

static void test_ktree_reduce(void **state)
{
    (void)state;
    for_each_case(ktree_reduce_cases);
}

/* Two phases and back on eleven cores in groups of 4, 4 and 3: roots 2, 6 and 9, the top root is 6. */
static void two_phase_and_back(const struct router_params *params, int cores, int width)
{
    if (cores != 11)
        return;
    struct router_params launched = *params;
    struct router_ktree tree = trees[1];
    tree.back = true;
    launched.launch = 13;
    struct router_row row = open_row(cores, width);
    assert_int_equal(router_run_ktree(&launched, &row, &tree), ROUTER_OK);
    long ramps = 2 * params->ramp, stage = ramps + 1 + params->hop;
    long phase1 = 13 + 2 * stage - 1 + 2 * width, phase2 = phase1 + 13 + ramps + 4 * params->hop + 2 * width;
    long sent_on = phase2 + 13 + width + 13, got_on = phase2 + 13 + ramps + 4 * params->hop + width + 13;
    assert_int_equal(row.finish[6], sent_on + width);
    assert_int_equal(row.finish[4], sent_on + ramps + 2 * params->hop + width);
    assert_int_equal(row.finish[2], got_on + width);
    assert_int_equal(row.finish[0], got_on + ramps + 2 * params->hop + width);
    assert_int_equal(row.finish[1], got_on + ramps + params->hop + width);
    /* Core 9 has it one hop before core 2, and core 10 is one hop from core 9. */
    assert_int_equal(row.finish[10], got_on + ramps + width);
    check_sums_everywhere(&row);
    close_row(&row);
}

static void test_two_phase(void **state)
{
    (void)state;
    for_each_case(two_phase_and_back);
}

static void test_three_phase_values(void **state)
{
    (void)state;
    struct router_ktree tree = trees[3];
    struct router_row row = open_row(11, 9);
    tree.back = true;
    scatter_starts(&row, 3, 60);
    assert_int_equal(router_run_ktree(&machines[1], &row, &tree), ROUTER_OK);
    check_sums_everywhere(&row);
    close_row(&row);
}

/* ---- queues, contention, order ---- */

/* Room made at the far end is seen one queue further back in each cycle, so the sender goes on three cycles after the
 * receiver's first take, with what did not fit into the three queues between them. */
static void test_backpressure_delays_sender(void **state)
{
    (void)state;
    enum { LATE = 200, WIDTH = 50 };
    float sent[WIDTH] = {1, 2, 3}, got[WIDTH] = {0};
    for (int m = 0; m < LENGTH(machines); m++) {
        struct router_fabric *fabric = open_mesh(&machines[m], 1, 2);
        router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
        router_route(fabric, 1, 0, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
        add_send(fabric, 0, 0, sent, WIDTH);
        add_wait(fabric, 1, LATE);
        add_receive(fabric, 1, 0, got, WIDTH);
        assert_int_equal(router_run(fabric), ROUTER_OK);
        assert_int_equal(router_finish(fabric, 1), LATE + WIDTH);
        assert_int_equal(router_finish(fabric, 0), LATE + 3 + WIDTH - 3 * router_depth(fabric));
        assert_memory_equal(sent, got, sizeof sent);
        router_free(fabric);
    }
}

/* One wavelet's room has to come free before the next can leave. */
static void test_shallow_queue_halves_the_rate(void **state)
{
    (void)state;
    struct router_params shallow = {.ramp = 1, .hop = 1, .depth = 1};
    struct router_row row = open_row(4, 10);
    assert_int_equal(router_run_multicast(&shallow, &row, 0), ROUTER_OK);
    assert_int_equal(row.finish[3], 2 + 3 + 2 * 10 - 1);
    close_row(&row);
}

/* Core 2 of five takes nothing for a while. What its inbox cannot hold waits at its router, so the cores behind it wait
 * too, and those before it as soon as the queues between are full. */
static void late_multicast(const struct router_params *params, bool reverse)
{
    enum { LATE = 300, WIDTH = 60 };
    struct router_params ordered = *params;
    ordered.reverse = reverse;
    int ramp = params->ramp, hop = params->hop, depth = (ramp > hop ? ramp : hop) + 2;
    struct router_row row = open_row(5, WIDTH);
    row.start = calloc(5, sizeof *row.start);
    memcpy((void *)row.start, (const long[5]){0, 0, LATE, 0, 0}, 5 * sizeof *row.start);
    assert_int_equal(router_run_multicast(&ordered, &row, 0), ROUTER_OK);
    assert_int_equal(row.finish[2], LATE + WIDTH);
    assert_int_equal(row.finish[3], LATE + 1 + WIDTH - depth + hop + ramp);
    assert_int_equal(row.finish[4], LATE + 1 + WIDTH - depth + 2 * hop + ramp);
    assert_int_equal(row.finish[1], LATE + 2 + WIDTH - 2 * depth + ramp);
    assert_int_equal(row.finish[0], LATE + 4 + WIDTH - 4 * depth);
    for (int core = 0; core < 5; core++)
        check_values(&row, core, 0);
    close_row(&row);
}

static void test_late_receiver_holds_all(void **state)
{
    (void)state;
    for (int m = 0; m < LENGTH(machines); m++) {
        late_multicast(&machines[m], false);
        late_multicast(&machines[m], true);
    }
}

/* Cores 0 and 1 send over the link between 1 and 2. The lower colour is not delayed; the other uses what it leaves. */
static void test_link_is_shared(void **state)
{
    (void)state;
    enum { WIDTH = 30 };
    float sent[WIDTH] = {1, 2, 3}, got[2][WIDTH] = {{0}};
    for (int m = 0; m < LENGTH(machines); m++) {
        struct router_fabric *fabric = open_mesh(&machines[m], 1, 4);
        router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
        router_route(fabric, 1, 0, ROUTER_WEST, ROUTER_TO(ROUTER_EAST));
        router_route(fabric, 2, 0, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
        router_route(fabric, 1, 1, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
        router_route(fabric, 2, 1, ROUTER_WEST, ROUTER_TO(ROUTER_EAST));
        router_route(fabric, 3, 1, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
        add_send(fabric, 0, 0, sent, WIDTH);
        add_send(fabric, 1, 1, sent, WIDTH);
        add_receive(fabric, 2, 0, got[0], WIDTH);
        add_receive(fabric, 3, 1, got[1], WIDTH);
        long way = 2 * machines[m].ramp + 2 * machines[m].hop;
        assert_int_equal(router_run(fabric), ROUTER_OK);
        assert_int_equal(router_finish(fabric, 2), way + WIDTH);
        assert_int_equal(router_finish(fabric, 3), way + 2 * WIDTH);
        assert_int_equal(router_hops(fabric), 4 * WIDTH);
        router_free(fabric);
    }
}

/* Two senders and one colour: both inputs lead to the same ramp, which takes one wavelet per cycle. */
static void test_ramp_is_shared(void **state)
{
    (void)state;
    float low[4] = {1, 1, 1, 1}, high[4] = {2, 2, 2, 2}, sum[1] = {0}, got[8] = {0};
    struct router_fabric *fabric = open_mesh(&machines[1], 1, 3);
    router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
    router_route(fabric, 2, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_WEST));
    router_route(fabric, 1, 0, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
    router_route(fabric, 1, 0, ROUTER_EAST, ROUTER_TO(ROUTER_RAMP));
    add_send(fabric, 0, 0, low, 4);
    add_send(fabric, 2, 0, high, 4);
    add_receive(fabric, 1, 0, got, 8);
    assert_int_equal(router_run(fabric), ROUTER_OK);
    assert_int_equal(router_finish(fabric, 1), 2 * 2 + 1 + 8);
    for (int i = 0; i < 8; i++)
        sum[0] += got[i];
    assert_true(sum[0] == 4 * 1 + 4 * 2);
    router_free(fabric);
}

/* Core 1 sends to both sides at once and then takes, late, what both sides have left at the foot of its ramp. */
static void test_processor_handles_one_wavelet_a_cycle(void **state)
{
    (void)state;
    enum { LATE = 50 };
    float sent[4] = {1, 2, 3, 4}, low[4] = {0}, high[4] = {0};
    struct router_fabric *fabric = open_mesh(&machines[1], 1, 3);
    for (int side = 0; side <= 2; side += 2) {
        enum router_port there = side ? ROUTER_EAST : ROUTER_WEST, here = side ? ROUTER_WEST : ROUTER_EAST;
        router_route(fabric, side, side, ROUTER_RAMP, ROUTER_TO(here));
        router_route(fabric, 1, side, there, ROUTER_TO(ROUTER_RAMP));
        router_route(fabric, 1, side + 1, ROUTER_RAMP, ROUTER_TO(there));
        router_route(fabric, side, side + 1, here, ROUTER_TO(ROUTER_RAMP));
        add_send(fabric, side, side, sent, 4);
        add_receive(fabric, side, side + 1, side ? high : low, 4);
        router_append(fabric, 1,
                      (struct router_op){ROUTER_SEND, .out = side + 1, .count = 4, .read = sent, .overlap = side > 0});
    }
    add_wait(fabric, 1, LATE);
    add_receive(fabric, 1, 0, low, 4);
    router_append(fabric, 1, (struct router_op){ROUTER_RECEIVE, .in = 2, .count = 4, .write = high, .overlap = true});
    assert_int_equal(router_run(fabric), ROUTER_OK);
    assert_int_equal(router_finish(fabric, 2), 2 * 2 + 1 + 2 * 4);
    assert_int_equal(router_finish(fabric, 1), 2 * 4 + LATE + 2 * 4);
    assert_memory_equal(low, sent, sizeof sent);
    assert_memory_equal(high, sent, sizeof sent);
    router_free(fabric);
}

/* The instruction after an overlapping pair begins when the later of the two has ended. */
static void test_overlap_joins(void **state)
{
    (void)state;
    float sent[9] = {1}, got[3] = {0};
    struct router_fabric *fabric = open_mesh(&machines[1], 1, 2);
    router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
    router_route(fabric, 1, 0, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
    router_route(fabric, 1, 1, ROUTER_RAMP, ROUTER_TO(ROUTER_WEST));
    router_route(fabric, 0, 1, ROUTER_EAST, ROUTER_TO(ROUTER_RAMP));
    add_send(fabric, 0, 0, sent, 3);
    add_receive(fabric, 1, 0, got, 3);
    add_send(fabric, 1, 1, sent, 9);
    router_append(fabric, 0, (struct router_op){ROUTER_RECEIVE, .in = 1, .count = 9, .write = sent, .overlap = true});
    add_wait(fabric, 0, 5);
    assert_int_equal(router_run(fabric), ROUTER_OK);
    assert_int_equal(router_finish(fabric, 1), 5 + 3 + 9);
    assert_int_equal(router_finish(fabric, 0), 5 + 3 + 5 + 9 + 5);
    router_free(fabric);
}

static void order_case(const struct router_params *params, int cores, int width)
{
    struct router_params turned = *params;
    turned.reverse = true;
    struct router_row ahead = open_row(cores, width), back = open_row(cores, width);
    scatter_starts(&ahead, 9, 30);
    scatter_starts(&back, 9, 30);
    assert_int_equal(router_run_star(params, &ahead, cores / 2), ROUTER_OK);
    assert_int_equal(router_run_star(&turned, &back, cores / 2), ROUTER_OK);
    assert_memory_equal(ahead.finish, back.finish, (size_t)cores * sizeof *ahead.finish);
    assert_memory_equal(ahead.out, back.out, (size_t)width * sizeof *ahead.out);
    assert_int_equal(ahead.hops, back.hops);
    close_row(&ahead);
    close_row(&back);
}

static void test_order_of_visits(void **state)
{
    (void)state;
    for_each_case(order_case);
}

/* ---- mistakes ---- */

static void check_mistake(struct router_fabric *fabric, enum router_status expected)
{
    assert_int_equal(router_run(fabric), expected);
    router_free(fabric);
}

static struct router_fabric *open_pair(void)
{
    struct router_fabric *fabric = open_mesh(&machines[1], 1, 2);
    router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
    router_route(fabric, 1, 0, ROUTER_WEST, ROUTER_TO(ROUTER_RAMP));
    return fabric;
}

static void test_unfinished_traffic(void **state)
{
    (void)state;
    float sent[9] = {0}, got[9] = {0};
    struct router_fabric *fabric = open_pair();
    add_send(fabric, 0, 0, sent, 2);
    add_receive(fabric, 1, 0, got, 3);
    check_mistake(fabric, ROUTER_STUCK);
    fabric = open_pair();
    add_send(fabric, 0, 0, sent, 3);
    add_receive(fabric, 1, 0, got, 2);
    check_mistake(fabric, ROUTER_LEFT);
}

static void test_missing_routes(void **state)
{
    (void)state;
    float values[1] = {0};
    struct router_fabric *fabric = open_pair();
    add_send(fabric, 1, 0, values, 1);
    check_mistake(fabric, ROUTER_UNROUTED);
    fabric = open_pair();
    add_receive(fabric, 0, 0, values, 1);
    check_mistake(fabric, ROUTER_UNROUTED);
    fabric = open_pair();
    router_route(fabric, 1, 1, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
    check_mistake(fabric, ROUTER_UNROUTED);
    fabric = open_pair();
    router_route(fabric, 1, 1, ROUTER_RAMP, ROUTER_TO(ROUTER_WEST));
    check_mistake(fabric, ROUTER_UNROUTED);
}

static void test_contradictions(void **state)
{
    (void)state;
    struct router_fabric *fabric = open_pair();
    router_route(fabric, 0, 0, ROUTER_RAMP, ROUTER_TO(ROUTER_EAST));
    check_mistake(fabric, ROUTER_BAD);
    fabric = open_pair();
    router_route(fabric, 1, 0, ROUTER_EAST, ROUTER_TO(ROUTER_WEST));
    check_mistake(fabric, ROUTER_BAD);
    fabric = open_pair();
    router_route(fabric, 1, 1, ROUTER_EAST, ROUTER_TO(ROUTER_EAST));
    check_mistake(fabric, ROUTER_BAD);
    fabric = open_pair();
    add_wait(fabric, 0, -1);
    check_mistake(fabric, ROUTER_BAD);
    fabric = open_pair();
    add_send(fabric, 0, 0, NULL, 1);
    check_mistake(fabric, ROUTER_BAD);
    check_mistake(router_create(&(struct router_config){.rows = 1, .cols = 1, .ramp = 0, .hop = 1}), ROUTER_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_straight),
        cmocka_unit_test(test_message_turns),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_interleaved_order),
        cmocka_unit_test(test_multicast),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_chain_both_ends),
        cmocka_unit_test(test_star),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_ring_allreduce),
        cmocka_unit_test(test_single_core),
        cmocka_unit_test(test_chain_scattered),
        cmocka_unit_test(test_star_scattered),
        cmocka_unit_test(test_tree_scattered),
        cmocka_unit_test(test_shift_scattered),
        cmocka_unit_test(test_ring_allreduce_scattered),
        cmocka_unit_test(test_ktree_reduce),
        cmocka_unit_test(test_two_phase),
        cmocka_unit_test(test_three_phase_values),
        cmocka_unit_test(test_backpressure_delays_sender),
        cmocka_unit_test(test_shallow_queue_halves_the_rate),
        cmocka_unit_test(test_late_receiver_holds_all),
        cmocka_unit_test(test_link_is_shared),
        cmocka_unit_test(test_ramp_is_shared),
        cmocka_unit_test(test_processor_handles_one_wavelet_a_cycle),
        cmocka_unit_test(test_overlap_joins),
        cmocka_unit_test(test_order_of_visits),
        cmocka_unit_test(test_unfinished_traffic),
        cmocka_unit_test(test_missing_routes),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
