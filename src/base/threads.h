/* threads.h - the threads that libraries have started in this process. plmr itself starts none in a rank. */
#pragma once

/* Waits until all threads but this one sleep, at most for within_s seconds: then none has yet to do what it was woken for
 * before. Takes some 50 us where they do. Local. */
void plmr_threads_settle(double within_s);
