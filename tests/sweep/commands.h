/* commands.h - two commands for experiments of the tests: one with algorithms, one without. */
#ifndef PLMR_TESTS_SWEEP_COMMANDS_H
#define PLMR_TESTS_SWEEP_COMMANDS_H

#include "sweep/experiment.h"

static const plmr_sweep_option add_options[] = {
    {"alg", true}, {"m", true}, {"device", true}, {"verify", false}, {"json", true},
};
static const plmr_sweep_option run_options[] = {{"m", true}, {"fast", false}, {"device", true}};
static const plmr_sweep_command test_commands[] = {{"add", add_options, 5}, {"run", run_options, 3}};

#endif
