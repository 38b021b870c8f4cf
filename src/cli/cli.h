/* cli.h - the sub-commands of plmr, one file each.
 *
 * All ranks parse the same command line and call the same functions; rank 0 alone prints. A command returns its error,
 * alike on all ranks, for main to print as one line: input and limits end with exit code 2, a failed system with 1.
 */
#ifndef PLMR_CLI_H
#define PLMR_CLI_H

#include "plmr/status.h"

enum { PLMR_EXIT_OK = 0, PLMR_EXIT_FAILED = 1, PLMR_EXIT_INPUT = 2 };

/* Each is given the arguments from its own name on. Collective. */
plmr_status plmr_command_gemm(int argc, char **argv);
plmr_status plmr_command_gemv(int argc, char **argv);
plmr_status plmr_command_allreduce(int argc, char **argv);
plmr_status plmr_command_device(int argc, char **argv);
plmr_status plmr_command_model(int argc, char **argv);
plmr_status plmr_command_tokenize(int argc, char **argv);
plmr_status plmr_command_bench(int argc, char **argv);
plmr_status plmr_command_generate(int argc, char **argv);
plmr_status plmr_command_llm(int argc, char **argv);
plmr_status plmr_command_logits(int argc, char **argv);
plmr_status plmr_command_perplexity(int argc, char **argv);
plmr_status plmr_command_sweep(int argc, char **argv);
plmr_status plmr_command_tune(int argc, char **argv);
plmr_status plmr_command_report(int argc, char **argv);
plmr_status plmr_command_scale(int argc, char **argv);
plmr_status plmr_command_topo(int argc, char **argv);
plmr_status plmr_command_list(int argc, char **argv);
plmr_status plmr_command_paper(int argc, char **argv);

/* The options of those that sweeps run. */
struct argp;
extern const struct argp plmr_gemm_argp, plmr_gemv_argp, plmr_allreduce_argp, plmr_llm_argp;

#endif
