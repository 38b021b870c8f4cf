/* Which rank has which place, on machines that are made up: pure functions, no messages. */
#include "tests/support.h"

#include <math.h>

#include "ranks/mapping.h"
#include "ranks/topology.h"

enum { MOST = 256 };

/* A machine with n_nodes nodes of n_caches caches each, on which ranks are dealt block-wise or in turn. */
struct machine {
    int n_ranks;
    plmr_neighbourhood where[MOST];
};

static struct machine deal(int n_ranks, int n_nodes, int n_caches, bool in_turn)
{
    struct machine m = {.n_ranks = n_ranks};
    int per_node = n_ranks / n_nodes, per_cache = per_node / n_caches;
    for (int rank = 0; rank < n_ranks; rank++) {
        int node = in_turn ? rank % n_nodes : rank / per_node;
        int in_node = in_turn ? rank / n_nodes : rank % per_node;
        m.where[rank] = (plmr_neighbourhood){100 + node, in_turn ? in_node % n_caches : in_node / per_cache};
    }
    return m;
}

static void lay_out(const struct machine *m, int rank_rows, int rank_cols, int rows, int cols, plmr_rank_grid *grid,
                    int *rank_at)
{
    int place[MOST], seen = 0;
    assert_true(plmr_mapping_choose(m->where, m->n_ranks, rank_rows, rank_cols, rows, cols, NULL, grid));
    assert_int_equal(grid->rank_rows * grid->rank_cols, m->n_ranks);
    plmr_mapping_order(m->where, m->n_ranks, grid, place);
    for (int i = 0; i < m->n_ranks; i++)
        rank_at[i] = -1;
    for (int rank = 0; rank < m->n_ranks; rank++) {
        assert_true(place[rank] >= 0 && place[rank] < m->n_ranks && rank_at[place[rank]] < 0);
        rank_at[place[rank]] = rank;
        seen++;
    }
    assert_int_equal(seen, m->n_ranks);
    assert_int_equal(rank_at[0], 0);
}

/* Neighbours along x and y that are in different nodes, or caches. */
static int edges_between(const struct machine *m, const plmr_rank_grid *g, const int *rank_at, bool caches)
{
    int n = 0;
    for (int row = 0; row < g->rank_rows; row++)
        for (int col = 0; col < g->rank_cols; col++)
            for (int axis = 0; axis < 2; axis++) {
                int r = row + axis, c = col + !axis;
                if (r == g->rank_rows || c == g->rank_cols)
                    continue;
                const plmr_neighbourhood *a = &m->where[rank_at[row * g->rank_cols + col]];
                const plmr_neighbourhood *b = &m->where[rank_at[r * g->rank_cols + c]];
                n += a->node != b->node || (caches && a->cache != b->cache);
            }
    return n;
}

static void one_node_is_as_square_as_can_be(void **state)
{
    (void)state;
    plmr_rank_grid grid;
    int rank_at[MOST];
    struct machine m = deal(4, 1, 1, false);
    lay_out(&m, 0, 0, 100, 100, &grid, rank_at);
    assert_int_equal(grid.rank_rows, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rank_at[i], i);
    m = deal(2, 1, 1, false);
    lay_out(&m, 0, 0, 100, 100, &grid, rank_at);
    assert_int_equal(grid.rank_rows, 2);
    lay_out(&m, 0, 0, 10, 100, &grid, rank_at);
    assert_int_equal(grid.rank_cols, 2);
    assert_false(plmr_mapping_choose(m.where, 2, 0, 0, 1, 1, NULL, &grid));
    assert_false(plmr_mapping_choose(m.where, 2, 1, 3, 100, 100, NULL, &grid));
}

/* 4 nodes of 16 ranks on an 8x8 grid are 4x4 blocks each, however the ranks were dealt to the nodes; a node's 4 caches
 * are 2x2 blocks in it. */
static void nodes_and_caches_are_squares(void **state)
{
    (void)state;
    for (int in_turn = 0; in_turn < 2; in_turn++) {
        plmr_rank_grid grid;
        int rank_at[MOST];
        struct machine m = deal(64, 4, 4, in_turn);
        lay_out(&m, 0, 0, 720, 720, &grid, rank_at);
        assert_int_equal(grid.rank_rows, 8);
        assert_int_equal(grid.node_rows, 4);
        assert_int_equal(grid.node_cols, 4);
        assert_int_equal(grid.cache_rows, 2);
        assert_int_equal(edges_between(&m, &grid, rank_at, false), 16);
        assert_int_equal(edges_between(&m, &grid, rank_at, true), 48);
    }
}

/* 2 nodes of 3 ranks: 2x3 would cut no node's edges shorter than 3x2 does, and a node is one column or row. */
static void a_given_grid_is_kept(void **state)
{
    (void)state;
    plmr_rank_grid grid;
    int rank_at[MOST];
    struct machine m = deal(6, 2, 1, true);
    lay_out(&m, 1, 6, 100, 100, &grid, rank_at);
    assert_int_equal(grid.rank_cols, 6);
    assert_int_equal(edges_between(&m, &grid, rank_at, false), 1);
    lay_out(&m, 2, 3, 100, 100, &grid, rank_at);
    assert_int_equal(edges_between(&m, &grid, rank_at, false), 3);
    lay_out(&m, 3, 2, 100, 100, &grid, rank_at);
    assert_int_equal(edges_between(&m, &grid, rank_at, false), 3);
}

/* In a single row neighbours are on the same node and then in the same cache. */
static void a_row_goes_from_node_to_node(void **state)
{
    (void)state;
    plmr_rank_grid grid;
    int rank_at[MOST];
    struct machine m = deal(24, 3, 2, true);
    lay_out(&m, 1, 24, 1, 24, &grid, rank_at);
    assert_int_equal(edges_between(&m, &grid, rank_at, false), 2);
    assert_int_equal(edges_between(&m, &grid, rank_at, true), 5);
}

/* Nodes with different numbers of ranks: all are placed, those of a node one after the other. */
static void uneven_nodes_stay_together(void **state)
{
    (void)state;
    plmr_rank_grid grid;
    int rank_at[MOST];
    struct machine m = {.n_ranks = 6, .where = {{1, -1}, {2, -1}, {1, -1}, {2, -1}, {1, -1}, {1, -1}}};
    int want[] = {0, 2, 4, 5, 1, 3};
    lay_out(&m, 0, 0, 60, 60, &grid, rank_at);
    for (int i = 0; i < 6; i++)
        assert_int_equal(rank_at[i], want[i]);
}

/* Every small machine and grid: all ranks are placed, and a node's ranks fill a rectangle. */
static void nodes_are_always_rectangles(void **state)
{
    (void)state;
    for (int n_nodes = 1; n_nodes <= 6; n_nodes++)
        for (int per_node = 1; per_node <= 12; per_node++)
            for (int in_turn = 0; in_turn < 2; in_turn++) {
                int n = n_nodes * per_node, rank_at[MOST];
                struct machine m = deal(n, n_nodes, 1, in_turn);
                for (int rank_rows = 1; rank_rows <= n; rank_rows++) {
                    plmr_rank_grid g;
                    if (n % rank_rows)
                        continue;
                    lay_out(&m, rank_rows, n / rank_rows, 500, 300, &g, rank_at);
                    for (int i = 0; i < n; i++) {
                        int row = i / g.rank_cols / g.node_rows * g.node_rows;
                        int col = i % g.rank_cols / g.node_cols * g.node_cols;
                        assert_int_equal(m.where[rank_at[i]].node, m.where[rank_at[row * g.rank_cols + col]].node);
                    }
                }
            }
}

/* ---- traffic ---- */

/* What ranks get, piece by piece: one for each rank of their row, and of their column; those from other nodes count once more
 * for each rank of a node. */
static double got(const struct machine *m, const plmr_rank_grid *g, const int *rank_at, plmr_rank_traffic traffic,
                  double *from_other_nodes)
{
    int per_node = g->node_rows * g->node_cols;
    double sum = 0, piece[2] = {traffic.along_x / m->n_ranks, traffic.along_y / m->n_ranks};
    *from_other_nodes = 0;
    for (int to = 0; to < m->n_ranks; to++)
        for (int from = 0; from < m->n_ranks; from++) {
            bool in_row = to / g->rank_cols == from / g->rank_cols, in_col = to % g->rank_cols == from % g->rank_cols;
            double bytes = to == from ? 0 : in_row ? piece[0] : in_col ? piece[1] : 0;
            bool far = m->where[rank_at[to]].node != m->where[rank_at[from]].node;
            *from_other_nodes += far ? bytes : 0;
            sum += far ? (1 + per_node) * bytes : bytes;
        }
    return sum;
}

static void lay_out_for(const struct machine *m, plmr_rank_traffic traffic, int rank_rows, plmr_rank_grid *g,
                        int *rank_at)
{
    int place[MOST];
    assert_true(plmr_mapping_choose(m->where, m->n_ranks, rank_rows, rank_rows ? m->n_ranks / rank_rows : 0, 600, 600,
                                    &traffic, g));
    plmr_mapping_order(m->where, m->n_ranks, g, place);
    for (int rank = 0; rank < m->n_ranks; rank++)
        rank_at[place[rank]] = rank;
}

/* On all small machines with nodes alike, for a grid that is given and for one that is not: never more than what edges
 * would have it. */
static void traffic_is_least(void **state)
{
    (void)state;
    static const plmr_rank_traffic all[] = {{218, 436}, {27, 436}, {872, 436}, {33, 155}, {1, 0}, {0, 1}};
    int n_less = 0;
    for (int n_nodes = 1; n_nodes <= 8; n_nodes++)
        for (int per_node = 1; per_node <= 16; per_node++)
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                for (int rank_rows = 0; rank_rows <= n_nodes * per_node; rank_rows++) {
                    int n = n_nodes * per_node, old_at[MOST], new_at[MOST];
                    struct machine m = deal(n, n_nodes, 1, false);
                    plmr_rank_grid old, new;
                    double far;
                    if (rank_rows && n % rank_rows)
                        continue;
                    lay_out(&m, rank_rows, rank_rows ? n / rank_rows : 0, 600, 600, &old, old_at);
                    lay_out_for(&m, all[i], rank_rows, &new, new_at);
                    double was = got(&m, &old, old_at, all[i], &far), is = got(&m, &new, new_at, all[i], &far);
                    assert_true(is <= was * (1 + 1e-9));
                    n_less += is < was * (1 - 1e-9);
                }
    assert_true(n_less > 1000);
}

/* A prompt of 2,048 tokens through a layer of llama3-8b, 4 nodes of 16: as the header has it. */
static void weights_stay_on_their_node(void **state)
{
    (void)state;
    static const plmr_rank_traffic layer = {218, 436};
    struct machine m = deal(64, 4, 1, false);
    plmr_rank_grid g;
    int rank_at[MOST];
    double far;
    lay_out(&m, 4, 16, 600, 600, &g, rank_at);
    got(&m, &g, rank_at, layer, &far);
    assert_int_equal(g.node_cols, 8);
    assert_true(fabs(far / 64 - (218. / 4 / 2 + 436. / 16 / 2)) < 0.1);
    lay_out_for(&m, layer, 0, &g, rank_at);
    assert_int_equal(g.rank_rows, 16);
    got(&m, &g, rank_at, layer, &far);
    assert_int_equal(g.node_rows, 16);
    assert_true(fabs(far / 64 - 218. / 16 * 3 / 4) < 0.1);
}

/* ---- warnings ---- */

static plmr_rank_site site_of(int rank, const char *host, int core, int n_cores, bool bound)
{
    plmr_rank_site r = {.rank = rank, .col = rank, .site = {.core = core, .n_cores = n_cores, .bound = bound}};
    snprintf(r.site.host, sizeof r.site.host, "%s", host);
    return r;
}

static void bad_starts_are_warned_of(void **state)
{
    (void)state;
    char text[400];
    plmr_rank_site ranks[4] = {site_of(0, "a", 0, 2, true), site_of(1, "a", 1, 2, true), site_of(2, "b", 0, 2, true),
                               site_of(3, "b", 1, 2, true)};
    plmr_rank_map map = {.rank_rows = 1, .rank_cols = 4, .ranks = ranks};
    assert_false(plmr_rank_map_warning(&map, text, sizeof text));
    ranks[3] = site_of(3, "b", 0, 2, true);
    assert_true(plmr_rank_map_warning(&map, text, sizeof text));
    assert_non_null(strstr(text, "ranks 2 and 3 are both bound to core 0 of b"));
    ranks[2] = site_of(2, "b", -1, 2, false);
    ranks[3] = site_of(3, "b", -1, 2, false);
    assert_true(plmr_rank_map_warning(&map, text, sizeof text));
    assert_non_null(strstr(text, "the 2 ranks on b are not bound"));
    ranks[2] = site_of(2, "a", 0, 2, true);
    assert_true(plmr_rank_map_warning(&map, text, sizeof text));
    assert_non_null(strstr(text, "3 ranks share the 2 cores of a"));
    map.rank_cols = 1;
    ranks[0] = site_of(0, "a", -1, 2, false);
    assert_false(plmr_rank_map_warning(&map, text, sizeof text)); /* one rank may wander */
}

static void caches_are_shared_out(void **state)
{
    (void)state;
    assert_int_equal(plmr_cache_share(32 << 20, 1, 1), 32 << 20);
    assert_int_equal(plmr_cache_share(32 << 20, 1, 4), 8 << 20);
    assert_int_equal(plmr_cache_share(32 << 20, 4, 16), 8 << 20);
    assert_int_equal(plmr_cache_share(32 << 20, 4, 3), 32 << 20);
    assert_int_equal(plmr_cache_share(32 << 20, 0, 0), 32 << 20);
}

/* This process has a place: the system's own count of processors agrees. */
static void this_machine_is_found(void **state)
{
    (void)state;
    plmr_site site = plmr_machine_site();
    size_t l2_bytes, l3_bytes;
    assert_true(site.n_cores >= 1 && site.host[0]);
    assert_true(!site.bound || plmr_machine_is_bound());
    plmr_machine_caches(1, &l2_bytes, &l3_bytes);
    assert_true(site.l2_bytes == 0 || l2_bytes > 0);
    assert_true((size_t)site.l3_bytes <= l3_bytes || l3_bytes == 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_node_is_as_square_as_can_be),
    cmocka_unit_test(nodes_and_caches_are_squares),
    cmocka_unit_test(a_given_grid_is_kept),
    cmocka_unit_test(a_row_goes_from_node_to_node),
    cmocka_unit_test(uneven_nodes_stay_together),
    cmocka_unit_test(nodes_are_always_rectangles),
    cmocka_unit_test(traffic_is_least),
    cmocka_unit_test(weights_stay_on_their_node),
    cmocka_unit_test(bad_starts_are_warned_of),
    cmocka_unit_test(caches_are_shared_out),
    cmocka_unit_test(this_machine_is_found),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
