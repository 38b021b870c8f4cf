/* interrupt.h - signals that ask a run to end, noticed when it suits the run. */
#pragma once

#include <signal.h>

/* Set once such a signal has come. */
extern volatile sig_atomic_t plmr_interrupted;

/* From here on SIGINT and SIGTERM, and the signal `further` (0: none), are noticed: the first alone sets plmr_interrupted,
 * the next one removes drafts and ends the process as ever. */
void plmr_interrupts_watch(int further);
