/* Redistribution: wherever elements were, each comes to every place that wants it, and nothing else is touched. */
#include "tests/support.h"

#include "ranks/ranks.h"
#include "ranks/redistribute.h"

enum { MOST = 200, UNTOUCHED = -7 };

/* A dimension's lists, made up: every rank makes the same. */
struct lists {
    int n[16];
    int32_t element[16][MOST];
};

static uint64_t random_state;

static int random_below(int n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)((random_state >> 33) % (uint64_t)n);
}

static void append(struct lists *lists, int place, int32_t element)
{
    assert_in_range(lists->n[place], 0, MOST - 1);
    lists->element[place][lists->n[place]++] = element;
}

/* Elements in runs, each run with one place, or with none; `copies`: and some with others, too; padding between. */
static void deal(struct lists *lists, int n_places, int n, bool copies)
{
    *lists = (struct lists){0};
    for (int e = 0, run; e < n; e += run) {
        run = 1 + random_below(5);
        run = run < n - e ? run : n - e;
        int place = random_below(n_places + 1) % n_places, other = random_below(n_places);
        for (int i = 0; i < run && !(n_places > 1 && random_below(9) == 0); i++) {
            append(lists, place, e + i);
            if (copies)
                append(lists, other, e + i);
        }
        if (random_below(3) == 0)
            append(lists, other, -1);
    }
    int last = random_below(n_places); /* one list is not in order */
    for (int i = lists->n[last] - 1; i > 0; i--) {
        int j = random_below(i + 1);
        int32_t swapped = lists->element[last][i];
        lists->element[last][i] = lists->element[last][j];
        lists->element[last][j] = swapped;
    }
}

static int64_t list(const void *context, int place, int32_t *elements)
{
    const struct lists *lists = context;
    for (int i = 0; i < lists->n[place] && elements; i++)
        elements[i] = lists->element[place][i];
    return lists->n[place];
}

/* Memory of a side: strips of columns, one after the other, each with all rows. */
struct memory {
    int rows, strip;
    int values[MOST * 60];
};

static int index_of(const struct memory *memory, int64_t row, int64_t col)
{
    int index = (int)((col / memory->strip * memory->rows + row) * memory->strip + col % memory->strip);
    assert_in_range(index, 0, MOST * 60 - 1);
    return index;
}

static void *at(const void *context, int64_t row, int64_t col)
{
    return (void *)&((const struct memory *)context)->values[index_of(context, row, col)];
}

/* A side as a test has it. */
struct side {
    struct lists rows, cols;
    plmr_spread_matrix spread;
    struct memory memory;
};

static int place_along(const plmr_ranks *ranks, int axis)
{
    return axis == PLMR_WHOLE ? 0 : plmr_ranks_place(ranks, (enum plmr_axis)axis);
}

static int extent_along(const plmr_ranks *ranks, int axis)
{
    return axis == PLMR_WHOLE ? 1 : plmr_ranks_extent(ranks, (enum plmr_axis)axis);
}

static void make_side(struct side *side, const plmr_ranks *ranks, int row_axis, int col_axis, const int n[2],
                      bool copies)
{
    int row = place_along(ranks, row_axis), col = place_along(ranks, col_axis);
    deal(&side->rows, extent_along(ranks, row_axis), n[0], copies);
    deal(&side->cols, extent_along(ranks, col_axis), n[1], copies);
    side->spread = (plmr_spread_matrix){
        .rows = {row_axis, n[0], list, &side->rows}, .cols = {col_axis, n[1], list, &side->cols}, .at = at};
    side->memory.strip = 1 + random_below(7);
    side->memory.rows = side->rows.n[row];
    side->spread.strip = side->memory.strip;
    side->spread.context = &side->memory;
    for (int i = 0; i < MOST * 60; i++)
        side->memory.values[i] = UNTOUCHED;
    for (int r = 0; r < side->rows.n[row]; r++)
        for (int c = 0; c < side->cols.n[col]; c++)
            side->memory.values[index_of(&side->memory, r, c)] =
                copies ? UNTOUCHED : side->rows.element[row][r] * 1000 + side->cols.element[col][c];
}

static bool anybody_has(const struct lists *lists, int n_places, int element)
{
    for (int place = 0; place < n_places; place++)
        for (int i = 0; i < lists->n[place]; i++)
            if (lists->element[place][i] == element)
                return true;
    return false;
}

static int expected(const struct side *before, const plmr_ranks *ranks, int row, int col)
{
    bool there = row >= 0 && col >= 0 &&
                 anybody_has(&before->rows, extent_along(ranks, before->spread.rows.axis), row) &&
                 anybody_has(&before->cols, extent_along(ranks, before->spread.cols.axis), col);
    return there ? row * 1000 + col : UNTOUCHED;
}

static void check_side(const struct side *before, struct side *after, const plmr_ranks *ranks)
{
    int row = place_along(ranks, after->spread.rows.axis), col = place_along(ranks, after->spread.cols.axis);
    for (int r = 0; r < after->rows.n[row]; r++)
        for (int c = 0; c < after->cols.n[col]; c++) {
            int *value = &after->memory.values[index_of(&after->memory, r, c)];
            assert_int_equal(*value, expected(before, ranks, after->rows.element[row][r], after->cols.element[col][c]));
            *value = UNTOUCHED;
        }
    for (int i = 0; i < MOST * 60; i++)
        assert_int_equal(after->memory.values[i], UNTOUCHED);
}

/* Between all pairs of ways to deal a matrix to a grid of ranks, with messages of all sizes. */
static void check_grid(plmr_ranks *ranks)
{
    static const int axes[][2] = {{PLMR_Y, PLMR_X},     {PLMR_X, PLMR_Y},         {PLMR_WHOLE, PLMR_X},
                                  {PLMR_X, PLMR_WHOLE}, {PLMR_WHOLE, PLMR_WHOLE}, {PLMR_Y, PLMR_WHOLE}};
    static const size_t most_bytes[] = {1, 40, 300, 1 << 20};
    static struct side before, after;
    for (int b = 0; b < 6; b++)
        for (int a = 0; a < 6; a++)
            for (int i = 0; i < 4; i++) {
                int n[2] = {1 + random_below(30), 1 + random_below(50)};
                make_side(&before, ranks, axes[b][0], axes[b][1], n, false);
                make_side(&after, ranks, axes[a][0], axes[a][1], n, true);
                plmr_redistribute(ranks, &before.spread, &after.spread, sizeof(int), most_bytes[i]);
                check_side(&before, &after, ranks);
            }
}

/* Three matrices whose messages travel together, each dealt in its own way. */
static void check_together(plmr_ranks *ranks)
{
    static const int axes[][2] = {{PLMR_Y, PLMR_X}, {PLMR_WHOLE, PLMR_X}, {PLMR_X, PLMR_WHOLE}};
    static struct side before[3], after[3];
    for (int round = 0; round < 20; round++) {
        plmr_redistribution moves[3];
        for (int i = 0; i < 3; i++) {
            int n[2] = {1 + random_below(30), 1 + random_below(50)};
            make_side(&before[i], ranks, axes[i][0], axes[i][1], n, false);
            make_side(&after[i], ranks, axes[(i + round) % 3][0], axes[(i + round) % 3][1], n, true);
            moves[i] = (plmr_redistribution){&before[i].spread, &after[i].spread, sizeof(int)};
        }
        plmr_redistribute_all(ranks, moves, 3, round % 2 ? 40 : 1 << 20);
        for (int i = 0; i < 3; i++)
            check_side(&before[i], &after[i], ranks);
    }
}

static void elements_come_to_all_that_want_them(void **state)
{
    (void)state;
    int n = plmr_rank_count();
    random_state = 5;
    for (int rows = 1; rows <= n; rows++) {
        plmr_ranks *ranks;
        if (n % rows)
            continue;
        must(plmr_ranks_create(rows, n / rows, 100, 100, &ranks));
        check_grid(ranks);
        check_together(ranks);
        plmr_ranks_destroy(ranks);
    }
}

/* A matrix whose columns lie in blocks goes to rank 0, which wants all of them in order: as results are collected. */
static int64_t all_at_first(const void *context, int place, int32_t *elements)
{
    int n = *(const int *)context;
    for (int i = 0; i < n && place == 0 && elements; i++)
        elements[i] = i;
    return place == 0 ? n : 0;
}

static int64_t block(const void *context, int place, int32_t *elements)
{
    int first, count;
    plmr_ranks_share(*(const int *)context, plmr_rank_count(), place, &first, &count);
    for (int i = 0; i < count && elements; i++)
        elements[i] = first + i;
    return count;
}

static void *in_row(const void *context, int64_t row, int64_t col)
{
    return *(double *const *)context + row * 50 + col;
}

static void rank_0_collects(void **state)
{
    (void)state;
    enum { N = 47 };
    int n = N, first, count;
    double mine[2][50], all[2][50], *from = mine[0], *to = all[0];
    plmr_ranks *ranks;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, N, &ranks));
    plmr_ranks_share(N, plmr_rank_count(), plmr_rank(), &first, &count);
    for (int c = 0; c < 2 * count; c++)
        mine[c / count][c % count] = 100 * (c / count) + first + c % count;
    plmr_spread_matrix before = {.rows = {.axis = PLMR_WHOLE, .n = 2},
                                 .cols = {PLMR_X, N, block, &n},
                                 .at = in_row,
                                 .strip = N,
                                 .context = &from};
    plmr_spread_matrix after = before;
    after.cols.list = all_at_first;
    after.context = &to;
    plmr_redistribute(ranks, &before, &after, sizeof(double), 100);
    for (int c = 0; c < 2 * N && plmr_rank() == 0; c++)
        assert_true(all[c / N][c % N] == 100 * (c / N) + c % N);
    plmr_ranks_destroy(ranks);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements_come_to_all_that_want_them),
    cmocka_unit_test(rank_0_collects),
};

TEST_MAIN(tests)
