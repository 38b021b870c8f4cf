/* run.h - what one run of plmr took, read from its record. All functions are local. */
#pragma once

#include <stdint.h>

#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_scale_time {
    double mean, least, most; /* of all ranks; NAN: not known */
    int rank_most;            /* -1: not known */
} plmr_scale_time;

typedef struct plmr_scale_run {
    char group[640];   /* runs of the same problem have the same */
    int order;         /* of the problem, for curve.c */
    char answer[160];  /* and these must have the same: cycles and checksum */
    char workload[24]; /* gemm, gemv, allreduce, prefill, decode, prefill and decode */
    char what[200];    /* the problem, for people */
    int ranks, hosts;
    double wall_s, work; /* work: multiply-adds, or steps of cores where values are not computed */
    int64_t steps;    /* of which bytes and messages are told: of a product, layers of a prefill, tokens of a decode */
    const char *step; /* what such a step is called */
    plmr_scale_time compute_s, exchange_s, wait_s;
    int64_t bytes, messages, rss_bytes; /* of all ranks; of the largest rank; -1: not known */
    double hidden_share;                /* NAN: nothing was sent */
} plmr_scale_run;

/* Reads one line of a file of records. `weak`: problems that differ in their sizes alone are of the same group. Sets
 * *counts to whether it is the record of a run that scales: one of gemm, gemv, allreduce, llm or generate that has
 * done its work. `where` is what errors call the line. */
plmr_status plmr_scale_run_parse(const char *line, const char *where, bool weak, plmr_scale_run *run, bool *counts);
