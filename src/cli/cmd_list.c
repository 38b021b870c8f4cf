#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/devices.h"
#include "cli/options.h"
#include "fabric/reduce.h"
#include "gemm/gemm.h"
#include "gemv/gemv.h"
#include "plmr/ranks.h"

static const struct argp_option options[] = {PLMR_OPTION_HELP, {0}};
static const struct argp argp = {
    .options = options,
    .doc = "Lists the algorithms of gemm, gemv and allreduce, and the devices.",
};

static void print_entry(const char *name, const char *summary)
{
    printf("  %-13s  %s\n", name, summary);
}

static void print_algorithms(void)
{
    printf("GEMM algorithms (plmr gemm --alg NAME)\n");
    for (int i = 0; i < plmr_gemm_count(); i++)
        print_entry(plmr_gemm_at(i)->name, plmr_gemm_at(i)->summary);
    printf("\nGEMV algorithms (plmr gemv --alg NAME)\n");
    for (int i = 0; i < plmr_gemv_count(); i++)
        print_entry(plmr_gemv_at(i)->name, plmr_gemv_at(i)->summary);
    printf("\nAllreduce algorithms (plmr allreduce --alg NAME)\n");
    for (int i = 0; i < plmr_reduce_count(); i++)
        print_entry(plmr_reduce_at(i)->name, plmr_reduce_at(i)->summary);
}

plmr_status plmr_command_list(int argc, char **argv)
{
    bool help;
    PLMR_TRY(plmr_arguments_parse(&argp, "list", argc, argv, 0, NULL, &help));
    if (help || plmr_rank() > 0)
        return PLMR_OK;
    print_algorithms();
    printf("\nDevices (--device NAME)\n");
    return plmr_devices_print();
}
