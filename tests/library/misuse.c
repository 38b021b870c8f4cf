/* Programs that go wrong as programs do: the word in MISUSE says how. */
#include <plmr/plmr.h>
#include <stdlib.h>
#include <string.h>

static bool is(const char *word)
{
    return strcmp(getenv("MISUSE"), word) == 0;
}

static void set(void *tiles, int row, int col)
{
    *plmr_tiles_at(tiles, row, col) = (float)(row + col);
}

/* What every core has: read where this rank has one. */
static float sum_of(const plmr_tiles *t)
{
    const float *sum = NULL;
    for (int row = 0; row < 12 && !sum; row++)
        for (int col = 0; col < 12 && !sum; col++)
            sum = plmr_tiles_at(t, row, col);
    return *sum;
}

static plmr_status run(plmr_region *region, void *context)
{
    plmr_tiles *t;
    plmr_ring *x;
    (void)context;
    PLMR_TRY(plmr_tiles_create(region, "t", 1, &t));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    PLMR_TRY(plmr_compute(region, 1, set, t));
    if (is("until a value")) {
        do {
            PLMR_TRY(plmr_tiles_allreduce(t, PLMR_X, "chain"));
            PLMR_TRY(plmr_tiles_allreduce(t, PLMR_Y, "chain"));
        } while (sum_of(t) < 1e6f);
    }
    if (is("look at last"))
        plmr_tiles_at(t, 11, 11);
    if (is("one rank alone"))
        PLMR_CHECK(plmr_rank() != 1, PLMR_ERROR_INPUT, "rank 1 is unhappy");
    if (is("release"))
        plmr_region_release(region, 1000000);
    PLMR_TRY(plmr_tiles_shift(t, t, x, 1));
    plmr_ring_destroy(x);
    if (is("a verb after the ring"))
        PLMR_TRY(plmr_compute(region, 1, NULL, NULL));
    plmr_tiles_destroy(t);
    return PLMR_OK;
}

int main(int argc, char **argv)
{
    plmr_program program = {"misuse", 12, 12, is("nothing to run") ? NULL : run, NULL};
    return plmr_program_main(argc, argv, is("no program") ? NULL : &program);
}
