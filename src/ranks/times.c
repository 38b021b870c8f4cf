/* Where the ranks' time goes, and what crosses between them. */
#include "ranks/internal.h"

#include <math.h>
#include <sys/resource.h>

plmr_ranks_times plmr_ranks_times_now(const plmr_ranks *ranks)
{
    return ranks->times;
}

static int64_t rss_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

/* In the layout of MPI_DOUBLE_INT. */
struct of_rank {
    double value;
    int rank;
};

enum { COMPUTE, EXCHANGE, WAIT, N_TIMES };

static void find_spreads(const plmr_ranks *ranks, const double mine[N_TIMES], plmr_spread *spreads[N_TIMES])
{
    struct of_rank least[N_TIMES], most[N_TIMES];
    double sum[N_TIMES];
    for (int i = 0; i < N_TIMES; i++) {
        least[i] = most[i] = (struct of_rank){mine[i], plmr_rank()};
        sum[i] = mine[i];
    }
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, least, N_TIMES, MPI_DOUBLE_INT, MPI_MINLOC, ranks->grid));
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, most, N_TIMES, MPI_DOUBLE_INT, MPI_MAXLOC, ranks->grid));
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, sum, N_TIMES, MPI_DOUBLE, MPI_SUM, ranks->grid));
    for (int i = 0; i < N_TIMES; i++)
        *spreads[i] =
            (plmr_spread){least[i].value, most[i].value, sum[i] / plmr_rank_count(), least[i].rank, most[i].rank};
}

void plmr_ranks_usage_since(plmr_ranks *ranks, const plmr_ranks_times *before, double own_s, plmr_ranks_usage *usage)
{
    plmr_ranks_times now = ranks->times;
    double longest[2] = {own_s, (double)rss_peak_bytes()};
    double exchange_s = now.exchange_s - before->exchange_s, wait_s = now.wait_s - before->wait_s;
    double waits[2] = {wait_s, now.flight_s - before->flight_s};
    uint64_t sent[2] = {now.messages - before->messages, now.n_bytes - before->n_bytes};
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, longest, 2, MPI_DOUBLE, MPI_MAX, ranks->grid));
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, waits, 2, MPI_DOUBLE, MPI_SUM, ranks->grid));
    PLMR_MPI(MPI_Allreduce(MPI_IN_PLACE, sent, 2, MPI_UINT64_T, MPI_SUM, ranks->grid));
    *usage = (plmr_ranks_usage){
        .wall_s = longest[0],
        .messages = sent[0],
        .n_bytes = sent[1],
        .hidden_share = sent[0] > 0 ? 1 - waits[0] / waits[1] : NAN,
        .rss_peak_bytes = (int64_t)longest[1],
    };
    /* Who is done early waits for the others. */
    double mine[N_TIMES] = {own_s - exchange_s - wait_s, exchange_s, wait_s + longest[0] - own_s};
    find_spreads(ranks, mine, (plmr_spread *[]){&usage->compute_s, &usage->exchange_s, &usage->wait_s});
}
