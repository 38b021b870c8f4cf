/* options.h - the command line: strict readers of values, and the options that all runs share.
 *
 * Options are declared for glibc's argp, which prints the help. Everything here is local and alike on all ranks; the
 * errors are one line that names the option.
 */
#ifndef PLMR_OPTIONS_H
#define PLMR_OPTIONS_H

#include <argp.h>

#include "plmr/status.h"
#include "plmr/types.h"

/* ---- values ---- */

/* The most that --m, --k, --n and --length may be. */
#define PLMR_MOST_ELEMENTS INT64_C(2147483647)

/* A whole number from 1 to `most`. */
plmr_status plmr_parse_count(const char *option, const char *text, int64_t most, int64_t *value);

/* Token ids from 0 with commas or white space between them, perhaps none; *ids is for the caller to free. */
plmr_status plmr_parse_ids(const char *option, const char *text, int32_t **ids, int *n_ids);

/* Two such numbers: "360x360". `form` is what the error says it should be: "HxW, e.g. 360x360". */
plmr_status plmr_parse_size(const char *option, const char *text, const char *form, int *rows, int *cols);

/* "f32", "f16" or "bf16". */
plmr_status plmr_parse_dtype(const char *option, const char *text, enum plmr_dtype *dtype);

/* "M", "R" or both, for --allow: sets what is named. */
plmr_status plmr_parse_allow(const char *text, bool *memory, bool *routes);

/* "f32" or "f16", for --accumulate. */
plmr_status plmr_parse_accumulate(const char *text, enum plmr_dtype *accumulate);

/* One of n words: its index. The option may be "". */
plmr_status plmr_parse_word(const char *option, const char *text, const char *const *words, int n, int *index);

/* A list of words with commas between them, or "all": their indices, for the caller to free. */
plmr_status plmr_parse_words(const char *option, const char *text, const char *const *words, int n, int **indices,
                             int *n_indices);

/* ---- options ---- */

/* Of traces, see trace.h. */
typedef struct plmr_trace_options {
    const char *path;  /* NULL: no trace */
    const char *cores; /* NULL: not given */
    int64_t n_events;  /* 0: not given */
} plmr_trace_options;

/* What gemm, gemv and allreduce have in common; the first member of their own options. */
typedef struct plmr_run_options {
    const char *const *names; /* the algorithms that there are; set by the command, as is n_names */
    int n_names;
    int *algorithms, n_algorithms; /* chosen ones, as indices */
    bool all;                      /* chosen as "all", or not at all */
    bool may_be_row;               /* --cores P means 1xP; set by the command */
    int rows, cols;                /* cores; 0: not given */
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

/* Their argp, as a child of a command's own; pass it plmr_parse_state as the command's parser gets it. */
extern const struct argp plmr_run_argp;

/* Sets what is not said, before parsing; then chooses all algorithms if none were. */
void plmr_run_options_init(plmr_run_options *options, const char *const *names, int n_names);
plmr_status plmr_run_options_complete(plmr_run_options *options);
void plmr_run_options_free(plmr_run_options *options);

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
