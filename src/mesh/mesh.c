#include "mesh/internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Spinning while other ranks want the core slows a run by orders of magnitude. Open MPI reads this in MPI_Init; a
 * user's own setting is left alone. */
static void yield_if_oversubscribed(void)
{
    const char *local_ranks = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    if (local_ranks && atol(local_ranks) > sysconf(_SC_NPROCESSORS_ONLN))
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
}

/* Large pieces of memory go back to the system when they are freed, whatever was freed before them. */
static void return_large_memory(void)
{
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

plmr_status plmr_init(int *argc, char ***argv)
{
    return_large_memory();
    yield_if_oversubscribed();
    PLMR_CHECK(MPI_Init(argc, argv) == MPI_SUCCESS, PLMR_ERROR_SYSTEM,
               "MPI does not start; is mpirun of the same MPI?");
    return PLMR_OK;
}

void plmr_finalize(void)
{
    PLMR_MPI(MPI_Finalize());
}

int plmr_rank(void)
{
    int rank;
    PLMR_MPI(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
    return rank;
}

int plmr_ranks(void)
{
    int n_ranks;
    PLMR_MPI(MPI_Comm_size(MPI_COMM_WORLD, &n_ranks));
    return n_ranks;
}

void plmr_exit_now(int code)
{
    MPI_Abort(MPI_COMM_WORLD, code);
    _exit(code);
}

/* The grid with the smallest half-perimeter of a block; among equals the one that splits rows, whose halos lie
 * contiguously in memory. */
static bool choose_grid(int n_ranks, int rows, int cols, int *rank_rows, int *rank_cols)
{
    int64_t best = INT64_MAX;
    for (int c = 1; c <= n_ranks; c++) {
        int r = n_ranks / c;
        if (r * c != n_ranks || r > rows || c > cols)
            continue;
        int64_t perimeter = plmr_ceil_div(rows, r) + plmr_ceil_div(cols, c);
        if (perimeter < best) {
            best = perimeter;
            *rank_rows = r;
            *rank_cols = c;
        }
    }
    return best != INT64_MAX;
}

static plmr_status check_grid(int rank_rows, int rank_cols, int rows, int cols)
{
    int n_ranks = plmr_ranks();
    PLMR_CHECK(
        (int64_t)rank_rows * rank_cols == n_ranks, PLMR_ERROR_INPUT,
        "a %dx%d grid of ranks needs %lld ranks, but there are %d: give --ranks RxC with R*C = %d, or leave it out",
        rank_rows, rank_cols, (long long)rank_rows * rank_cols, n_ranks, n_ranks);
    PLMR_CHECK(rank_rows <= rows && rank_cols <= cols, PLMR_ERROR_INPUT,
               "a %dx%d grid of ranks leaves some without cores of a %dx%d region: use fewer ranks or more cores",
               rank_rows, rank_cols, rows, cols);
    return PLMR_OK;
}

static void create_lines(plmr_mesh *mesh)
{
    int dims[2], periods[2], coords[2];
    PLMR_MPI(MPI_Cart_get(mesh->grid, 2, dims, periods, coords));
    for (int axis = 0; axis < 2; axis++) {
        int dimension = axis == PLMR_Y ? 0 : 1;
        int keep[2] = {dimension == 0, dimension == 1};
        PLMR_MPI(MPI_Cart_sub(mesh->grid, keep, &mesh->line[axis]));
        mesh->extent[axis] = dims[dimension];
        mesh->place[axis] = coords[dimension];
    }
}

plmr_status plmr_mesh_create(int rank_rows, int rank_cols, int rows, int cols, plmr_mesh **out)
{
    int n_ranks = plmr_ranks();
    if (rank_rows == 0 && rank_cols == 0)
        PLMR_CHECK(choose_grid(n_ranks, rows, cols, &rank_rows, &rank_cols), PLMR_ERROR_INPUT,
                   "%d ranks cannot share a %dx%d region as a grid: use a number of ranks with a divisor that fits",
                   n_ranks, rows, cols);
    PLMR_TRY(check_grid(rank_rows, rank_cols, rows, cols));
    plmr_mesh *mesh = calloc(1, sizeof *mesh);
    PLMR_CHECK(mesh, PLMR_ERROR_SYSTEM, "out of memory");
    int dims[2] = {rank_rows, rank_cols}, periods[2] = {1, 1};
    PLMR_MPI(MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 0, &mesh->grid));
    create_lines(mesh);
    *out = mesh;
    return PLMR_OK;
}

void plmr_mesh_destroy(plmr_mesh *mesh)
{
    if (!mesh)
        return;
    for (int axis = 0; axis < 2; axis++)
        PLMR_MPI(MPI_Comm_free(&mesh->line[axis]));
    PLMR_MPI(MPI_Comm_free(&mesh->grid));
    free(mesh);
}

int plmr_mesh_extent(const plmr_mesh *mesh, enum plmr_axis axis)
{
    return mesh->extent[axis];
}

int plmr_mesh_place(const plmr_mesh *mesh, enum plmr_axis axis)
{
    return mesh->place[axis];
}
