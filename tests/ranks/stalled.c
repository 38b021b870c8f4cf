/* A rank that comes late to what all do together is noticed, also where what a call is given needs another call. */
#include <unistd.h>

#include "plmr/ranks.h"
#include "ranks/ranks.h"

int main(int argc, char **argv)
{
    plmr_ranks *ranks;
    if (plmr_init(&argc, &argv))
        return 0;
    if (plmr_rank() == 1)
        sleep(4);
    plmr_ranks_stall_after(1);
    if (plmr_ranks_create(1, 2, 2, 2, &ranks))
        return 0;
    plmr_ranks_destroy(ranks);
    plmr_finalize();
    return 0;
}
