#include "plmr/program.h"

#include <stdio.h>
#include <string.h>

#include "base/given.h"

static plmr_status parse(int argc, char **argv, plmr_region_options *options, const char **device)
{
    *device = PLMR_DEVICE_DEFAULT;
    options->values = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--timing") == 0)
            options->values = false;
        else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
            *device = argv[++i];
        else
            return plmr_error_make(PLMR_ERROR_INPUT, "unknown argument '%s': give --device NAME|FILE or --timing",
                                   argv[i]);
    }
    return PLMR_OK;
}

static void print_cost(const plmr_program *program, const plmr_device *device, const plmr_cost *cost)
{
    printf("%s: %dx%d cores of %s, %.10g cycles (%.3g us), %lld of %.0f bytes of SRAM, %d of %.0f routes, %llu "
           "wavelet-hops\n",
           program->name, program->rows, program->cols, device->name, cost->t_cycles,
           1e6 * cost->t_cycles / device->clock, (long long)cost->sram_peak_bytes, device->sram, cost->routes_max,
           device->routes, (unsigned long long)cost->wavelet_hops);
}

static plmr_status run(int argc, char **argv, const plmr_program *program)
{
    plmr_region_options options = {0};
    const char *name;
    plmr_device device;
    plmr_ranks *ranks;
    plmr_region *region = NULL;
    plmr_cost cost;
    PLMR_TRY(parse(argc, argv, &options, &name));
    PLMR_TRY(plmr_agree(plmr_device_load(name, &device)));
    PLMR_TRY(plmr_ranks_create(0, 0, program->rows, program->cols, &ranks));
    plmr_status status = plmr_region_create(ranks, &device, program->rows, program->cols, &options, &region);
    if (!status)
        status = plmr_agree(program->run(region, program->context));
    if (!status)
        status = plmr_region_cost(region, &cost);
    if (!status && plmr_rank() == 0)
        print_cost(program, &device, &cost);
    plmr_region_destroy(region);
    plmr_ranks_destroy(ranks);
    return status;
}

static plmr_status check_program(const plmr_program *program)
{
    PLMR_GIVEN(program);
    PLMR_GIVEN(program->name);
    PLMR_GIVEN(program->run);
    return PLMR_OK;
}

int plmr_program_main(int argc, char **argv, const plmr_program *program)
{
    plmr_status status = plmr_init(&argc, &argv);
    bool started = !status;
    if (started)
        status = check_program(program);
    if (!status)
        status = run(argc, argv, program);
    if (started)
        status = plmr_agree(status);
    int exit_code = !status ? 0 : plmr_error_code(status) == PLMR_ERROR_SYSTEM ? 1 : 2;
    if (status && (!started || plmr_rank() == 0))
        fprintf(stderr, "%s: %s\n", program && program->name ? program->name : "plmr", plmr_error_text(status));
    plmr_error_free(status);
    if (started)
        plmr_finalize();
    return exit_code;
}
