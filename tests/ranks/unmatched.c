/* A message that is sent in one verb and received in another: builds that account for messages end the job. */
#include "plmr/ranks.h"
#include "ranks/ranks.h"

int main(int argc, char **argv)
{
    plmr_ranks *ranks;
    char byte = 0;
    if (plmr_init(&argc, &argv) || plmr_ranks_create(1, 2, 2, 2, &ranks))
        return 2;
    plmr_exchange *messages = plmr_exchange_create(ranks, plmr_rank() ? "what is heard" : "what is said");
    if (plmr_rank() == 0)
        plmr_exchange_send(messages, PLMR_X, 1, &byte, 1);
    else
        plmr_exchange_receive(messages, PLMR_X, 0, &byte, 1);
    plmr_exchange_wait(messages);
    plmr_exchange_destroy(messages);
    plmr_ranks_destroy(ranks);
    plmr_finalize();
    return 0;
}
