/* Programs that go wrong as programs do: the word in MISUSE says how. */
#include <plmr/plmr.h>
#include <stdio.h>
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

/* Names of all that has one. */
static const char name[] = "a\"b\\t\n\x01\xff\xc3\xa4";

static plmr_status run_named(plmr_region *region)
{
    plmr_region *part;
    plmr_tiles *t;
    plmr_ring *x;
    plmr_points *flow;
    PLMR_TRY(plmr_part_create(region, name, &(plmr_rectangle){0, 0, 4, 4}, &part));
    PLMR_TRY(plmr_tiles_create(part, name, 1, &t));
    PLMR_TRY(plmr_tiles_sum(t, "chain"));
    PLMR_TRY(plmr_tiles_create(region, name, 1, &t));
    PLMR_TRY(plmr_ring_create(region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    PLMR_TRY(plmr_tiles_shift(t, t, x, 1));
    plmr_tiles_destroy(t);
    PLMR_TRY(plmr_tiles_create(region, "other", 1, &t));
    PLMR_TRY(plmr_tiles_shift(t, t, x, 1));
    plmr_ring_destroy(x);
    PLMR_TRY(plmr_points_transpose(region, name, 1, &flow));
    PLMR_TRY(plmr_points_run(flow, t, t));
    plmr_points_destroy(flow);
    return PLMR_OK;
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
    if (is("its own factor"))
        PLMR_TRY(plmr_tiles_multiply_add(t, t, t));
    if (is("its own matrix"))
        PLMR_TRY(plmr_tiles_multiply_vector(t, t, t));
    if (is("bad key"))
        PLMR_TRY(plmr_region_record(region, "a b", 1));
    if (is("own key"))
        PLMR_TRY(plmr_region_record(region, getenv("KEY"), atof(getenv("VALUE"))));
    if (is("any name"))
        PLMR_TRY(run_named(region));
    if (is("release"))
        plmr_region_release(region, 1000000);
    PLMR_TRY(plmr_tiles_shift(t, t, x, 1));
    plmr_ring_destroy(x);
    if (is("a verb after the ring"))
        PLMR_TRY(plmr_compute(region, 1, NULL, NULL));
    plmr_tiles_destroy(t);
    return PLMR_OK;
}

static int say(plmr_status status)
{
    fprintf(stderr, "misuse: %s\n", plmr_error_text(status));
    plmr_error_free(status);
    return 2;
}

int main(int argc, char **argv)
{
    const char *device = "mine", *stall = "mine";
    const plmr_program_option options[] = {
        {"device", "NAME", "Another thing", PLMR_OPTION_TEXT, &device},
        {"stall", "NAME", "Another thing", PLMR_OPTION_TEXT, &stall},
        {0},
    };
    const plmr_program_option long_name[] = {
        {"a-name-that-is-longer-than-any-that-is-read", "N", "Another thing", PLMR_OPTION_TEXT, &device}, {0}};
    const plmr_program_option no_help[] = {{"size", "N", NULL, PLMR_OPTION_TEXT, &device}, {0}};
    plmr_ranks *ranks;
    if (is("other headers"))
        plmr_headers("0.0.9");
    if (is("no ranks yet"))
        return say(plmr_ranks_create(0, 0, 4, 4, &ranks));
    if (is("last words"))
        plmr_end_job("%s", name);
    plmr_program program = {.name = is("any name") ? name : "misuse",
                            .rows = 12,
                            .cols = 12,
                            .run = is("nothing to run") ? NULL : run,
                            .options = is("own options") ? options
                                       : is("no help")   ? no_help
                                       : is("long name") ? long_name
                                                         : NULL};
    return plmr_program_main(argc, argv, is("no program") ? NULL : &program);
}
