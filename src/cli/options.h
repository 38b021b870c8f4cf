/* options.h - the options that commands share. */
#ifndef PLMR_OPTIONS_H
#define PLMR_OPTIONS_H

#include <argp.h>

#include "base/option.h"
#include "run/trace.h"

/* ---- what commands share ---- */

/* Titles above options. */
#define PLMR_TITLE_PROBLEM "Problem:"
#define PLMR_TITLE_PLACE "What runs where:"
#define PLMR_TITLE_ALLREDUCES "Allreduces:"
#define PLMR_TITLE_VALUES "Values:"
#define PLMR_TITLE_RUNNING "Running:"
#define PLMR_TITLE_OUTPUT "Output:"

#define PLMR_DEVICE_HELP                                                                                               \
    "A device of plmr device list, or your own file, perhaps with numbers of your own: wse2:hop=4,routes=64"
#define PLMR_ALLOW_HELP "Go on where a core's memory (M) or routes (R) are exceeded, and say so"
#define PLMR_REPORT_HELP "An HTML page that shows the run core by core, for any browser"

/* "f32", "f16", "bf16"; what sums can be kept in; "compute", "timing". */
extern const char *const plmr_dtypes[], *const plmr_sum_dtypes[], *const plmr_modes[];

/* The most that --m, --k, --n and --length may be. */
#define PLMR_MOST_ELEMENTS INT64_C(2147483647)

/* --allow: a bool of memory, then one of routes. */
plmr_option_reader plmr_read_allow;

/* Of traces: plmr_trace_options. */
extern const plmr_option plmr_trace_table[];

/* What gemm, gemv and allreduce have in common. */
typedef struct plmr_run_options {
    plmr_chosen algorithms; /* the command's own row */
    int rows, cols;         /* cores; 0: not given */
    const char *device;
    enum plmr_dtype dtype;
    bool timing, verify, every_step, plan, text, allow_memory, allow_routes;
    int64_t seed;
    double pace;
    int rank_rows, rank_cols;  /* 0: not given */
    const char *json, *report; /* NULL: not given */
    bool quiet;
    plmr_trace_options trace;
} plmr_run_options;
extern const plmr_option plmr_run_table[];

/* Of reduction trees: plmr_reduce_options. */
extern const plmr_option plmr_tree_table[];

/* ---- for commands with argp ---- */

plmr_status plmr_parse_dtype(const char *option, const char *text, enum plmr_dtype *dtype);
plmr_status plmr_parse_allow(const char *text, bool *memory, bool *routes);

/* The input of a command's argp parser, and of its children. */
typedef struct plmr_parse_state {
    void *options;     /* the command's own struct */
    plmr_status error; /* of the first option that was wrong */
} plmr_parse_state;

/* What a parser returns: keeps the error, if there is one, and ends the parsing. */
error_t plmr_parse_result(struct argp_state *state, plmr_status error);

/* Entries for a command's table of options. */
#define PLMR_OPTION_GROUP(number, title)                                                                               \
    {                                                                                                                  \
        NULL, 0, NULL, 0, title, number                                                                                \
    }
#define PLMR_OPTION_HELP                                                                                               \
    {                                                                                                                  \
        "help", 'h', NULL, 0, "Print this help and do nothing else", 90                                                \
    }

/* Names of the options of a command, children's too: up to `most` of them; returns how many there are. */
typedef struct plmr_option_name {
    const char *name; /* without dashes */
    bool takes_value;
} plmr_option_name;
int plmr_options_list(const struct argp *argp, plmr_option_name *names, int most);

/* Parses argv[1...] into `options`. Sets *help, and has printed it on rank 0, if it was asked for. */
plmr_status plmr_options_parse(const struct argp *argp, const char *command, int argc, char **argv, void *options,
                               bool *help);

/* The same for a command that has up to `most` arguments as well, which its parser gets as ARGP_KEY_ARG. */
enum { PLMR_MOST_ARGUMENTS = 16 };
plmr_status plmr_options_parse_most(const struct argp *argp, const char *command, int argc, char **argv, int most,
                                    void *options, bool *help);

/* The same for a command that has arguments and no options: up to `most` arguments (from 0) into args[0..most), NULL
 * where there is none. */
plmr_status plmr_arguments_parse(const struct argp *argp, const char *command, int argc, char **argv, int most,
                                 const char **args, bool *help);

#endif
