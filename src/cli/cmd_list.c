#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/options.h"
#include "gemm/gemm.h"
#include "gemv/gemv.h"
#include "model/quant.h"
#include "plmr/ranks.h"
#include "verbs/reduce.h"

static void print_algorithms(const char *kind, const char *command, const plmr_registry *algorithms)
{
    printf("%s algorithms (plmr %s --alg NAME)\n", kind, command);
    for (int i = 0; i < algorithms->n; i++)
        printf("  %-13s  %s\n", plmr_name_of(algorithms->all[i]), plmr_summary_of(algorithms->all[i]));
    putchar('\n');
}

static plmr_status run(void *options)
{
    (void)options;
    if (plmr_rank() > 0)
        return PLMR_OK;
    print_algorithms("GEMM", "gemm", &plmr_gemm_registry);
    print_algorithms("GEMV", "gemv", &plmr_gemv_registry);
    print_algorithms("Allreduce", "allreduce", &plmr_reduce_registry);
    printf("Types of tensors in a model's GGUF file (-m FILE)\n  %s\n\n", plmr_quant_list().s);
    printf("Devices (--device NAME)\n");
    return plmr_devices_print();
}

static const plmr_option options[] = {{0}};

const plmr_command plmr_command_list = {
    .name = "list",
    .summary = "list the algorithms, types of tensors and devices",
    .about = "Lists the algorithms of gemm, gemv and allreduce, the types of tensors that are read, and the devices.",
    .options = options,
    .run = run,
    .needs_no_ranks = true,
};
