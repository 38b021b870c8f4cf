/* commands.h - two commands for experiments of the tests: one with algorithms, one without. */
#ifndef PLMR_TESTS_SWEEP_COMMANDS_H
#define PLMR_TESTS_SWEEP_COMMANDS_H

#include "sweep/experiment.h"

static const plmr_option add_options[] = {
    {.name = "alg", .argument = "A"},    {.name = "m", .argument = "M"},
    {.name = "device", .argument = "D"}, {.name = "verify"},
    {.name = "json", .argument = "J"},   {0},
};
static const plmr_option run_options[] = {
    {.name = "m", .argument = "M"}, {.name = "fast"}, {.name = "device", .argument = "D"}, {0}};
static const plmr_sweep_command test_commands[] = {{"add", add_options}, {"run", run_options}};

#endif
