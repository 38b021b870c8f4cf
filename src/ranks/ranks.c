#include "ranks/internal.h"

#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/build.h"
#include "base/given.h"
#include "base/hint.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/threads.h"
#include "ranks/deal.h"
#include "ranks/launcher.h"
#include "ranks/mapping.h"

static MPI_Comm job = MPI_COMM_NULL;
static bool has_started_mpi, works_alone;
static const char *other_headers; /* that the program was compiled with */

MPI_Comm plmr_job(void)
{
    return job;
}

MPI_Comm plmr_world(void)
{
    return works_alone ? MPI_COMM_SELF : job;
}

/* Simulated ranks share `job`, and start and end one after the other. */
bool plmr_ranks_started(void)
{
    int started = 0, ended = 0;
    if (job != MPI_COMM_NULL) {
        MPI_Initialized(&started);
        MPI_Finalized(&ended);
    }
    return started && !ended;
}

/* What Open MPI reads in MPI_Init; a user's own settings are left alone. Spinning while other ranks want the core slows
 * a run by orders of magnitude. A process alone needs no daemon, whose start fails where ssh or room for its folder
 * lacks. */
static const char *const oversubscribed[] = {"OMPI_MCA_mpi_yield_when_idle", "1", NULL};
static const char *const alone[] = {"OMPI_MCA_ess_singleton_isolated", "1", "OMPI_MCA_orte_create_session_dirs", "0",
                                    NULL};

static void set_unless_set(const char *const *settings)
{
    for (; *settings; settings += 2)
        setenv(settings[0], settings[1], 0);
}

/* Whether a process alone has set what its children must not inherit. */
static bool prepare_mpi(void)
{
    bool is_alone = plmr_launched_as().rank < 0 && !getenv(alone[0]) && !getenv(alone[2]);
    if (plmr_ranks_outnumber_cores())
        set_unless_set(oversubscribed);
    if (is_alone)
        set_unless_set(alone);
    return is_alone;
}

static void forget_settings(void)
{
    unsetenv(alone[0]);
    unsetenv(alone[2]);
}

/* Large pieces of memory go back to the system when they are freed, whatever was freed before them. Of small ones so much is kept,
 * as each step of a layer takes and frees some, and pages anew cost a short prompt a tenth of its time. */
static void return_large_memory(void)
{
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
#endif
}

static plmr_status read_bind(bool *binds)
{
    static const char *const words[] = {"none", "core"};
    const char *asked = getenv("PLMR_BIND");
    int index = 0;
    if (asked)
        PLMR_TRY(plmr_parse_word("PLMR_BIND", asked, words, 2, &index));
    *binds = index == 1;
    return PLMR_OK;
}

/* srun binds nothing on many clusters, and mpirun not where it was told to start more ranks than it knows of cores. */
static void bind(void)
{
    int index, n;
    MPI_Comm node;
    PLMR_MPI(MPI_Comm_split_type(plmr_world(), MPI_COMM_TYPE_SHARED, plmr_rank(), MPI_INFO_NULL, &node));
    PLMR_MPI(MPI_Comm_rank(node, &index));
    PLMR_MPI(MPI_Comm_size(node, &n));
    PLMR_MPI(MPI_Comm_free(&node));
    plmr_machine_bind(index, n);
}

/* With less, MPI does not fail but goes on without some of its parts, and messages are lost. */
static plmr_status check_memory(void)
{
    enum { LEAST_MB = 256 };
    struct rlimit limit;
    bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    PLMR_CHECK(!limited || limit.rlim_cur >> 20 >= LEAST_MB, PLMR_ERROR_SYSTEM,
               "this process may take %lld MB of memory (ulimit -v): give it %d at least",
               (long long)(limit.rlim_cur >> 20), LEAST_MB);
    return PLMR_OK;
}

/* Ranks of another program would send other messages, or the same ones with other values. */
static plmr_status check_build(void)
{
    char *mine = plmr_build_text(), first[160];
    snprintf(first, sizeof first, "%s", mine);
    PLMR_MPI(MPI_Bcast(first, sizeof first, MPI_CHAR, 0, plmr_world()));
    plmr_status status = PLMR_OK;
    if (strncmp(first, mine, sizeof first - 1) != 0)
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "runs %s, and rank 0 %s: start the same program everywhere", mine,
                                 first);
    free(mine);
    return status;
}

/* An MPI knows its own launcher alone: under another one each process is the only one of a job of its own, and all
 * would write the same files. */
static plmr_status check_launcher(void)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int n, length;
    plmr_launched launched = plmr_launched_as();
    PLMR_MPI(MPI_Comm_size(MPI_COMM_WORLD, &n));
    PLMR_MPI(MPI_Get_library_version(version, &length));
    PLMR_CHECK(
        n > 1 || launched.count <= 1, PLMR_ERROR_INPUT,
        "the launcher has started %d processes, but is not one of the MPI that plmr is built with, so that each is "
        "alone: use mpirun of %.*s, or srun --mpi=pmix where the MPI knows it",
        launched.count, (int)strcspn(version, ",:\n"), version);
    return PLMR_OK;
}

/* Open MPI 4 tells a thread of its own something in MPI_Init and unloads, in MPI_Finalize, the code that this thread has yet to
 * run if the machine was so busy that it got no processor in between: all would be done, and the job would fail. */
static void end_mpi(void)
{
    enum { LONGEST_S = 2 };
    plmr_threads_settle(LONGEST_S);
    PLMR_MPI(MPI_Finalize());
}

static plmr_status start_mpi(int *argc, char ***argv)
{
    bool set = prepare_mpi();
    PLMR_CHECK(MPI_Init(argc, argv) == MPI_SUCCESS, PLMR_ERROR_SYSTEM,
               "MPI does not start; is mpirun of the same MPI?");
    if (set)
        forget_settings();
    PLMR_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)); /* PLMR_MPI says it in one line */
    plmr_status status = check_launcher();
    if (status)
        end_mpi();
    return status;
}

void plmr_headers(const char *version)
{
    if (version && strcmp(version, PLMR_VERSION) != 0)
        other_headers = version;
}

/* Where a standard stream is closed, MPI's next file would take its place, and what is printed would go there in silence. What
 * takes it now can only be read. */
static void hold_streams(void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return;
}

/* What all ways of starting do first: whether ranks are to be bound. */
static plmr_status begin(bool *binds)
{
    hold_streams();
    PLMR_CHECK(
        !other_headers, PLMR_ERROR_INPUT,
        "compiled with the headers of plmr %.40s, and run with the library of %s: compile the program anew, or give it "
        "that library",
        other_headers, PLMR_VERSION);
    PLMR_TRY(check_memory());
    PLMR_TRY(read_bind(binds));
    return_large_memory();
    return PLMR_OK;
}

/* And last. */
static plmr_status settle(bool binds)
{
    if (binds)
        bind();
    return check_build();
}

plmr_status(plmr_init)(int *argc, char ***argv)
{
    bool binds;
    int started;
    PLMR_TRY(begin(&binds));
    MPI_Initialized(&started);
    PLMR_CHECK(!started, PLMR_ERROR_INPUT,
               "the message layer is started once per process, and has been already (see plmr_init_on)");
    PLMR_TRY(start_mpi(argc, argv));
    has_started_mpi = true;
    job = MPI_COMM_WORLD;
    return settle(binds);
}

plmr_status(plmr_init_on)(const void *comm)
{
    bool binds;
    int started, ended = 0;
    PLMR_GIVEN(comm);
    PLMR_TRY(begin(&binds));
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    PLMR_CHECK(started && !ended && !plmr_ranks_started(), PLMR_ERROR_INPUT,
               "plmr_init_on comes between MPI_Init and MPI_Finalize, and again only after plmr_finalize");
    int has_two_sides = 1;
    if (*(const MPI_Comm *)comm != MPI_COMM_NULL)
        MPI_Comm_test_inter(*(const MPI_Comm *)comm, &has_two_sides);
    PLMR_CHECK(
        !has_two_sides, PLMR_ERROR_INPUT,
        "plmr_init_on needs the communicator of one group of ranks: neither MPI_COMM_NULL nor one between two groups");
    PLMR_CHECK(MPI_Comm_dup(*(const MPI_Comm *)comm, &job) == MPI_SUCCESS, PLMR_ERROR_SYSTEM,
               "MPI cannot duplicate the communicator");
    PLMR_MPI(MPI_Comm_set_errhandler(job, MPI_ERRORS_RETURN));
    return settle(binds);
}

void plmr_finalize(void)
{
    if (!plmr_ranks_started())
        return;
    plmr_kept_free();
    if (has_started_mpi)
        end_mpi();
    else
        PLMR_MPI(MPI_Comm_free(&job)); /* which makes it none */
}

int plmr_rank(void)
{
    int rank;
    if (!plmr_ranks_started())
        rank = plmr_launched_as().rank;
    else
        PLMR_MPI(MPI_Comm_rank(plmr_world(), &rank));
    return rank < 0 ? 0 : rank;
}

int plmr_rank_count(void)
{
    int n_ranks;
    if (!plmr_ranks_started())
        n_ranks = plmr_launched_as().count;
    else
        PLMR_MPI(MPI_Comm_size(plmr_world(), &n_ranks));
    return n_ranks;
}

static plmr_status check_grid(int rank_rows, int rank_cols, int rows, int cols)
{
    int n_ranks = plmr_rank_count();
    PLMR_CHECK(rank_rows >= 1 && (int64_t)rank_rows * rank_cols == n_ranks, PLMR_ERROR_INPUT,
               "a %dx%d grid of ranks needs %lld ranks, but there are %d: give %s = %d, or %s", rank_rows, rank_cols,
               (long long)rank_rows * rank_cols, n_ranks, plmr_hint("--ranks RxC with R*C", "rows x columns"), n_ranks,
               plmr_hint("leave it out", "0 x 0"));
    PLMR_CHECK(rank_rows <= rows && rank_cols <= cols, PLMR_ERROR_INPUT,
               "a %dx%d grid of ranks leaves some without cores of a %dx%d region: use fewer ranks or more cores",
               rank_rows, rank_cols, rows, cols);
    return PLMR_OK;
}

static void create_lines(plmr_ranks *ranks)
{
    int dims[2], periods[2], coords[2];
    PLMR_MPI(MPI_Cart_get(ranks->grid, 2, dims, periods, coords));
    for (int axis = 0; axis < 2; axis++) {
        int dimension = axis == PLMR_Y ? 0 : 1;
        int keep[2] = {dimension == 0, dimension == 1};
        PLMR_MPI(MPI_Cart_sub(ranks->grid, keep, &ranks->line[axis]));
        ranks->extent[axis] = dims[dimension];
        ranks->place[axis] = coords[dimension];
    }
}

static void list_numbers(plmr_ranks *ranks)
{
    int me = plmr_rank();
    ranks->numbers = plmr_take((size_t)plmr_rank_count() * sizeof *ranks->numbers);
    PLMR_MPI(MPI_Allgather(&me, 1, MPI_INT, ranks->numbers, 1, MPI_INT, ranks->grid));
}

/* Where this rank runs, for its place on the grid, and how many do on this node. Ranks that may move from cache to cache
 * have none. */
static plmr_neighbourhood find_here(int *n_here)
{
    MPI_Comm node;
    plmr_neighbourhood here = {.node = plmr_rank(), .cache = -1};
    PLMR_MPI(MPI_Comm_split_type(plmr_world(), MPI_COMM_TYPE_SHARED, plmr_rank(), MPI_INFO_NULL, &node));
    PLMR_MPI(MPI_Comm_size(node, n_here));
    PLMR_MPI(MPI_Bcast(&here.node, 1, MPI_INT, 0, node));
    PLMR_MPI(MPI_Comm_free(&node));
    if (*n_here > 1 && plmr_machine_is_bound()) {
        plmr_site site = plmr_machine_site();
        here.cache = site.l3 >= 0 ? site.l3 : site.numa;
    }
    return here;
}

/* Where all ranks run; returns how many do on this node. */
static int look_around(plmr_neighbourhood *where)
{
    int n_here = plmr_kept_where(where);
    if (n_here == 0) {
        plmr_neighbourhood here = find_here(&n_here);
        PLMR_MPI(MPI_Allgather(&here, 2, MPI_INT, where, 2, MPI_INT, plmr_world()));
        plmr_keep_where(where, n_here);
    }
    return n_here;
}

static plmr_ranks *make_grid(const plmr_rank_grid *grid, const int *place)
{
    MPI_Comm placed; /* in which ranks are numbered by place */
    int dims[2] = {grid->rank_rows, grid->rank_cols}, periods[2] = {1, 1};
    plmr_ranks *ranks = plmr_take_zeroed(1, sizeof *ranks);
    PLMR_MPI(MPI_Comm_split(plmr_world(), 0, place[plmr_rank()], &placed));
    PLMR_MPI(MPI_Cart_create(placed, 2, dims, periods, 0, &ranks->grid));
    PLMR_MPI(MPI_Comm_free(&placed));
    create_lines(ranks);
    list_numbers(ranks);
    return ranks;
}

static plmr_status create_grid(int rank_rows, int rank_cols, int rows, int cols, const plmr_rank_traffic *traffic,
                               plmr_neighbourhood *where, int *place, plmr_ranks **out)
{
    plmr_rank_grid grid;
    int n_here = look_around(where), n_ranks = plmr_rank_count();
    PLMR_CHECK(plmr_mapping_choose(where, n_ranks, rank_rows, rank_cols, rows, cols, traffic, &grid), PLMR_ERROR_INPUT,
               "%d ranks cannot share a %dx%d region as a grid: use a number of ranks with a divisor that fits",
               n_ranks, rows, cols);
    plmr_mapping_order(where, n_ranks, &grid, place);
    plmr_ranks *ranks = plmr_kept_take(&grid, place);
    if (!ranks)
        ranks = make_grid(&grid, place);
    ranks->n_here = n_here;
    *out = ranks;
    return PLMR_OK;
}

plmr_status plmr_ranks_create_for(int rank_rows, int rank_cols, int rows, int cols, const plmr_rank_traffic *traffic,
                                  plmr_ranks **out)
{
    PLMR_CHECK(plmr_ranks_started(), PLMR_ERROR_INPUT,
               "there are no ranks yet: call plmr_init before plmr_ranks_create");
    PLMR_CHECK(rows >= 1 && cols >= 1, PLMR_ERROR_INPUT, "a region needs at least 1x1 cores, not %dx%d", rows, cols);
    size_t n_ranks = (size_t)plmr_rank_count();
    if (rank_rows || rank_cols)
        PLMR_TRY(check_grid(rank_rows, rank_cols, rows, cols));
    plmr_neighbourhood *where = plmr_take(n_ranks * sizeof *where);
    int *place = plmr_take(n_ranks * sizeof *place);
    plmr_status status = create_grid(rank_rows, rank_cols, rows, cols, traffic, where, place, out);
    free(place);
    free(where);
    return status;
}

plmr_status plmr_ranks_create(int rank_rows, int rank_cols, int rows, int cols, plmr_ranks **out)
{
    PLMR_GIVEN(out);
    return plmr_ranks_create_for(rank_rows, rank_cols, rows, cols, NULL, out);
}

static int largest_divisor(int n, int most)
{
    int divisor = n < most ? n : most;
    while (n % divisor)
        divisor--;
    return divisor;
}

plmr_ranks *plmr_ranks_cut(plmr_ranks *ranks, int rows, int cols)
{
    const int *extent = ranks->extent, *place = ranks->place;
    int dims[2] = {largest_divisor(extent[PLMR_Y], rows), largest_divisor(extent[PLMR_X], cols)}, periods[2] = {1, 1};
    if (dims[0] == extent[PLMR_Y] && dims[1] == extent[PLMR_X])
        return ranks;
    MPI_Comm piece;
    plmr_ranks *cut = plmr_take_zeroed(1, sizeof *cut);
    cut->n_here = ranks->n_here;
    int colour = place[PLMR_Y] / dims[0] * extent[PLMR_X] + place[PLMR_X] / dims[1];
    PLMR_MPI(MPI_Comm_split(ranks->grid, colour, plmr_deal_me(ranks), &piece));
    PLMR_MPI(MPI_Cart_create(piece, 2, dims, periods, 0, &cut->grid));
    PLMR_MPI(MPI_Comm_free(&piece));
    create_lines(cut);
    list_numbers(cut);
    return cut;
}

plmr_status plmr_ranks_create_alone(plmr_ranks **out)
{
    works_alone = true;
    plmr_status status = plmr_ranks_create(1, 1, 1, 1, out);
    if (status)
        works_alone = false;
    else
        (*out)->is_alone = true;
    return status;
}

void plmr_ranks_free(plmr_ranks *ranks)
{
    if (!ranks)
        return;
    for (int axis = 0; axis < 2; axis++)
        PLMR_MPI(MPI_Comm_free(&ranks->line[axis]));
    PLMR_MPI(MPI_Comm_free(&ranks->grid));
    free(ranks->numbers);
    free(ranks);
}

void plmr_ranks_destroy(plmr_ranks *ranks)
{
    if (!ranks)
        return;
    plmr_account_close(ranks);
    if (ranks->is_alone)
        works_alone = false;
    else if (plmr_keep(ranks))
        return;
    plmr_ranks_free(ranks);
}

int plmr_ranks_extent(const plmr_ranks *ranks, enum plmr_axis axis)
{
    return ranks && (axis == PLMR_X || axis == PLMR_Y) ? ranks->extent[axis] : 0;
}

int plmr_ranks_place(const plmr_ranks *ranks, enum plmr_axis axis)
{
    return ranks && (axis == PLMR_X || axis == PLMR_Y) ? ranks->place[axis] : -1;
}

int plmr_ranks_here(const plmr_ranks *ranks)
{
    return ranks->n_here;
}

/* ---- memory ---- */

plmr_status plmr_ranks_room(const plmr_ranks *ranks, double n_bytes, const char *what)
{
    double gb = 1e9, left = (double)plmr_machine_free_bytes(), here = ranks->n_here;
    double wanted = n_bytes * here / plmr_rank_count();
    PLMR_CHECK(left <= 0 || wanted <= left, PLMR_ERROR_LIMIT,
               "%s takes %.1f GB of memory, %.1f of them on the %.0f rank%s of this host, which has %.1f GB left: use "
               "%.0f such hosts at least, with as many ranks each",
               what, n_bytes / gb, wanted / gb, here, here == 1 ? "" : "s", left / gb, floor(n_bytes / left) + 1);
    return PLMR_OK;
}

plmr_status plmr_ranks_ask_room(const plmr_ranks *ranks, double n_bytes, const char *what)
{
    const double little = 0x1p28;
    return n_bytes < little ? PLMR_OK : plmr_agree(plmr_ranks_room(ranks, n_bytes, what));
}
