/* plmr/program.h - the frame of a mesh program: everything around its verbs. */
#ifndef PLMR_PROGRAM_H
#define PLMR_PROGRAM_H

#include "plmr/region.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_program {
    const char *name;
    int rows, cols; /* cores */
    /* The program's verbs. What it makes on the region it destroys. Collective. */
    plmr_status (*run)(plmr_region *region, void *context);
    void *context;
} plmr_program;

/* Runs the program in its own process group: starts the message layer, makes ranks and region, runs, prints its verdict
 * from rank 0 (cycles, SRAM against M, routes against R) and ends the message layer. Takes two options from the command
 * line: --device NAME|FILE (default wse2) and --timing (clocks and ledgers only). Returns what main should: 0, or after
 * an error, whose one line rank 0 has printed, 2; 1 if it is a PLMR_ERROR_SYSTEM. Where `run` fails on some ranks while
 * others wait for them in a verb, the job ends in a few seconds, with the line of one that has failed and code 1. */
int plmr_program_main(int argc, char **argv, const plmr_program *program);

#ifdef __cplusplus
}
#endif
#endif
