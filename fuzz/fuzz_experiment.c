/* Experiments of sweeps: any text is one, of which every point can be made, or an error of one line. */
#include <stdlib.h>
#include <string.h>

#include "sweep/experiment.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const plmr_option options[] = {{.name = "alg", .argument = "A"},
                                      {.name = "m", .argument = "M"},
                                      {.name = "cores", .argument = "C"},
                                      {.name = "device", .argument = "D"},
                                      {.name = "fast"},
                                      {0}};
static const plmr_sweep_command commands[] = {{"gemm", options}, {"llm", options + 1}};

/* The first and the last will do: the reader has made them all. */
static void make_points(const plmr_experiment *experiment)
{
    int64_t step = experiment->n_points > 1 ? experiment->n_points - 1 : 1;
    for (int64_t i = 0; i < experiment->n_points; i += step) {
        plmr_sweep_point point;
        plmr_sweep_point_make(experiment, i, &point);
        plmr_sweep_point_clear(&point);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_experiment *experiment;
    char *text = malloc(n + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, n);
    text[n] = '\0';
    plmr_status status = plmr_experiment_parse(text, "e.json", commands, 2, &experiment);
    if (status && strchr(plmr_error_text(status), '\n'))
        abort();
    if (!status) {
        make_points(experiment);
        plmr_experiment_destroy(experiment);
    }
    plmr_error_free(status);
    free(text);
    return 0;
}
