/* report.h - what a search comes to, as plain fields: the best few choices of each phase beside the paper's. It goes to
 * JSON and back, for the cache. All functions but plmr_tune_report_fill are local.
 */
#pragma once

#include <jansson.h>

#include "device/standing.h"
#include "report/progress.h"
#include "tune/tune.h"

/* A choice. X(type, key); a text that is "" says that there is none. */
/* clang-format off */
#define PLMR_TUNE_ROW_FIELDS(X)                                                                                        \
    X(count, rows)               /* cores of a region */                                                               \
    X(count, cols)                                                                                                     \
    X(count, tree_k)             /* levels of allreduces, and their groups along y and x: "24", "40,5" */              \
    X(text, groups_y)                                                                                                  \
    X(text, groups_x)                                                                                                  \
    X(count, groups_given)       /* 0: as the model has them by itself */                                              \
    X(count, fused)              /* 1: products of the same vector are one */                                          \
    X(count, layers)             /* of a region */                                                                     \
    X(count, layers_given)       /* 0: as many as fit */                                                               \
    X(count, regions)            /* that the layers need, and that a wafer has */                                      \
    X(count, regions_wafer)                                                                                            \
    X(count, replicas)           /* as often all of it is there */                                                     \
    X(count, wafers)                                                                                                   \
    X(count, sram_bytes)         /* of the core that needs most */                                                     \
    X(count, kv_capacity_tokens)                                                                                       \
    X(count, routes)                                                                                                   \
    X(real, cycles)              /* of the phase: prompt and relayout; first logits and all tokens */                  \
    X(real, aside_cycles)        /* of them, relayout or first logits */                                               \
    X(real, arithmetic)          /* share of cycles */                                                                 \
    X(real, allreduces)                                                                                                \
    X(count, parts)              /* of the model of time that cycles rest on: see device/used.h */                     \
    X(text, experts)             /* where they are; "": there are none */                                              \
    X(text, violates)            /* "M", "R" or "M,R" */                                                               \
    X(text, P)                   /* why it binds; "": it does not */                                                   \
    X(text, L)                                                                                                         \
    X(text, M)                                                                                                         \
    X(text, R)                                                                                                         \
    X(count, expert_wafers)      /* that share the experts of a layer */
/* clang-format on */

enum { PLMR_TUNE_MOST_ROWS = 10 };

typedef int64_t plmr_tune_count;
typedef double plmr_tune_real;
typedef char plmr_tune_text[176];

typedef struct plmr_tune_row {
#define X(type, key) plmr_tune_##type key;
    PLMR_TUNE_ROW_FIELDS(X)
#undef X
} plmr_tune_row;

/* By phase: prefill, decode. */
typedef struct plmr_tune_report {
    int64_t n_looked[2]; /* choices that the search has looked at */
    int n_rows[2];
    plmr_tune_row rows[2][PLMR_TUNE_MOST_ROWS]; /* best first */
    bool has_paper[2];
    plmr_tune_row paper[2]; /* the paper's own choice for this model */
    double loss[2];         /* of the best ones, by the aim or in cycles; not kept in files */
} plmr_tune_report;

/* What a report is to say, and how the search shows how far it is. */
typedef struct plmr_tune_wish {
    int n_best;          /* choices of each phase */
    const json_t *paper; /* the paper's: see paper.h; NULL: it has none */
    plmr_progress *progress;
    bool shows;
} plmr_tune_wish;

/* Searches both phases. Where their best choices have the experts of a layer shared by different numbers of wafers, both
 * are searched again with 1, 2, 4, ... of them, and the number is taken with which a request as a whole is best. As an
 * example, with two wafers: prefill takes 5 cycles on one and 4 on two, decode 7 and 9; alone they would choose two and
 * one, together they choose one: 12 cycles, not 13. Collective. */
plmr_status plmr_tune_report_fill(const plmr_tune_task *task, const plmr_tune_wish *wish, plmr_tune_report *report);

/* Whether the best choices of both phases have experts shared by as many wafers. */
bool plmr_tune_report_agrees(const plmr_tune_report *report);

/* As a JSON object for the caller to json_decref. With a task, choices have their standing in place of parts,
 * and the best ones have theirs together. */
json_t *plmr_tune_report_json(const plmr_tune_report *report, const plmr_tune_task *task);

/* How far the times of the best choices can be trusted. */
void plmr_tune_report_standing(const plmr_tune_report *report, const plmr_tune_task *task, plmr_standing *standing);

/* Reads one; false if it is not one, whatever else it may be. */
bool plmr_tune_report_read(const json_t *json, plmr_tune_report *report);
