/* Sample sort: in every row of cores each core sorts its numbers, sends those between the row's splitters to the core that
 * they belong to, all to all of unequal sizes, and sorts what it gets. How many go where is known before: splitters are of a
 * sample that everybody has. Build: cc sort.c $(pkg-config --cflags --libs plmr); run: mpirun -n 2 ./a.out [--help] */
#include <plmr/plmr.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 6, COLS = 12, VALUES = 64, ROOM = 4 * VALUES };

static plmr_tiles *numbers, *sorted;
static int wrong;

static float number(int row, int core, int i)
{
    return (float)((uint32_t)((row * COLS + core) * VALUES + i) * 2654435761u >> 12);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Numbers of core `core` below the splitters before core `to`: of every core's first four, sorted, the right ones. */
static int below(int row, int core, int to)
{
    float sample[4 * COLS];
    int n = 0;
    for (int i = 0; i < 4 * COLS; i++)
        sample[i] = number(row, i / 4, i % 4);
    qsort(sample, 4 * COLS, sizeof *sample, compare);
    for (int i = 0; i < VALUES; i++)
        n += to == COLS || (to > 0 && number(row, core, i) < sample[4 * to]);
    return n;
}

static int count(void *context, int row, int from, int to)
{
    return below(row, from, to + 1) - below(row, from, to);
}

static int kept(int row, int core) /* how many a core has in the end */
{
    int n = 0;
    for (int from = 0; from < COLS; from++)
        n += below(row, from, core + 1) - below(row, from, core);
    return n;
}

static void sort_own(void *context, int row, int core)
{
    float *own = plmr_tiles_at(numbers, row, core);
    for (int i = 0; i < VALUES; i++)
        own[i] = number(row, core, i);
    qsort(own, VALUES, sizeof *own, compare);
}

static void sort_all(void *context, int row, int core)
{
    qsort(plmr_tiles_at(sorted, row, core), (size_t)kept(row, core), sizeof(float), compare);
}

static void check(void *context, int row, int core)
{
    float all[COLS * VALUES];
    int first = 0, n = kept(row, core);
    for (int i = 0; i < COLS * VALUES; i++)
        all[i] = number(row, i / VALUES, i % VALUES);
    qsort(all, COLS * VALUES, sizeof *all, compare);
    for (int before = 0; before < core; before++)
        first += kept(row, before);
    wrong += n > ROOM || memcmp(plmr_tiles_at(sorted, row, core), all + first, (size_t)n * sizeof *all) != 0;
}

static plmr_status verify(plmr_region *region, void *context)
{
    PLMR_TRY(plmr_each(region, check, context));
    return wrong ? plmr_error_make(PLMR_ERROR_SYSTEM, "%d cores have wrong numbers", wrong) : PLMR_OK;
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
    plmr_points_destroy(exchange);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {.name = "sort", .rows = ROWS, .cols = COLS, .run = run, .verify = verify};
    return plmr_program_main(argc, argv, &program);
}
