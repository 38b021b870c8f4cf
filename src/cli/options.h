/* options.h - the options that commands share. */
#pragma once

#include "base/option.h"
#include "run/job.h"
#include "run/llm.h"

/* Titles above options. */
#define PLMR_TITLE_PROBLEM "Problem:"
#define PLMR_TITLE_PROMPT "Model and prompt:"
#define PLMR_TITLE_PLACE "What runs where:"
#define PLMR_TITLE_ALLREDUCES "Allreduces:"
#define PLMR_TITLE_VALUES "Values:"
#define PLMR_TITLE_RUNNING "Running:"

#define PLMR_DEVICE_HELP                                                                                               \
    "A device of plmr device list, or your own file, perhaps with numbers of your own: wse2:hop=4,routes=64"
#define PLMR_ALLOW_HELP "Go on where a core's memory (M) or routes (R) are exceeded, and say so"
#define PLMR_REPORT_HELP "An HTML page that shows the run core by core, for any browser"
#define PLMR_MODEL_HELP "A GGUF file, a folder with safetensors, a shape's JSON file, or a name of plmr model list"

/* "f32", "f16", "bf16"; what sums can be kept in; "compute", "timing". */
extern const char *const plmr_dtypes[], *const plmr_sum_dtypes[], *const plmr_modes[];

/* Of traces: plmr_trace_options. */
extern const plmr_option plmr_trace_table[];

/* What gemm, gemv and allreduce have in common, and of that what programs of users' own have, too: plmr_run_options. */
extern const plmr_option plmr_run_table[], plmr_frame_table[];

/* Of reduction trees: plmr_reduce_options. */
extern const plmr_option plmr_tree_table[];

/* Of language models: plmr_llm_options. A device, and the cache on it; with regions, what is allowed, the record and
 * the dump; a model and a prompt; a report and a trace. */
extern const plmr_option plmr_place_table[], plmr_wafer_table[], plmr_prompt_table[], plmr_time_table[];
