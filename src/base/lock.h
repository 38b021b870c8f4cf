/* lock.h - a folder that one run at a time works in.
 *
 * The run that has it holds an flock of a file in it, .plmr-lock, which names host and process, and goes when the run
 * ends. On one host the flock alone counts, so that what a killed run leaves is no hindrance. Network file systems may
 * keep flocks to each host; there a file that another host has left counts as well, and the error says which, and that
 * it may be removed once that run is no more. Where nothing can be locked, nothing is lost but this check. Local: call
 * these on one rank.
 *
 *     PLMR_TRY(plmr_lock_take("--out", folder, &lock));
 *     ...
 *     plmr_lock_release(&lock);
 */
#pragma once

#include "plmr/status.h"

typedef struct plmr_lock {
    char *path; /* NULL: not taken */
    int file;
} plmr_lock;

/* Takes the lock of a folder, which is there; `option` named it. One that another run has is PLMR_ERROR_INPUT. */
plmr_status plmr_lock_take(const char *option, const char *folder, plmr_lock *lock);

/* Gives it back, if it has been taken. */
void plmr_lock_release(plmr_lock *lock);
