/* items.h - what plmr bench's list is made of. */
#pragma once

#include "bench/bench.h"
#include "infer/engine.h"

/* Of bench llm: each a plmr_bench_item's `measure`. */
plmr_status plmr_bench_load(const plmr_bench_item *item, plmr_bench_state *state, double *value);
plmr_status plmr_bench_prefill(const plmr_bench_item *item, plmr_bench_state *state, double *value);
plmr_status plmr_bench_decode(const plmr_bench_item *item, plmr_bench_state *state, double *value);
double plmr_bench_prefill_work(const plmr_bench_state *state);
double plmr_bench_decode_work(const plmr_bench_state *state);
plmr_status plmr_bench_token_time(const plmr_bench_item *item, plmr_bench_state *state, double *value);
plmr_status plmr_bench_prompt_time(const plmr_bench_item *item, plmr_bench_state *state, double *value);
