#include "cli/sweep_runners.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"

static const plmr_command *const runners[PLMR_SWEEP_RUNNERS] = {&plmr_command_gemm, &plmr_command_gemv,
                                                                &plmr_command_allreduce, &plmr_command_llm};

void plmr_sweep_runners_fill(plmr_sweep_runners *table)
{
    for (int i = 0; i < PLMR_SWEEP_RUNNERS; i++) {
        plmr_option_row rows[PLMR_MOST_OPTIONS];
        int n = plmr_option_rows(runners[i]->options, rows);
        for (int j = 0; j < n; j++)
            table->options[i][j] = (plmr_sweep_option){rows[j].option->name, rows[j].option->argument};
        table->commands[i] = (plmr_sweep_command){runners[i]->name, table->options[i], n};
    }
}

/* "--name" or "--name=..." among the arguments. */
static bool has_argument(const plmr_sweep_point *point, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < point->argc; i++)
        if (strncmp(point->argv[i], name, n) == 0 && (point->argv[i][n] == '=' || !point->argv[i][n]))
            return true;
    return false;
}

/* The point's own arguments, and those that a sweep adds. */
static plmr_status run_command(const plmr_sweep_point *point, const char *record_file, const char *allow)
{
    char json[PATH_MAX + 40], *argv[PLMR_SWEEP_MOST_OPTIONS + 8], mode[] = "--mode=timing", quiet[] = "--quiet",
                                                                  allowed[16];
    int argc = point->argc;
    PLMR_ASSERT(argc <= PLMR_SWEEP_MOST_OPTIONS);
    memcpy(argv, point->argv, (size_t)argc * sizeof *argv);
    snprintf(json, sizeof json, "--json=%s", record_file);
    snprintf(allowed, sizeof allowed, "--allow=%s", allow);
    if (!has_argument(point, "--mode"))
        argv[argc++] = mode;
    if (!has_argument(point, "--allow"))
        argv[argc++] = allowed;
    argv[argc++] = quiet;
    argv[argc++] = json;
    argv[argc] = NULL;
    for (int i = 0; i < PLMR_SWEEP_RUNNERS; i++)
        if (strcmp(runners[i]->name, argv[0]) == 0)
            return plmr_command_run(runners[i], argc, argv);
    return PLMR_OK;
}

plmr_status plmr_sweep_run_point(const plmr_sweep_point *point, const char *record_file)
{
    plmr_status status = run_command(point, record_file, "M");
    if (!status || plmr_error_code(status) != PLMR_ERROR_LIMIT || has_argument(point, "--allow"))
        return status;
    plmr_error_free(status);
    return run_command(point, record_file, "M,R");
}
