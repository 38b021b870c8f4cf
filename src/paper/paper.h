/* paper.h - the tables and figures of the WaferLLM paper (OSDI'25), predicted beside published.
 *
 * A part (a table or a figure) is one const struct in one file; its `run` adds cells. What was published is read from
 * share/paper/waferllm.json; nothing of it enters a prediction but the sizes of what was run.
 */
#pragma once

#include <jansson.h>

#include "base/registry.h"
#include "baseline/plans.h"
#include "infer/timing.h"
#include "report/progress.h"

/* What agreement of a cell means. */
enum plmr_paper_role {
    PLMR_CONSISTENT, /* the device's constants were chosen with these figures in sight */
    PLMR_CALIBRATED, /* a plan's constant was fitted to these figures */
    PLMR_PREDICTED,  /* no constant has seen these figures */
    PLMR_OTHER,      /* the real model, of which other work is asked than what was measured */
    PLMR_BOUND,      /* "predicted" is what hardware allows at most */
    PLMR_ESTIMATE    /* nothing was published */
};
const char *plmr_paper_role_name(enum plmr_paper_role role);

typedef struct plmr_paper_part plmr_paper_part;

/* One figure. Where it is words, the numbers are NAN and the texts say it. */
typedef struct plmr_paper_cell {
    const plmr_paper_part *part;
    char subject[24];  /* a model, a size */
    char setting[24];  /* cores, tokens */
    char system[24];   /* "waferllm", "t10", "8 x A100", "meshgemm" */
    char quantity[40]; /* "prefill, tokens/s" */
    char mode[16];     /* "as published", "real model", "roofline", "" */
    enum plmr_paper_role role;
    int decimals; /* of what was published */
    double predicted, published;
    char predicted_text[96], published_text[96];
} plmr_paper_cell;

/* How long a model takes under a plan. */
typedef struct plmr_paper_query {
    const char *model;
    int side[PLMR_N_PHASES]; /* of a phase's regions; 0: there is no such phase */
    int64_t n_decode;        /* tokens */
    plmr_llm_setup setup;    /* the rest: plan, as_published, n_prompt, n_layers, concat */
} plmr_paper_query;

typedef struct plmr_paper_speed {
    plmr_phase_cost prefill, handover, decode; /* of the prompt; of all tokens */
    plmr_placement placement[2];
    enum plmr_dtype dtype;
} plmr_paper_speed;

typedef struct plmr_paper {
    plmr_ranks *ranks; /* one row of ranks */
    plmr_device device;
    json_t *published;
    plmr_paper_cell *cells;
    int n_cells;
    struct plmr_paper_memo *memo;
    int n_memo;
    plmr_progress progress;
    bool interactive; /* progress is drawn */
    int n_parts;      /* that are done */
} plmr_paper;

struct plmr_paper_part {
    const char *name, *title; /* "table 3" */
    const char *notes;        /* what a reader should know, in Markdown */
    plmr_status (*run)(plmr_paper *paper, const plmr_paper_part *part);
};

/* In the order of the paper. */
PLMR_REGISTRY(paper_part, plmr_paper_part)

/* Loads device and published figures; ranks must outlive it. Collective. */
plmr_status plmr_paper_open(plmr_ranks *ranks, const char *device, plmr_paper *paper);
void plmr_paper_close(plmr_paper *paper);

/* Copies a cell to the end; sets its part, and numbers that are 0 with a text to NAN. */
plmr_status plmr_paper_add(plmr_paper *paper, const plmr_paper_part *part, const plmr_paper_cell *cell);

/* The published number at a path of keys and indices: "table3_prefill/llama3-8b/t10/0". NAN: there is none. */
double plmr_paper_published(const plmr_paper *paper, const char *path, ...) PLMR_PRINTF(2, 3);

/* Runs a model in the time plane; what was run before is remembered. Collective. */
plmr_status plmr_paper_time(plmr_paper *paper, const plmr_paper_query *query, plmr_paper_speed *speed);

/* The shape of a model. Collective. */
plmr_status plmr_paper_shape(const char *model, plmr_model_shape *shape);

/* (predicted - published) / published; NAN where one is missing. */
double plmr_paper_error(const plmr_paper_cell *cell);

/* README.md, records.jsonl, table.csv and provenance.json into a folder, which is made. On rank 0. */
plmr_status plmr_paper_write(const plmr_paper *paper, const char *folder);

/* Cells as JSON objects, one a line, to a file or "-". On rank 0. */
plmr_status plmr_paper_write_json(const plmr_paper *paper, const char *path);
