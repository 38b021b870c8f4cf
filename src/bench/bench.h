/* bench.h - what plmr bench measures: the emulator's own speed, beside a yardstick in the same process and run. */
#pragma once

#include "base/registry.h"
#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_yardsticks plmr_yardsticks;

/* Each rank runs the yardstick at the same time; returns the sum over ranks. sgemm: GFLOP/s of OpenBLAS sgemm, 2048^3,
 * on one thread, or 0 where the library is not there. read: GB/s of adding up memory larger than the caches.
 * Collective. */
plmr_status plmr_yardsticks_create(plmr_yardsticks **yardsticks);
void plmr_yardsticks_destroy(plmr_yardsticks *yardsticks);
/* The processor that OpenBLAS's kernel was made for, as it calls it; "" where it does not say. A kernel that uses less
 * than this processor has is replaced by one that fits; if it cannot be, sgemm gives 0. Local. */
const char *plmr_yardsticks_kernel(const plmr_yardsticks *yardsticks);
double plmr_yardstick_sgemm(plmr_yardsticks *yardsticks);
double plmr_yardstick_read(plmr_yardsticks *yardsticks);

typedef struct plmr_yardstick {
    const char *name;
    double (*measure)(plmr_yardsticks *yardsticks);
} plmr_yardstick;

/* What measurements keep from one to the next: a language model in memory. Zero it first; free what it holds with
 * plmr_bench_state_clear. */
typedef struct plmr_bench_state {
    const char *name;               /* of that model, as plmr_model_open has it, borrowed */
    struct plmr_bench_model *model; /* NULL: not loaded */
} plmr_bench_state;
void plmr_bench_state_clear(plmr_bench_state *state);

typedef struct plmr_bench_item {
    const char *name, *what, *unit;
    const plmr_yardstick *yardstick; /* NULL: none */
    double target;                   /* least value for each rank, or least share of the yardstick; 0: none */

    /* Runs once; all ranks get the same value. Collective. */
    plmr_status (*measure)(const struct plmr_bench_item *item, plmr_bench_state *state, double *value);
    enum plmr_dtype dtype;
    bool every_step, is_llm, most; /* is_llm: takes long and much memory; most: the target is an upper bound */
    double (*work)(
        const plmr_bench_state *state); /* of one of `unit`, in the yardstick's unit, which is then work_unit:
                                                      GFLOP of a token, once it was measured; NULL: the same unit */
    const char *work_unit;
} plmr_bench_item;

/* All items, those of language models last. */
PLMR_REGISTRY(bench, plmr_bench_item)
