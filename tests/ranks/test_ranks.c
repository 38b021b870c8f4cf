/* The grid of ranks: who owns what, messages along axes, and failures that all ranks share. */
#include "tests/support.h"

#include <math.h>
#include <unistd.h>

#include "base/wall.h"
#include "ranks/deal.h"
#include "ranks/dealing.h"
#include "ranks/ranks.h"

static void shares_cover_all_cores(void **state)
{
    (void)state;
    for (int n = 1; n <= 40; n++)
        for (int parts = 1; parts <= n; parts++) {
            int next = 0, least = n, most = 0;
            for (int place = 0; place < parts; place++) {
                int first, count;
                plmr_ranks_share(n, parts, place, &first, &count);
                assert_int_equal(first, next);
                for (int i = first; i < first + count; i++)
                    assert_int_equal(plmr_ranks_owner(n, parts, i), place);
                next += count;
                least = count < least ? count : least;
                most = count > most ? count : most;
            }
            assert_int_equal(next, n);
            assert_true(most - least <= 1);
        }
}

static void grids_fit_their_region(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    int n = plmr_rank_count();
    must(plmr_ranks_create(0, 0, 100, 100, &ranks));
    assert_int_equal(plmr_ranks_extent(ranks, PLMR_X) * plmr_ranks_extent(ranks, PLMR_Y), n);
    plmr_ranks_destroy(ranks);
    must(plmr_ranks_create(1, n, 3, 100, &ranks));
    assert_int_equal(plmr_ranks_extent(ranks, PLMR_X), n);
    assert_int_equal(plmr_ranks_place(ranks, PLMR_X), plmr_rank());
    plmr_ranks_destroy(ranks);
    must_fail(plmr_ranks_create(n + 1, 1, 100, 100, &ranks), PLMR_ERROR_INPUT, "rows x columns");
    if (n > 1) {
        must_fail(plmr_ranks_create(n, 1, n - 1, 100, &ranks), PLMR_ERROR_INPUT, "without cores");
        must_fail(plmr_ranks_create(0, 0, 1, n - 1, &ranks), PLMR_ERROR_INPUT, "cannot share");
    }
}

/* A grid that is made when others alike are done with, or there are still, is as new and has messages of its own. */
static void grids_are_made_again(void **state)
{
    (void)state;
    int n = plmr_rank_count(), me = plmr_rank();
    for (int turn = 0; turn < 6; turn++) {
        plmr_ranks *grids[4];
        for (int i = 0; i < 4; i++) {
            must(plmr_ranks_create(i == 1 ? n : 1, i == 1 ? 1 : n, 100, 100, &grids[i]));
            plmr_ranks_times times = plmr_ranks_times_now(grids[i]);
            plmr_ranks_times none = {0};
            assert_memory_equal(&times, &none, sizeof times);
        }
        double sent[2] = {me, 100 + me}, got[2] = {-1, -1};
        plmr_exchange *exchange[2];
        for (int i = 0; i < 2; i++) { /* those of the last grid come first, and are not the other's */
            plmr_ranks *grid = grids[i ? 0 : 3];
            exchange[i] = plmr_exchange_create(grid, "a test");
            plmr_exchange_receive(exchange[i], PLMR_X, (me + n - 1) % n, &got[1 - i], sizeof *got);
        }
        for (int i = 0; i < 2; i++)
            plmr_exchange_send(exchange[1 - i], PLMR_X, (me + 1) % n, &sent[i], sizeof *sent);
        for (int i = 0; i < 2; i++) {
            plmr_exchange_wait(exchange[i]);
            plmr_exchange_destroy(exchange[i]);
        }
        assert_true(got[0] == (me + n - 1) % n && got[1] == 100 + (me + n - 1) % n);
        for (int i = 0; i < 4; i++)
            plmr_ranks_destroy(grids[turn % 2 ? i : 3 - i]);
    }
}

/* Round each line of the grid, in pieces of odd sizes: what comes is what the neighbour sent. */
static void messages_go_along_axes(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(0, 0, 100, 100, &ranks));
    for (int axis = PLMR_X; axis <= PLMR_Y; axis++) {
        int n = plmr_ranks_extent(ranks, (enum plmr_axis)axis), me = plmr_ranks_place(ranks, (enum plmr_axis)axis);
        double sent[2][500], got[2][500];
        plmr_exchange *exchange;
        exchange = plmr_exchange_create(ranks, "a test");
        for (int i = 0; i < 500; i++) {
            sent[0][i] = me * 1000 + i;
            sent[1][i] = -sent[0][i];
        }
        for (int m = 0; m < 2; m++) {
            plmr_exchange_receive(exchange, (enum plmr_axis)axis, (me + n - 1) % n, got[m], sizeof got[m]);
            plmr_exchange_send(exchange, (enum plmr_axis)axis, (me + 1) % n, sent[m], sizeof sent[m]);
        }
        plmr_exchange_wait(exchange);
        for (int i = 0; i < 500; i++) {
            assert_true(got[0][i] == (me + n - 1) % n * 1000 + i);
            assert_true(got[1][i] == -got[0][i]);
        }
        plmr_exchange_destroy(exchange);
        double largest = me, word = me == n - 1 ? 42 : 0;
        plmr_ranks_line_max(ranks, (enum plmr_axis)axis, &largest, 1);
        assert_true(largest == n - 1);
        plmr_ranks_line_broadcast(ranks, (enum plmr_axis)axis, n - 1, &word, sizeof word);
        assert_true(word == 42);
    }
    uint64_t one = 1;
    plmr_ranks_sum(ranks, &one, 1);
    assert_int_equal(one, plmr_rank_count());
    plmr_ranks_destroy(ranks);
}

/* One rank's error becomes everybody's; of several, the lowest rank's. */
static void failures_are_shared(void **state)
{
    (void)state;
    int n = plmr_rank_count(), me = plmr_rank();
    must(plmr_agree(PLMR_OK));
    for (int bad = 0; bad < n; bad++) {
        char words[32];
        snprintf(words, sizeof words, "rank %d has failed", bad);
        must_fail(plmr_agree(me >= bad ? plmr_error_make(PLMR_ERROR_LIMIT, "rank %d has failed", me) : PLMR_OK),
                  PLMR_ERROR_LIMIT, words);
    }
}

static void must_be_spread(const plmr_spread *spread)
{
    int n = plmr_rank_count();
    assert_true(spread->least <= spread->mean + 1e-9 && spread->mean <= spread->most + 1e-9);
    assert_true(spread->rank_least >= 0 && spread->rank_least < n && spread->rank_most >= 0 && spread->rank_most < n);
}

/* The last rank comes late to a message that goes round: whoever waits for it waits as long, and nobody else is told to
 * have. What is sent is counted. */
static void waiting_is_measured(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    plmr_exchange *exchange;
    int n = plmr_rank_count(), me = plmr_rank();
    double late_s = 0.2, out = me, in = -1;
    must(plmr_ranks_create(1, n, 1, n, &ranks));
    exchange = plmr_exchange_create(ranks, "a test");
    plmr_barrier();
    plmr_ranks_times before = plmr_ranks_times_now(ranks);
    double start_s = plmr_wall_s();
    if (me == n - 1)
        usleep((useconds_t)(late_s * 1e6));
    if (n > 1) {
        plmr_exchange_receive(exchange, PLMR_X, (me + n - 1) % n, &in, sizeof in);
        plmr_exchange_send(exchange, PLMR_X, (me + 1) % n, &out, sizeof out);
        plmr_exchange_wait(exchange);
        assert_true(in == (me + n - 1) % n);
    }
    plmr_ranks_usage usage;
    plmr_ranks_usage_since(ranks, &before, plmr_wall_s() - start_s, &usage);
    assert_true(usage.wall_s >= late_s);
    assert_true(fabs(usage.compute_s.mean + usage.exchange_s.mean + usage.wait_s.mean - usage.wall_s) < 1e-9);
    must_be_spread(&usage.compute_s);
    must_be_spread(&usage.exchange_s);
    must_be_spread(&usage.wait_s);
    assert_int_equal(usage.compute_s.rank_most, n - 1);
    assert_int_equal(usage.messages, n > 1 ? n : 0);
    assert_int_equal(usage.n_bytes, n > 1 ? n * (int)sizeof out : 0);
    assert_true(usage.rss_peak_bytes > 1 << 20);
    if (n > 1) {
        assert_true(usage.wait_s.most >= 0.9 * late_s);
        assert_int_not_equal(usage.wait_s.rank_most, n - 1);
        assert_true(usage.hidden_share >= 0 && usage.hidden_share < 0.5);
    } else {
        assert_true(isnan(usage.hidden_share));
    }
    plmr_exchange_destroy(exchange);
    plmr_ranks_destroy(ranks);
}

/* A message that comes while its receiver is at work is hidden. */
static void work_hides_messages(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    plmr_exchange *exchange;
    int n = plmr_rank_count(), me = plmr_rank();
    double out = me, in = -1;
    if (n == 1)
        return;
    must(plmr_ranks_create(1, n, 1, n, &ranks));
    exchange = plmr_exchange_create(ranks, "a test");
    plmr_barrier();
    plmr_ranks_times before = plmr_ranks_times_now(ranks);
    double start_s = plmr_wall_s();
    plmr_exchange_receive(exchange, PLMR_X, (me + n - 1) % n, &in, sizeof in);
    plmr_exchange_send(exchange, PLMR_X, (me + 1) % n, &out, sizeof out);
    for (int i = 0; i < 100; i++) {
        usleep(2000);
        plmr_exchange_poll(exchange);
    }
    plmr_exchange_wait(exchange);
    plmr_ranks_usage usage;
    plmr_ranks_usage_since(ranks, &before, plmr_wall_s() - start_s, &usage);
    assert_true(usage.hidden_share > 0.5);
    plmr_exchange_destroy(exchange);
    plmr_ranks_destroy(ranks);
}

/* Whoever waits for others to tell how much they send has messages on their way. */
static void deals_are_waited_for(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    int n = plmr_rank_count();
    int64_t out[16] = {0}, in[16];
    must(plmr_ranks_create(1, n, 1, n, &ranks));
    plmr_ranks_times before = plmr_ranks_times_now(ranks);
    plmr_deal_count_in(ranks, out, in);
    plmr_ranks_times now = plmr_ranks_times_now(ranks);
    assert_true(now.wait_s > before.wait_s);
    assert_true(now.flight_s - before.flight_s >= (now.wait_s - before.wait_s) * (1 - 1e-9));
    plmr_ranks_destroy(ranks);
}

/* Each rank does its own part of what is dealt out, and fails alone; then all are together again. */
static void a_rank_works_alone(void **state)
{
    (void)state;
    plmr_ranks *alone;
    int n = plmr_rank_count(), me = plmr_rank();
    must(plmr_ranks_create_alone(&alone));
    assert_int_equal(plmr_rank_count(), 1);
    assert_int_equal(plmr_rank(), 0);
    for (int i = 0; i < me; i++) /* as often as no other rank: nobody waits */
        must_fail(plmr_agree(plmr_error_make(PLMR_ERROR_INPUT, "alone")), PLMR_ERROR_INPUT, "alone");
    plmr_ranks_destroy(alone);
    assert_int_equal(plmr_rank_count(), n);
    assert_int_equal(plmr_rank(), me);
    must_fail(plmr_agree(me ? PLMR_OK : plmr_error_make(PLMR_ERROR_INPUT, "of all")), PLMR_ERROR_INPUT, "of all");
}

/* How many a rank sends to another in a turn, and what. */
static int64_t how_many(int from, int to, int scale)
{
    return from == to || (from + to) % 5 == 4 ? 0 : (int64_t)(from + 2 * to + 1) * scale;
}

static int64_t word(int from, int to, int turn, int64_t i)
{
    return (((int64_t)turn * 10 + from) * 10 + to) * 1000000 + i;
}

static void fill_pieces(int64_t *out, int me, int n, int turn, int scale)
{
    for (int to = 0; to < n; to++)
        for (int64_t i = 0; i < how_many(me, to, scale); i++)
            *out++ = word(me, to, turn, i);
}

/* Ranks are not in step: none may write over what another has not read. */
static void deal_in_turns(plmr_ranks *ranks, int scale)
{
    int n = plmr_deal_count(ranks), me = plmr_deal_me(ranks);
    int64_t n_out[9], n_in[9];
    for (int rank = 0; rank < n; rank++) {
        n_out[rank] = how_many(me, rank, scale);
        n_in[rank] = how_many(rank, me, scale);
    }
    plmr_dealing *dealing = plmr_dealing_create(ranks, n_out, n_in, sizeof(int64_t));
    for (int turn = 0; turn < 7; turn++) {
        fill_pieces(plmr_dealing_out(dealing), me, n, turn, scale);
        plmr_dealing_begin(dealing);
        usleep((me + turn) % 3 * 2000);
        plmr_dealing_end(dealing);
        usleep((me + 2 * turn) % 3 * 2000);
        for (int rank = 0; rank < n; rank++) {
            const int64_t *in = plmr_dealing_in(dealing, rank);
            for (int64_t i = 0; i < n_in[rank]; i++)
                if (in[i] != word(rank, me, turn, i))
                    fail_msg("turn %d, rank %d: %lld at %lld", turn, rank, (long long)in[i], (long long)i);
        }
    }
    plmr_dealing_destroy(dealing);
}

/* Little goes by messages, much is read where it was written. */
static void deals_are_done_again_and_again(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(0, 0, 100, 100, &ranks));
    deal_in_turns(ranks, 3);
    deal_in_turns(ranks, 5000);
    plmr_ranks_destroy(ranks);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shares_cover_all_cores), cmocka_unit_test(grids_fit_their_region),
    cmocka_unit_test(grids_are_made_again),   cmocka_unit_test(messages_go_along_axes),
    cmocka_unit_test(failures_are_shared),    cmocka_unit_test(waiting_is_measured),
    cmocka_unit_test(work_hides_messages),    cmocka_unit_test(deals_are_waited_for),
    cmocka_unit_test(a_rank_works_alone),     cmocka_unit_test(deals_are_done_again_and_again),
};

TEST_MAIN(tests)
