/* plmr/program.h - the frame of a mesh program: everything around its verbs. */
#ifndef PLMR_PROGRAM_H
#define PLMR_PROGRAM_H

#include "plmr/region.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An option of a program's own: "--name ARGUMENT" is put where `value` points, which holds the default before. */
enum plmr_option_kind {
    PLMR_OPTION_FLAG,  /* bool; takes no argument */
    PLMR_OPTION_COUNT, /* int: a positive whole number */
    PLMR_OPTION_REAL,  /* double: a number from -1e9 to 1e9 */
    PLMR_OPTION_TEXT   /* const char * */
};
typedef struct plmr_program_option {
    const char *name, *argument, *help; /* argument: as the help shows it, "N"; NULL for flags */
    enum plmr_option_kind kind;
    void *value;
} plmr_program_option;

typedef struct plmr_program {
    const char *name;
    int rows, cols; /* cores */
    /* The program's verbs. What it makes on the region it destroys, but for tiles and flows of messages, which are
     * destroyed for it at the end, or `close` does. Collective. */
    plmr_status (*run)(plmr_region *region, void *context);
    void *context;

    /* ---- what may be left out ---- */
    bool any_cores;                     /* it runs on others, too: takes --cores, and asks plmr_region_extent */
    enum plmr_dtype *dtype;             /* takes --dtype, which is put here; the default is what is here before */
    const plmr_program_option *options; /* its own, to one without a name; they come before the frame's of that name */
    const char *about;                  /* for --help: what it does */

    /* For --verify: holds what `run` has left in the context against what it must be. The error says what is wrong; of
     * one rank or of all. Called before the region is destroyed, in compute mode. Collective. */
    plmr_status (*verify)(plmr_region *region, void *context);

    /* In place of that, or before it: how many of the values that core (row, col) has in the end are not what they must be;
     * called for every core of this rank. Local. */
    int (*check)(void *context, int row, int col);

    /* Destroys what else `run` has left; called at the end in any case. Local. */
    void (*close)(void *context);
} plmr_program;

/* Runs the program in its own process group: starts the message layer, makes ranks and region, runs, prints its verdict
 * from rank 0 (cycles, SRAM against M, routes against R) and ends the message layer. Takes the options of `plmr gemm`
 * that are not of matrices from the command line: --device, --mode (or --timing), --ranks, --allow, --json, --report,
 * --trace and others, which --help lists. Returns what main should: 0, or after an error, whose one line rank 0 has
 * printed, 2; 1 if it is a PLMR_ERROR_SYSTEM. Where `run` fails on some ranks while others wait for them in a verb, the
 * job ends in a few seconds, with the line of one that has failed and code 1. */
int plmr_program_main(int argc, char **argv, const plmr_program *program);
#define plmr_program_main(...) (plmr_headers(PLMR_HEADERS), plmr_program_main(__VA_ARGS__))

/* The same between plmr_init and plmr_finalize, as often as wanted; argv[0] is passed over. Collective. */
plmr_status plmr_program_run(const plmr_program *program, int argc, const char *const *argv);

#ifdef __cplusplus
}
#endif
#endif
