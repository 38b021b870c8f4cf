/* launch.h - runs plmr on a number of ranks, from a process that runs alone: plmr, or a program that has it as a library. All
 * functions are local. */
#pragma once

#include "plmr/status.h"

/* How it is started: the words of PLMR_LAUNCHER, if that is set, else srun within a SLURM job, else mpirun with a core
 * to each rank. "{n}", which must be there, stands for the number of ranks. The text lives as long as the environment. */
const char *plmr_launch_template(void);

/* Fails if this plmr itself was started by mpirun or srun, which cannot be done twice over. */
plmr_status plmr_launch_check(void);

/* Runs `plmr WORDS...` (NULL at the end) on n_ranks ranks, in the environment that this process was started in: this program, if
 * it is called so, else the first one of PATH. On success *out is what it has written to standard output, and *err to
 * standard error, for the caller to free. A run that fails is an error with the first line of what it says. */
plmr_status plmr_launch(const char *launcher, int n_ranks, const char *const *words, char **out, char **err);

/* Replaces each {n} in a text by n_ranks, and each {A}, {A+B} and {A-B} by A * n_ranks, and B more or less; the caller
 * frees the text. */
char *plmr_launch_expand(const char *word, int n_ranks);
