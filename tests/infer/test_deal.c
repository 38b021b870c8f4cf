/* Dealing a model's dimensions to cores: every element once, heads never mixed, what rope turns together side by side;
 * and the ranks' parts. */
#include "tests/support.h"

#include <limits.h>

#include "infer/grid.h"

struct heads_case {
    int n_heads, n_kv, head_dim;
};

/* All heads, groups of them and one for all; more key-value heads than cores; sizes that divide nothing. */
static const struct heads_case cases[] = {{6, 6, 16},   {8, 2, 16},    {7, 1, 16}, {5, 1, 24},
                                          {32, 4, 64},  {1, 1, 2},     {3, 3, 6},  {15, 5, 10},
                                          {64, 8, 128}, {40, 40, 128}, {9, 3, 22}, {17, 17, 4}};
static const int slots[] = {3, 4, 5, 7, 8, 13, 16, 20, 33, 64, 97, 170, 660};

enum { N_CASES = sizeof cases / sizeof cases[0], N_SLOTS = sizeof slots / sizeof slots[0] };

static plmr_heads heads_of(struct heads_case c, int n_slots, bool halves)
{
    plmr_model_shape shape = {.n_heads = c.n_heads,
                              .n_kv_heads = c.n_kv,
                              .head_dim = c.head_dim,
                              .rope_dim = c.head_dim,
                              .rope_pairs = halves ? PLMR_ROPE_HALVES : PLMR_ROPE_NEIGHBOURS};
    return plmr_heads_of(&shape, n_slots);
}

static void every_element_once(const plmr_deal *deal)
{
    int *seen = calloc((size_t)deal->n, sizeof *seen);
    assert_non_null(seen);
    assert_in_range(deal->n_filled, 1, deal->n_slots);
    for (int64_t place = 0; place < plmr_deal_places(deal); place++) {
        int64_t element = plmr_deal_element(deal, place);
        assert_true(element >= -1 && element < deal->n);
        if (element >= 0)
            seen[element]++;
    }
    for (int64_t i = 0; i < deal->n; i++)
        assert_int_equal(seen[i], 1);
    free(seen);
}

static void plain_dimensions_are_in_order(void **state)
{
    for (int s = 0; s < N_SLOTS; s++)
        for (int64_t n = 1; n < 700; n += 1 + n / 7) {
            plmr_deal deal = plmr_deal_plain(n, slots[s]);
            every_element_once(&deal);
            assert_int_equal(deal.n, n);
            assert_int_equal(deal.size, plmr_ceil_div(n, slots[s]));
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(plmr_deal_element(&deal, i), i);
        }
    (void)state;
}

/* A core holds the same elements of each of its key-value heads and of the query heads that use it. */
static void check_core(const plmr_heads *heads, const plmr_deal *queries, const plmr_deal *keys, int chunk)
{
    for (int i = 0; i < keys->size; i++) {
        int64_t key = plmr_deal_element(keys, (int64_t)chunk * keys->size + i);
        int mine = i / heads->n_dims, d = i % heads->n_dims;
        for (int rep = 0; rep < heads->n_rep; rep++) {
            int64_t at = (int64_t)chunk * queries->size + (mine * heads->n_rep + rep) * heads->n_dims + d;
            int64_t query = plmr_deal_element(queries, at), head = key / heads->head_dim;
            int64_t want = key < 0 ? -1 : (head * heads->n_rep + rep) * heads->head_dim + key % heads->head_dim;
            assert_int_equal(query, want);
        }
    }
}

/* Places of a key-value head, core after core, are its elements in the order of plmr_heads_element. */
static void check_head(const plmr_heads *heads, const plmr_deal *keys, int kv)
{
    int chunk = kv / heads->n_per_core * heads->span, offset = kv % heads->n_per_core * heads->n_dims;
    for (int d = 0; d < heads->span * heads->n_dims; d++) {
        int64_t place = (int64_t)(chunk + d / heads->n_dims) * keys->size + offset + d % heads->n_dims;
        int element = plmr_heads_element(heads, d);
        assert_int_equal(plmr_deal_element(keys, place), element < 0 ? -1 : kv * heads->head_dim + element);
    }
}

static void check_rope_order(const plmr_heads *heads)
{
    for (int i = 0; i < heads->head_dim / 2; i++) {
        assert_int_equal(plmr_heads_element(heads, 2 * i), heads->halves ? i : 2 * i);
        assert_int_equal(plmr_heads_element(heads, 2 * i + 1), heads->halves ? i + heads->head_dim / 2 : 2 * i + 1);
    }
    assert_int_equal(plmr_heads_element(heads, heads->head_dim), -1);
}

static void check_heads(struct heads_case c, int n_slots, bool halves)
{
    plmr_heads heads = heads_of(c, n_slots, halves);
    plmr_deal queries, keys;
    assert_true(heads.span == 1 || heads.n_per_core == 1);
    assert_true(heads.span * heads.n_dims >= c.head_dim);
    plmr_deal_queries(&heads, n_slots, &queries);
    plmr_deal_keys(&heads, n_slots, &keys);
    assert_int_equal(queries.n, c.n_heads * c.head_dim);
    assert_int_equal(keys.n, c.n_kv * c.head_dim);
    assert_int_equal(queries.n_filled, keys.n_filled);
    every_element_once(&queries);
    every_element_once(&keys);
    check_rope_order(&heads);
    for (int kv = 0; kv < c.n_kv; kv++)
        check_head(&heads, &keys, kv);
    for (int chunk = 0; chunk < keys.n_filled; chunk++)
        check_core(&heads, &queries, &keys, chunk);
    plmr_deal_free(&queries);
    plmr_deal_free(&keys);
}

static void heads_are_dealt_whole(void **state)
{
    for (int c = 0; c < N_CASES; c++)
        for (int s = 0; s < N_SLOTS; s++)
            for (int halves = 0; halves < 2; halves++)
                check_heads(cases[c], slots[s], halves);
    (void)state;
}

/* ---- parts ---- */

static void check_part(const plmr_part *part, const plmr_deal *deal, int *holders)
{
    int32_t *elements = malloc((size_t)(part->n_chunks * deal->size + 1) * sizeof *elements);
    assert_non_null(elements);
    plmr_part_elements(part, deal, elements);
    for (int i = 0; i < part->n_chunks; i++) {
        int chunk = plmr_part_chunk(part, i);
        assert_in_range(chunk, 0, deal->n_filled - 1);
        assert_int_equal(plmr_part_index(part, chunk), i);
        holders[chunk]++;
        for (int e = 0; e < deal->size; e++)
            assert_int_equal(elements[i * deal->size + e], plmr_deal_element(deal, (int64_t)chunk * deal->size + e));
    }
    free(elements);
}

/* Each chunk is with the rank that owns its position of the ring, and with no other. */
static void check_parts(const plmr_deal *deal, const plmr_ring *ring)
{
    int *holders = calloc((size_t)deal->n_filled, sizeof *holders);
    assert_non_null(holders);
    for (int place = 0; place < plmr_rank_count(); place++) {
        plmr_part part = plmr_part_of(deal, ring, place);
        check_part(&part, deal, holders);
        for (int chunk = 0; chunk < deal->n_filled; chunk++)
            assert_int_equal(plmr_part_index(&part, chunk) >= 0, plmr_ring_owner(ring, chunk) == place);
    }
    for (int chunk = 0; chunk < deal->n_filled; chunk++)
        assert_int_equal(holders[chunk], 1);
    plmr_part all = plmr_part_of(deal, NULL, 0);
    memset(holders, 0, (size_t)deal->n_filled * sizeof *holders);
    check_part(&all, deal, holders);
    assert_int_equal(all.n_chunks, deal->n_filled);
    free(holders);
}

/* Each chunk is with one place, all have as many but for one, and early chunks go with late ones. */
static void folded_parts_are_even(void **state)
{
    (void)state;
    for (int n = 1; n < 40; n++)
        for (int n_places = 1; n_places < 12; n_places++) {
            plmr_deal deal = plmr_deal_plain(3 * n - 1, n);
            int holders[40] = {0};
            for (int place = 0; place < n_places; place++) {
                plmr_part part = plmr_part_folded(&deal, n_places, place);
                check_part(&part, &deal, holders);
                assert_in_range(part.n_chunks, n / n_places, n / n_places + 1);
                assert_true(n % (2 * n_places) || part.n_runs == 1 || part.runs[0].count == part.runs[1].count);
            }
            for (int chunk = 0; chunk < n; chunk++)
                assert_int_equal(holders[chunk], 1);
        }
}

/* Positions of two dimensions on many ranks: as many of either on each, but for one, and no more than two runs. */
static void runs_are_even(void **state)
{
    static const struct {
        int near, far;
    } filled[] = {{576, 598}, {586, 598}, {4, 10}, {128, 128}, {130, 255}, {200, 600}, {127, 640}};
    static const int example[] = {0, 1, 2, 2, 2, 2, 1, 1, 0, 0};
    int found[10];
    (void)state;
    plmr_deal_runs(4, 10, 3, found);
    assert_memory_equal(found, example, sizeof example);
    for (size_t f = 0; f < sizeof filled / sizeof *filled; f++)
        for (int parts = 1; parts <= filled[f].near && parts <= 128; parts++) {
            int owner[640], n_of[2][128] = {{0}}, near = filled[f].near, far = filled[f].far, n_runs = 1;
            plmr_deal_runs(near, far, parts, owner);
            for (int i = 0; i < far; i++) {
                assert_in_range(owner[i], 0, parts - 1);
                n_of[i >= near][owner[i]]++;
                n_runs += i && owner[i] != owner[i - 1];
            }
            assert_true(n_runs <= 2 * parts);
            for (int part = 0; part < parts; part++) {
                assert_in_range(n_of[0][part], near / parts, plmr_ceil_div(near, parts));
                assert_in_range(n_of[0][part] + n_of[1][part], far / parts, plmr_ceil_div(far, parts));
            }
        }
}

/* What a rank picks of a vector is what its list says. */
static void check_pick(const plmr_deal *deal, const plmr_ring *ring)
{
    plmr_part part = plmr_part_here(deal, ring);
    size_t n = (size_t)plmr_part_places(&part, deal);
    float *all = malloc((size_t)deal->n * sizeof *all), *picked = malloc((n + 1) * sizeof *picked);
    int32_t *elements = malloc((n + 1) * sizeof *elements);
    assert_true(all && picked && elements);
    for (int64_t i = 0; i < deal->n; i++)
        all[i] = (float)i + 1;
    plmr_part_pick(&part, deal, all, picked);
    plmr_part_elements(&part, deal, elements);
    for (size_t i = 0; i < n; i++)
        assert_true(picked[i] == (elements[i] < 0 ? 0 : all[elements[i]]));
    free(elements);
    free(picked);
    free(all);
}

/* Of a dimension whose chunks are on some of the cores alone, ranks have as many as others, but for one. */
static void check_even(const plmr_deal *deal, const plmr_ring *ring)
{
    int least = INT_MAX, most = 0;
    for (int place = 0; place < plmr_rank_count(); place++) {
        int n = plmr_part_of(deal, ring, place).n_chunks;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_true(deal->n_filled < plmr_rank_count() || most - least <= 1);
}

static void check_grid(int cols, enum plmr_grid_use use)
{
    plmr_device device = test_device("wse2");
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    plmr_model_shape shape = {
        .dim = 120, .n_heads = 5, .n_kv_heads = 1, .head_dim = 24, .rope_dim = 24, .n_ffn = 322, .n_vocab = 257};
    plmr_ranks *ranks;
    plmr_grid *grid;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_grid_create(ranks, &device, &shape, 5, cols, &(plmr_reduce_options){0}, &any, use, &grid));
    const plmr_deal *deals[] = {&grid->queries, &grid->keys, &grid->ffn, &grid->vocab, &grid->dim_x};
    for (size_t i = 0; i < sizeof deals / sizeof deals[0]; i++) {
        check_parts(deals[i], grid->x);
        check_pick(deals[i], grid->x);
    }
    if (use != PLMR_FOR_TIME && grid->dim_x.n_filled >= plmr_rank_count())
        check_even(&grid->ffn, grid->x);
    if (use == PLMR_FOR_PROMPT)
        check_even(&grid->queries, grid->x);
    plmr_grid_destroy(grid);
    plmr_ranks_destroy(ranks);
}

static void ranks_hold_every_chunk_once(void **state)
{
    for (int s = 0; s < N_SLOTS; s++)
        if (slots[s] >= plmr_rank_count())
            for (int use = 0; use < 3; use++)
                check_grid(slots[s], (enum plmr_grid_use)use);
    (void)state;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(folded_parts_are_even),         cmocka_unit_test(runs_are_even),
    cmocka_unit_test(plain_dimensions_are_in_order), cmocka_unit_test(heads_are_dealt_whole),
    cmocka_unit_test(ranks_hold_every_chunk_once),
};

TEST_MAIN(tests)
