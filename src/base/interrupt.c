#include "base/interrupt.h"

#include "base/draft.h"

volatile sig_atomic_t plmr_interrupted;

static void interrupt(int number)
{
    if (plmr_interrupted)
        plmr_drafts_end(number);
    plmr_interrupted = 1;
}

void plmr_interrupts_watch(int further)
{
    struct sigaction action = {.sa_handler = interrupt};
    plmr_interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (further)
        sigaction(further, &action, NULL);
}
