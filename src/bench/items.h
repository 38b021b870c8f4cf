/* items.h - the parts of plmr bench's list. */
#ifndef PLMR_BENCH_ITEMS_H
#define PLMR_BENCH_ITEMS_H

#include "bench/bench.h"
#include "infer/engine.h"

extern const plmr_bench_item plmr_bench_basic_items[], plmr_bench_llm_items[];
extern const int plmr_bench_basic_count, plmr_bench_llm_count;

#endif
