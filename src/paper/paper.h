/* paper.h - the tables and figures of the WaferLLM paper (OSDI'25), predicted beside published.
 *
 * A part (a table or a figure) is one const struct in one file; its `run` adds cells. What was published is read from
 * share/paper/waferllm.json; nothing of it enters a prediction but the sizes of what was run.
 */
#pragma once

#include <jansson.h>

#include "base/format.h"
#include "base/registry.h"
#include "baseline/plans.h"
#include "baseline/roofline.h"
#include "device/standing.h"
#include "infer/timing.h"
#include "region/region.h"
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

/* One figure. Where it is words, the numbers are NAN and the texts say it. Texts live as long as the paper; a part may
 * leave out what is "". */
typedef struct plmr_paper_cell {
    const plmr_paper_part *part; /* set when it is added */
    const char *subject;         /* a model, a size */
    const char *setting;         /* cores, tokens */
    const char *system;          /* "waferllm", "t10", "8 A100", "meshgemm" */
    const char *quantity;        /* "prefill, tokens/s" */
    const char *mode;            /* "as published", "real model", "roofline", "" */
    enum plmr_paper_role role;
    int decimals;   /* of what was published */
    bool timeless;  /* what is predicted rests on no time of the device's */
    unsigned parts; /* of the model of time that it rests on, 0: none; set when it is added */
    double predicted, published;
    const char *predicted_text, *published_text;
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
} plmr_paper_speed;

/* A run of GEMM or GEMV: square f16 matrices, or a vector by one, on side x side cores, with what M forbids allowed. */
typedef struct plmr_paper_product {
    const char *algorithm; /* NULL: there is no product */
    int64_t size;
    int side, n_levels, n_groups; /* of a GEMV's tree; n_levels 0: a GEMM; n_groups 0: the program chooses */
    bool allow_routes;
} plmr_paper_product;

/* A question to the time plane: of a model, or of a product if that has an algorithm. */
typedef struct plmr_paper_question {
    plmr_paper_query query;
    plmr_paper_product product;
    double weight; /* how long it takes a rank, about, in seconds */
} plmr_paper_question;

/* The one or the other, and the parts of the device's description that it rests on. */
typedef struct plmr_paper_answer {
    plmr_paper_speed speed;
    plmr_cost cost;
    unsigned parts;
} plmr_paper_answer;

/* All questions of the chosen parts, each once, those that take long first; and the answers to the first of them. Each
 * is found by one rank, on its own; then all have them. */
typedef struct plmr_paper_answers {
    plmr_paper_question *question;
    plmr_paper_answer *answer;
    int n, n_known;
    plmr_status (*on_answer)(void *context); /* called on all ranks when some have become known; NULL: nothing */
    void *context;
} plmr_paper_answers;

typedef struct plmr_paper {
    plmr_ranks *ranks; /* one row of ranks */
    plmr_device device;
    plmr_evidence_list evidence; /* of the device */
    json_t *published, *texts;   /* texts: made for cells */
    const plmr_paper_part *part; /* that is run */
    unsigned parts;              /* of the model of time, that the last answer rests on: see device/used.h */
    plmr_paper_cell *cells;
    int n_cells;
    bool asks; /* parts are run to learn what they ask: answers are 0, and cells are not kept */
    plmr_paper_answers answers;
} plmr_paper;

struct plmr_paper_part {
    const char *name, *title; /* "table 3" */
    const char *notes;        /* what a reader should know, in Markdown */
    plmr_status (*run)(plmr_paper *paper);
    const void *of; /* what `run` is to know; NULL: nothing */
};

/* In the order of the paper. */
PLMR_REGISTRY(paper_part, plmr_paper_part)

/* Loads device and published figures; ranks must outlive it. Collective. */
plmr_status plmr_paper_open(plmr_ranks *ranks, const char *device, plmr_paper *paper);
void plmr_paper_close(plmr_paper *paper);

/* Copies a cell of the part that is run to the end, and sets numbers beside a text to NAN. */
void plmr_paper_add(plmr_paper *paper, const plmr_paper_cell *cell);

/* A text for a cell, as printf prints it; that of square regions: "720x720". */
const char *plmr_paper_text(plmr_paper *paper, const char *format, ...) PLMR_PRINTF(2, 3);
const char *plmr_paper_square(plmr_paper *paper, int side);

/* The published number at a path of keys and indices: "table3_prefill/llama3-8b/t10/0". NAN: there is none. */
double plmr_paper_published(const plmr_paper *paper, const char *path, ...) PLMR_PRINTF(2, 3);

/* The shape of a model. Collective. */
plmr_status plmr_paper_shape(const char *model, plmr_model_shape *shape);

/* (predicted - published) / published; NAN where one is missing. */
double plmr_paper_error(const plmr_paper_cell *cell);

/* ---- who appears in the tables of whole models ---- */

/* A plan, with the device's constants chosen or its own fitted to what tables, by phase. */
typedef struct plmr_paper_system {
    const plmr_llm_plan *plan;
    bool as_published;
    enum plmr_paper_role prefill_role, decode_role; /* of LLaMA3-8B's figures */
    enum plmr_paper_role other_role;                /* of other models' */
} plmr_paper_system;

/* GPUs: "2x8", as in the published figures, and how many that is; of cells: their system. */
typedef struct plmr_paper_gpu {
    const char *name;
    int n;
    const char *system;
} plmr_paper_gpu;

enum { PLMR_PAPER_SYSTEMS = 6, PLMR_PAPER_MODELS = 4, PLMR_PAPER_GPUS = 3 };

extern const plmr_paper_system plmr_paper_systems[PLMR_PAPER_SYSTEMS];
extern const plmr_paper_gpu plmr_paper_gpus[PLMR_PAPER_GPUS];

/* Names as in the published figures; the first is what plans are calibrated on. */
extern const char *const plmr_paper_models[PLMR_PAPER_MODELS];

/* "as published", "real model". */
const char *plmr_paper_mode(const plmr_paper_system *system);

/* ---- what is asked of the time plane; a part's questions must not depend on answers ---- */

void plmr_paper_time(plmr_paper *paper, const plmr_paper_query *query, plmr_paper_speed *speed);
void plmr_paper_gemm(plmr_paper *paper, const char *algorithm, int64_t size, int side, bool allow_routes,
                     plmr_cost *cost);
void plmr_paper_gemv(plmr_paper *paper, const char *algorithm, int64_t size, int side, int n_levels, int n_groups,
                     plmr_cost *cost);

/* The answer to a question. While the paper asks, the question is noted, and the answer is 0. */
plmr_paper_answer plmr_paper_ask(plmr_paper *paper, const plmr_paper_question *question);

/* All has been asked: from here on there are answers, once plmr_paper_find_answers has found those that are not known.
 * That draws progress, if it is to. The second is collective. */
void plmr_paper_end_asking(plmr_paper *paper);
plmr_status plmr_paper_find_answers(plmr_paper *paper, bool interactive);

/* Finds one answer on ranks. Collective over them. */
plmr_status plmr_paper_find_speed(const plmr_paper *paper, plmr_ranks *ranks, const plmr_paper_query *query,
                                  plmr_paper_answer *answer);
plmr_status plmr_paper_find_cost(const plmr_paper *paper, plmr_ranks *ranks, const plmr_paper_product *product,
                                 plmr_paper_answer *answer);

/* ---- what people and programs read; local: on rank 0 ---- */

/* A number with so many decimals; "" if it is not finite. */
plmr_text plmr_paper_number(double value, int decimals);

/* The cells of a part, as text and in Markdown with its notes. */
void plmr_paper_print_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part);
void plmr_paper_markdown_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part);

/* Mean, RMS and worst error by part, system and role, then by system and role over all parts; and how far times of the device
 * can be trusted. */
void plmr_paper_put_summary(FILE *out, const plmr_paper *paper, bool markdown);

/* README.md, records.jsonl, table.csv and provenance.json into a folder, which is made; their names. */
extern const char *const plmr_paper_files[];
plmr_status plmr_paper_write(const plmr_paper *paper, const char *folder);

/* Cells as JSON objects, one a line, to a file or "-". */
plmr_status plmr_paper_write_json(const plmr_paper *paper, const char *path);
