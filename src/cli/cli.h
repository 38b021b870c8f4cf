/* cli.h - the sub-commands of plmr, one file each. */
#pragma once

#include "cli/command.h"
#include "cli/options.h"

extern const plmr_command plmr_command_gemm, plmr_command_gemv, plmr_command_allreduce, plmr_command_generate,
    plmr_command_llm, plmr_command_tune, plmr_command_serve, plmr_command_logits, plmr_command_perplexity,
    plmr_command_tokenize, plmr_command_model, plmr_command_paper, plmr_command_validate, plmr_command_calibrate,
    plmr_command_device, plmr_command_sweep, plmr_command_report, plmr_command_scale, plmr_command_topo,
    plmr_command_bench, plmr_command_list, plmr_command_verify;

/* In the order of the help. */
PLMR_REGISTRY(command, plmr_command)

/* Does what `plmr` does with these words, argv[0] being the command: says on standard error what goes wrong, and returns
 * the exit code; on ranks but 0, 0. Collective. */
int plmr_command_answer(int argc, const char *const *argv);

/* The list of devices, a line each. Local. */
plmr_status plmr_devices_print(void);
