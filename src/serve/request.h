/* request.h - what is asked of a serving wafer, and what became of it. Times are virtual: cycles of the device's clock
 * since the first moment of the simulation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct plmr_request {
    double t_arrival;
    double t_here;              /* when it is with the wafer that serves it next: its arrival, or when its cache is */
    int32_t n_prompt, n_output; /* tokens, at least one of each */
    int32_t priority;           /* those with more go first */

    /* What became of it: tokens of the prompt that are in the cache, tokens made, and when the first and the last
     * were. */
    int32_t n_read, n_made;
    double t_first, t_last;
} plmr_request;

/* What a user holds to be good enough, in cycles; 0: not said. */
typedef struct plmr_slo {
    double ttft, tpot;
} plmr_slo;
