/* llm.h - the run of a language model: a session, the model's file and vocabulary, where it lies on the device, the
 * engine, what it comes to, and the record and the page that tell of it.
 *
 *     PLMR_TRY(plmr_llm_open(&run, "llm", &options, false));          device, model, ranks
 *     plmr_llm_setup_choose(&run.setup, true, true, &run.session.device, run.shape);
 *     plmr_llm_place(&run)                                            time plane; files of results
 *     plmr_llm_time_prompt(&run), plmr_llm_time_tokens(&run, ...)
 *     plmr_llm_load(&run)                                             values
 *     plmr_llm_run_values(&run, ...), or loops of infer's own
 *     plmr_llm_record_of(&run), plmr_llm_print(...), plmr_llm_put(&run, &record)
 *     return plmr_llm_close(&run, status);
 *
 * All functions are collective, but those that say otherwise.
 */
#pragma once

#include "infer/engine.h"
#include "infer/totals.h"
#include "run/session.h"
#include "run/trace.h"
#include "text/tokenizer_gguf.h"

enum plmr_llm_phases { PLMR_BOTH_PHASES, PLMR_PREFILL_ALONE, PLMR_DECODE_ALONE };

/* What a user says. */
typedef struct plmr_llm_options {
    const char *model, *device;
    const char *text, *ids;    /* the prompt: one of them; NULL: not given */
    bool chat;                 /* the text is put as the model's chat template has it, */
    const char *system;        /* behind what the model is to be; NULL: nothing */
    enum plmr_weights weights; /* what cores store matrices in */
    plmr_llm_setup setup;
    const char *expert_load, *expert_trace; /* how tokens are spread over experts; where it is kept; NULL: not given */
    plmr_trace_options trace;
    bool timing;                 /* no values are made */
    bool places;                 /* plmr_llm_place follows, which finds regions that are asked for by an aim */
    enum plmr_llm_phases phases; /* that are run */
    int64_t n_prompt, n_decode;  /* tokens of the prompt, 0: those of text or ids; and of what follows */
    int rank_rows, rank_cols;    /* 0: what suits the model */
    bool quiet;                  /* no progress, no warnings of where the ranks run */
    const char *json, *report;   /* NULL: not given */
    const char *checkpoint;      /* NULL: not given */
    const char *cores;           /* the option that gives decode's region; NULL: --decode-cores */
    const char *link;            /* from wafer to wafer: see device/wafers.h; NULL: not given */
    plmr_words line;
} plmr_llm_options;

typedef struct plmr_llm_run {
    const plmr_llm_options *options;
    plmr_session session;
    plmr_llm_setup setup; /* the options', for the caller to complete */
    plmr_model *model;
    const plmr_model_shape *shape;
    plmr_tokenizer *tokenizer; /* NULL: the model has none that can be used */
    int32_t *ids;              /* of the prompt, once it is read */
    int n_ids;
    plmr_timing *timing;                    /* NULL: not placed */
    const plmr_placement *prefill, *decode; /* NULL: there is no such phase */
    plmr_engine *engine;                    /* NULL: not loaded */
    plmr_llm_totals totals;
    plmr_draft expert_trace;    /* rank 0's, while values are made */
    json_t *maps;               /* rank 0's, for the report; NULL: none */
    int64_t n_text;             /* tokens of a text, the first of them the prompt's pass made; 0: there is none */
    json_t *logprobs;           /* rank 0's, for the record: a list (run/logprobs.h); NULL: none */
    struct plmr_llm_kept *kept; /* what to go on with (run/llm_kept.h); NULL: nothing is kept */

    /* Texts of the record. */
    char layers[32], groups[2][96], *placement;
} plmr_llm_run;

/* Opens device, model, vocabulary and ranks; a vocabulary must be there if it is wanted, as it is with a prompt of
 * text. On failure nothing is left. */
plmr_status plmr_llm_open(plmr_llm_run *run, const char *command, const plmr_llm_options *options, bool wants_text);

/* The record names the files of this model as well. */
plmr_status plmr_llm_note(plmr_llm_run *run, const plmr_model *model);

/* Gives the files of results their names, or removes them; returns the status, or what goes wrong now. */
plmr_status plmr_llm_close(plmr_llm_run *run, plmr_status status);

/* The prompt's tokens into run->ids: at least one, each of the model's. Local. */
plmr_status plmr_llm_read_prompt(plmr_llm_run *run);

/* Checks of what was asked for: nothing that a checkpoint does not keep; a square prefill region; tokens that fit the model's context; a placed model that fits
 * one wafer, unless --allow M. Local. */
plmr_status plmr_llm_check_kept(const plmr_llm_options *options);
plmr_status plmr_llm_check_cores(const plmr_llm_options *options);
plmr_status plmr_llm_check_context(const plmr_llm_run *run, int64_t n_tokens);
plmr_status plmr_llm_check_wafer(const plmr_llm_run *run);

/* Chooses what the setup leaves open of regions, by its aim, and for a batch in any case. */
plmr_status plmr_llm_choose(plmr_llm_run *run);

/* Places the model by its setup, which must be complete, with what is chosen for it, and opens the files of results. */
plmr_status plmr_llm_place(plmr_llm_run *run);

/* The virtual time of the prompt; of what lies between prefill and decode; of n_decode tokens of each request, the
 * first with n_before in the cache. */
plmr_status plmr_llm_time_prompt(plmr_llm_run *run);
plmr_status plmr_llm_time_tokens(plmr_llm_run *run, int64_t n_before, int64_t n_decode);

/* Loads the weights. */
plmr_status plmr_llm_load(plmr_llm_run *run);

/* Computes with ids that are somehow different: the prompt, if there is a prefill, and n_decode tokens, if there is a
 * decode, behind n_before where there is no prefill. Into hidden go the last residual streams, n_batch x dim, on rank 0
 * (NULL elsewhere). */
plmr_status plmr_llm_run_values(plmr_llm_run *run, int64_t n_before, int64_t n_decode, float *hidden);

/* Keeps the map of the region on which a phase has just ended, for the report. */
plmr_status plmr_llm_keep_map(plmr_llm_run *run, enum plmr_llm_phase phase);

/* What the regions were traced with goes into the file, and a line about it to `out`; nothing without a trace. */
plmr_status plmr_llm_write_trace(plmr_llm_run *run, FILE *out);

/* Of the virtual times so far, of the run's timing or another; kept in the session until it is asked for again. On rank 0. */
const plmr_standing *plmr_llm_standing(plmr_llm_run *run, const plmr_timing *timing);

/* The record, but for mode, phase and what is measured by the caller; its texts are the run's. Local. */
plmr_llm_record plmr_llm_record_of(plmr_llm_run *run);

/* Of the last residual streams, in their order. Local. */
plmr_record_hash plmr_llm_checksum(const float *hidden, size_t n);

/* Writes the record as a line, and with it the page of the report. On rank 0. */
plmr_status plmr_llm_put(plmr_llm_run *run, const plmr_llm_record *record);

/* For people: the facts; cycles by kind of work, and tokens per second, as bars. On rank 0. */
void plmr_llm_print(FILE *out, const plmr_llm_run *run, const plmr_llm_record *record);
void plmr_llm_bars(FILE *out, const plmr_llm_run *run, const plmr_llm_record *record);

/* Of wafers that are needed, the regions that have something of the model, in decode, or else in prefill. Local. */
int64_t plmr_llm_regions_used(const plmr_llm_run *run);

/* As often the model is there in a phase, and the wafers that this takes (0: there is no such phase); those of the whole
 * run. Local. */
int plmr_llm_replicas(const plmr_llm_run *run, enum plmr_llm_phase phase);
int64_t plmr_llm_phase_wafers(const plmr_llm_run *run, enum plmr_llm_phase phase);
int64_t plmr_llm_wafers(const plmr_llm_run *run);

/* The region whose columns the ranks share: decode's, where there is one; NULL: not placed. Local. */
const plmr_placement *plmr_llm_region(const plmr_llm_run *run);

/* For llm_page.c: gives the session's report the run, of which that is the record. On rank 0. */
void plmr_llm_add_page(plmr_llm_run *run, json_t *record);
