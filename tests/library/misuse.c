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
    if (is("begun twice") || is("never ended"))
        PLMR_TRY(plmr_tiles_shift_begin(t, t, x, 1));
    if (is("never ended"))
        return PLMR_OK;
    if (is("ended without"))
        PLMR_TRY(plmr_tiles_end(t));
    if (is("no product") || is("half messages")) {
        plmr_tiles *h;
        plmr_points *turned;
        PLMR_TRY(plmr_tiles_make(region, "h", PLMR_F16, 2, 3, &h));
        PLMR_TRY(plmr_points_transpose(region, "h", 1, &turned));
        PLMR_TRY(is("no product") ? plmr_tiles_multiply_add(t, h, t) : plmr_points_run(turned, h, h));
    }
    if (is("bad key"))
        PLMR_TRY(plmr_region_record(region, "a b", 1));
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
    if (is("other headers"))
        plmr_headers("0.0.9");
    plmr_program program = {.name = "misuse", .rows = 12, .cols = 12, .run = is("nothing to run") ? NULL : run};
    return plmr_program_main(argc, argv, is("no program") ? NULL : &program);
}
