/* Sample sort: in every row of cores each core sorts its numbers, sends those between the row's splitters to the core that
 * they belong to, all to all of unequal sizes, and sorts what it gets. How many go where is known before: splitters are of a
 * sample that everybody has. Build: cc sort.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6, COLS = 12, VALUES = 64, ROOM = 4 * VALUES, ALL = COLS * VALUES };

static plmr_tiles *numbers, *sorted;

static float number(int row, int i)
{
    return (float)((uint32_t)(row * COLS * VALUES + i) * 2654435761u >> 12);
}

static int compare(const void *a, const void *b)
{
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

/* How many of n numbers of a row belong to cores before `to`: splitters are of every core's first four, sorted. */
static int before(int row, int first, int n, int to)
{
    float sample[4 * COLS];
    int below = 0;
    for (int i = 0; i < 4 * COLS; i++)
        sample[i] = number(row, i / 4 * VALUES + i % 4);
    qsort(sample, 4 * COLS, sizeof *sample, compare);
    for (int i = first; i < first + n; i++)
        below += to == COLS || (to > 0 && number(row, i) < sample[4 * to]);
    return below;
}

static int count(void *context, int row, int from, int to)
{
    (void)context;
    return before(row, from * VALUES, VALUES, to + 1) - before(row, from * VALUES, VALUES, to);
}

static void sort_own(void *context, int row, int core)
{
    float *own = plmr_tiles_at(numbers, row, core);
    (void)context;
    for (int i = 0; i < VALUES; i++)
        own[i] = number(row, core * VALUES + i);
    qsort(own, VALUES, sizeof *own, compare);
}

static void sort_all(void *context, int row, int core)
{
    size_t n = (size_t)(before(row, 0, ALL, core + 1) - before(row, 0, ALL, core));
    (void)context;
    qsort(plmr_tiles_at(sorted, row, core), n, sizeof(float), compare);
}

static int check(void *context, int row, int core)
{
    float all[ALL];
    int first = before(row, 0, ALL, core), n = before(row, 0, ALL, core + 1) - first;
    (void)context;
    for (int i = 0; i < ALL; i++)
        all[i] = number(row, i);
    qsort(all, ALL, sizeof *all, compare);
    return n > ROOM || memcmp(plmr_tiles_at(sorted, row, core), all + first, (size_t)n * sizeof *all) != 0;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_points *exchange;
    PLMR_TRY(plmr_tiles_create(region, "numbers", VALUES, &numbers));
    PLMR_TRY(plmr_tiles_create(region, "sorted", ROOM, &sorted));
    PLMR_TRY(plmr_points_all_to_all_v(region, "exchange", PLMR_X, count, NULL, &exchange));
    PLMR_TRY(plmr_compute(region, 4 * VALUES * 6, sort_own, context)); /* four cycles a comparison */
    PLMR_TRY(plmr_points_run(exchange, numbers, sorted));
    PLMR_TRY(plmr_compute(region, 4 * VALUES * 6, sort_all, context));
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "sort", .rows = ROWS, .cols = COLS, .run = run, .check = check};
    return plmr_program_main(argc, argv, &program);
}
