/* Point-to-point messages along the axes of the grid. Order between two ranks is all that tells messages apart, so one
 * tag serves. */
#include "mesh/internal.h"

#include <stdlib.h>

struct plmr_exchange {
    plmr_mesh *mesh;
    MPI_Request *requests;
    int n, capacity;
};

plmr_status plmr_exchange_create(plmr_mesh *mesh, plmr_exchange **out)
{
    plmr_exchange *exchange = calloc(1, sizeof *exchange);
    PLMR_CHECK(exchange, PLMR_ERROR_SYSTEM, "out of memory");
    exchange->mesh = mesh;
    *out = exchange;
    return PLMR_OK;
}

void plmr_exchange_destroy(plmr_exchange *exchange)
{
    if (!exchange)
        return;
    plmr_exchange_wait(exchange);
    free(exchange->requests);
    free(exchange);
}

static plmr_status next_request(plmr_exchange *exchange, MPI_Request **request)
{
    if (exchange->n == exchange->capacity) {
        int capacity = exchange->capacity ? 2 * exchange->capacity : 16;
        MPI_Request *requests = realloc(exchange->requests, (size_t)capacity * sizeof *requests);
        PLMR_CHECK(requests, PLMR_ERROR_SYSTEM, "out of memory");
        exchange->requests = requests;
        exchange->capacity = capacity;
    }
    *request = &exchange->requests[exchange->n++];
    return PLMR_OK;
}

plmr_status plmr_exchange_send(plmr_exchange *exchange, enum plmr_axis axis, int place, const void *data,
                               size_t n_bytes)
{
    plmr_mesh *mesh = exchange->mesh;
    for (size_t done = 0; done < n_bytes; done += PLMR_PIECE_BYTES) {
        MPI_Request *request;
        PLMR_TRY(next_request(exchange, &request));
        size_t piece = n_bytes - done < PLMR_PIECE_BYTES ? n_bytes - done : PLMR_PIECE_BYTES;
        PLMR_MPI(MPI_Isend((const char *)data + done, (int)piece, MPI_BYTE, place, 0, mesh->line[axis], request));
        mesh->n_messages++;
        mesh->n_bytes += piece;
    }
    return PLMR_OK;
}

plmr_status plmr_exchange_receive(plmr_exchange *exchange, enum plmr_axis axis, int place, void *data, size_t n_bytes)
{
    for (size_t done = 0; done < n_bytes; done += PLMR_PIECE_BYTES) {
        MPI_Request *request;
        PLMR_TRY(next_request(exchange, &request));
        size_t piece = n_bytes - done < PLMR_PIECE_BYTES ? n_bytes - done : PLMR_PIECE_BYTES;
        PLMR_MPI(MPI_Irecv((char *)data + done, (int)piece, MPI_BYTE, place, 0, exchange->mesh->line[axis], request));
    }
    return PLMR_OK;
}

void plmr_exchange_wait(plmr_exchange *exchange)
{
    PLMR_MPI(MPI_Waitall(exchange->n, exchange->requests, MPI_STATUSES_IGNORE));
    exchange->n = 0;
}

void plmr_exchange_poll(plmr_exchange *exchange)
{
    int done;
    PLMR_MPI(MPI_Testall(exchange->n, exchange->requests, &done, MPI_STATUSES_IGNORE));
    if (done)
        exchange->n = 0;
}
