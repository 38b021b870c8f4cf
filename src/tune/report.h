/* report.h - what a search comes to, as plain fields: the best few choices of each phase beside the paper's. It goes to
 * JSON and back, for the cache. All functions but plmr_tune_report_add are local.
 */
#pragma once

#include <jansson.h>

#include "device/standing.h"
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
} plmr_tune_report;

/* Searches the task's phase, and fills in what the report says of it: the n_best choices, and the paper's (see paper.h;
 * NULL: it has none). Collective. */
plmr_status plmr_tune_report_add(const plmr_tune_task *task, int n_best, const json_t *paper, plmr_tune_report *report);

/* As a JSON object for the caller to json_decref. With a task, choices have their standing in place of parts,
 * and the best ones have theirs together. */
json_t *plmr_tune_report_json(const plmr_tune_report *report, const plmr_tune_task *task);

/* How far the times of the best choices can be trusted. */
void plmr_tune_report_standing(const plmr_tune_report *report, const plmr_tune_task *task, plmr_standing *standing);

/* Reads one; false if it is not one, whatever else it may be. */
bool plmr_tune_report_read(const json_t *json, plmr_tune_report *report);
