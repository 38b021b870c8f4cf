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
    int32_t prefix, n_prefix; /* prompts with the same number begin alike, with so many tokens; 0 of them: with none */

    /* What became of it: tokens that are read, of the prompt and of those n_again that had been made before it lost its
     * cache; tokens made, and when the first and the last were. Of the cache its own tokens, beside a prefix, and the
     * room that it holds. */
    int32_t n_read, n_again, n_made;
    double t_first, t_last;
    int32_t n_cached, n_rows;
} plmr_request;

/* What a user holds to be good enough, in cycles; 0: not said. */
typedef struct plmr_slo {
    double ttft, tpot;
} plmr_slo;
