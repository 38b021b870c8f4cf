/* Point-to-point messages along the axes of the grid. Order between two ranks is all that tells messages apart, so one
 * tag serves. */
#include "ranks/internal.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "base/wall.h"

struct plmr_exchange {
    plmr_ranks *ranks;
    MPI_Request *requests;
    int n, capacity;
    plmr_awaited awaited; /* room for a rank for each request */
    double posted_s;      /* when the first of those under way was */
};

enum { PATIENCE_S = 4 }; /* with messages that will not come */

plmr_exchange *plmr_exchange_create(plmr_ranks *ranks, const char *verb)
{
    plmr_exchange *exchange = plmr_take_zeroed(1, sizeof *exchange);
    exchange->ranks = ranks;
    exchange->awaited.verb = verb;
    return exchange;
}

void plmr_exchange_destroy(plmr_exchange *exchange)
{
    if (!exchange)
        return;
    for (double end_s = plmr_wall_s() + PATIENCE_S; exchange->n > 0; plmr_exchange_poll(exchange))
        if (plmr_wall_s() > end_s)
            plmr_end_job("messages are still under way where their verb has ended: it has failed on some ranks alone");
    free(exchange->awaited.ranks);
    free(exchange->requests);
    free(exchange);
}

static MPI_Request *next_request(plmr_exchange *exchange)
{
    if (exchange->n == exchange->capacity) {
        int capacity = exchange->capacity ? 2 * exchange->capacity : 16;
        exchange->requests = plmr_take_more(exchange->requests, (size_t)capacity * sizeof *exchange->requests);
        exchange->awaited.ranks = plmr_take_more(exchange->awaited.ranks, (size_t)capacity * sizeof(int));
        exchange->capacity = capacity;
    }
    return &exchange->requests[exchange->n++];
}

/* Notes when a message is posted, and how long that took. */
static double begin_post(plmr_exchange *exchange)
{
    double now_s = plmr_wall_s();
    if (exchange->n == 0)
        exchange->posted_s = now_s;
    return now_s;
}

static void end_post(plmr_exchange *exchange, double begin_s)
{
    exchange->ranks->times.exchange_s += plmr_wall_s() - begin_s;
}

static void all_have_come(plmr_exchange *exchange, double now_s)
{
    plmr_account_done(&exchange->ranks->account, exchange->awaited.verb, exchange->n);
    exchange->ranks->times.flight_s += now_s - exchange->posted_s;
    exchange->n = exchange->awaited.n = 0;
}

static MPI_Comm comm_of(const plmr_ranks *ranks, enum plmr_axis axis)
{
    return axis == PLMR_EVERY_RANK ? ranks->grid : ranks->line[axis];
}

static int number_of(const plmr_ranks *ranks, enum plmr_axis axis, int place)
{
    int row = axis == PLMR_Y ? place : ranks->place[PLMR_Y], col = axis == PLMR_X ? place : ranks->place[PLMR_X];
    return ranks->numbers[axis == PLMR_EVERY_RANK ? place : row * ranks->extent[PLMR_X] + col];
}

void plmr_exchange_send(plmr_exchange *exchange, enum plmr_axis axis, int place, const void *data, size_t n_bytes)
{
    plmr_ranks *ranks = exchange->ranks;
    double begin_s = begin_post(exchange);
    for (size_t done = 0; done < n_bytes; done += PLMR_PIECE_BYTES) {
        size_t piece = plmr_smaller(n_bytes - done, PLMR_PIECE_BYTES);
        PLMR_MPI(MPI_Isend((const char *)data + done, (int)piece, MPI_BYTE, place, 0, comm_of(ranks, axis),
                           next_request(exchange)));
        plmr_account_post(&ranks->account, exchange->awaited.verb, number_of(ranks, axis, place), true, piece);
        ranks->times.messages++;
        ranks->times.n_bytes += piece;
    }
    end_post(exchange, begin_s);
}

void plmr_exchange_receive(plmr_exchange *exchange, enum plmr_axis axis, int place, void *data, size_t n_bytes)
{
    double begin_s = begin_post(exchange);
    for (size_t done = 0; done < n_bytes; done += PLMR_PIECE_BYTES) {
        size_t piece = plmr_smaller(n_bytes - done, PLMR_PIECE_BYTES);
        PLMR_MPI(MPI_Irecv((char *)data + done, (int)piece, MPI_BYTE, place, 0, comm_of(exchange->ranks, axis),
                           next_request(exchange)));
        plmr_account_post(&exchange->ranks->account, exchange->awaited.verb, number_of(exchange->ranks, axis, place),
                          false, piece);
    }
    if (n_bytes > 0)
        exchange->awaited.ranks[exchange->awaited.n++] = number_of(exchange->ranks, axis, place);
    end_post(exchange, begin_s);
}

void plmr_exchange_wait(plmr_exchange *exchange)
{
    if (exchange->n == 0)
        return;
    double begin_s = plmr_wall_s();
    plmr_requests_wait(exchange->n, exchange->requests, &exchange->awaited);
    double end_s = plmr_wall_s();
    exchange->ranks->times.wait_s += end_s - begin_s;
    all_have_come(exchange, end_s);
}

void plmr_exchange_poll(plmr_exchange *exchange)
{
    int done;
    if (exchange->n == 0)
        return;
    double begin_s = plmr_wall_s();
    PLMR_MPI(MPI_Testall(exchange->n, exchange->requests, &done, MPI_STATUSES_IGNORE));
    double end_s = plmr_wall_s();
    exchange->ranks->times.exchange_s += end_s - begin_s;
    if (done)
        all_have_come(exchange, end_s);
}
