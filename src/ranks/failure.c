/* What a rank does when it has failed: with the others where they come together, else for all of them. */
#include "ranks/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/error.h"
#include "base/one_line.h"
#include "base/wall.h"

enum { PATIENCE_S = 3 };

static int job_code = 1; /* with which this rank ends the job */

static void pause_for(double seconds)
{
    time_t whole = (time_t)seconds;
    struct timespec pause = {whole, (long)(1e9 * (seconds - (double)whole))};
    nanosleep(&pause, NULL);
}

static bool has_ranks(void)
{
    int started, ended;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    return started && !ended;
}

/* -1: there is one rank alone. */
static int rank_of_several(void)
{
    int rank = plmr_rank(), count = plmr_rank_count();
    if (has_ranks() && plmr_ranks_started()) {
        MPI_Comm_rank(plmr_job(), &rank);
        MPI_Comm_size(plmr_job(), &count);
    }
    return count > 1 ? rank : -1;
}

/* "rank 3 on node7: ", where there are several. */
static void name_rank(char name[160])
{
    char host[128] = "";
    int rank = rank_of_several();
    gethostname(host, sizeof host - 1);
    snprintf(name, rank < 0 ? 1 : 160, "rank %d on %s: ", rank, host);
}

/* Ranks that fail alike, at the same time, speak one after the other, and the first one ends the rest. */
void plmr_end_job(const char *format, ...)
{
    char text[1000], who[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    plmr_make_line(text);
    int rank = rank_of_several();
    pause_for(rank < 0 ? 0 : rank < 20 ? 0.1 * rank : 2);
    name_rank(who);
    fflush(stdout);
    plmr_drafts_drop();
    fprintf(stderr, "plmr: %s%s\n", who, text);
    if (has_ranks())
        MPI_Abort(plmr_ranks_started() ? plmr_job() : MPI_COMM_WORLD, job_code);
    _exit(job_code);
}

void plmr_mpi_must(int code, const char *file, int line)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    if (code == MPI_SUCCESS)
        return;
    MPI_Error_string(code, text, &length);
    plmr_end_job("MPI fails at %s:%d: %s", file, line, text);
}

plmr_status plmr_end_if_alone(plmr_status status)
{
    if (status && plmr_error_code(status) == PLMR_ERROR_SYSTEM && !plmr_error_is_of_all(status))
        plmr_end_job("%s", plmr_error_text(status));
    return status;
}

/* Whether the others have come, too. */
static bool come_in_time(MPI_Request *request)
{
    int done = 0;
    for (double end_s = plmr_wall_s() + PATIENCE_S; !done && plmr_wall_s() < end_s;) {
        PLMR_MPI(MPI_Test(request, &done, MPI_STATUS_IGNORE));
        if (!done)
            pause_for(1e-3);
    }
    return done;
}

/* The rank that has failed with the lowest number, or the lowest of these, else the number of ranks; and whether all
 * have. */
static int lowest_failed(plmr_status mine, int64_t number, bool *all)
{
    int64_t rank = mine ? plmr_rank() : plmr_rank_count();
    int64_t own[2] = {(mine ? number : (int64_t)UINT32_MAX) << 31 | rank, mine != PLMR_OK}, least[2];
    MPI_Request request;
    PLMR_MPI(MPI_Iallreduce(own, least, 2, MPI_INT64_T, MPI_MIN, plmr_world(), &request));
    if (mine && !come_in_time(&request))
        plmr_end_job("%s", plmr_error_text(mine));
    plmr_requests_wait(1, &request, NULL);
    *all = least[1];
    return (int)(least[0] & INT32_MAX);
}

plmr_status plmr_agree(plmr_status mine)
{
    return plmr_agree_on(mine, 0);
}

plmr_status plmr_agree_on(plmr_status mine, int64_t number)
{
    bool all;
    if (!plmr_ranks_started())
        return mine;
    int lowest = lowest_failed(mine, number, &all);
    if (lowest == plmr_rank_count())
        return PLMR_OK;
    struct {
        enum plmr_code code;
        char text[1200];
    } said = {0};
    if (lowest == plmr_rank()) {
        char who[160];
        name_rank(who);
        said.code = plmr_error_code(mine);
        snprintf(said.text, sizeof said.text, "%s%s", said.code == PLMR_ERROR_SYSTEM && !all ? who : "",
                 plmr_error_text(mine));
    }
    plmr_error_free(mine);
    PLMR_MPI(MPI_Bcast(&said, sizeof said, MPI_BYTE, lowest, plmr_world()));
    return plmr_error_of_all(said.code, said.text);
}

static void leave(int code, void *nothing)
{
    (void)nothing;
    plmr_status status = PLMR_OK;
    if (code != 0) {
        job_code = code;
        status =
            plmr_error_make(PLMR_ERROR_SYSTEM, "has ended alone, with code %d: the others would wait for it", code);
    }
    plmr_error_free(plmr_agree(status));
    plmr_finalize();
}

/* Other C libraries do not say with which code a process ends. */
#if !defined(__GLIBC__)
static void leave_well(void)
{
    leave(0, NULL);
}
#define on_exit(function, context) atexit(leave_well)
#endif

void plmr_finalize_at_exit(void)
{
    if (on_exit(leave, NULL) != 0)
        plmr_end_job("out of memory");
}
