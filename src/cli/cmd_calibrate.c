#include "cli/cli.h"

#include <math.h>
#include <string.h>

#include "base/draft.h"
#include "cli/options.h"
#include "device/device_internal.h"
#include "validate/fit.h"

struct calibrate_command {
    plmr_texts files;
    const char *fit, *device, *out;
    double hold_out;
};

static const plmr_option options[] = {
    {"", "FILE", NULL, NULL, PLMR_ONE_MORE(struct calibrate_command, files), .path = PLMR_PATH_READ, .most = 16},
    {"fit", "KEY,...", NULL, "Numbers of the device that are fitted, at most 8",
     PLMR_TEXT(struct calibrate_command, fit)},
    {"device", "NAME|FILE", NULL, "The device that is started from (default: that of the first point)",
     PLMR_TEXT_READ(struct calibrate_command, device)},
    {"hold-out", "SHARE", NULL, "Of the points, not fitted to, for the error of what was not seen",
     PLMR_REAL(struct calibrate_command, hold_out, 0, 0.9), .value = "0.3"},
    {"out", "FILE.json", NULL, "The device with the fitted numbers", PLMR_TEXT_WRITTEN(struct calibrate_command, out)},
    {0},
};

static plmr_status load(const struct calibrate_command *c, plmr_validation *v, plmr_device *device)
{
    PLMR_CHECK(c->fit, PLMR_ERROR_INPUT, "--fit is missing: say which numbers, such as hop,ramp");
    PLMR_CHECK(c->files.n, PLMR_ERROR_INPUT, "a file of measurements is missing");
    PLMR_TRY(plmr_validation_open(v));
    for (int i = 0; i < c->files.n; i++)
        PLMR_TRY(plmr_validation_add_file(v, c->files.at[i]));
    return plmr_validation_choose_one(v, c->device, device);
}

static plmr_status read_keys(char *list, plmr_fit *fit)
{
    for (char *key; (key = strsep(&list, ","));) {
        PLMR_CHECK(fit->n_keys < PLMR_MOST_FITTED, PLMR_ERROR_INPUT, "--fit: at most %d numbers", PLMR_MOST_FITTED);
        for (int i = 0; i < fit->n_keys; i++)
            PLMR_CHECK(strcmp(fit->keys[i], key) != 0, PLMR_ERROR_INPUT, "--fit: %.60s is given twice", key);
        fit->keys[fit->n_keys++] = key;
    }
    return PLMR_OK;
}

static void print(const plmr_device *device, int n_left_out, const plmr_fit *fit)
{
    if (n_left_out)
        printf("  left out, as of other devices: %d\n", n_left_out);
    printf("  %s: %d point%s fitted to, RMS error %.1f %%, before %.1f %%\n", device->name, fit->n_points,
           fit->n_points == 1 ? "" : "s", 100 * fit->rms_after, 100 * fit->rms_before);
    if (fit->n_held)
        printf("  %d held out, RMS error %.1f %%, before %.1f %%\n", fit->n_held, 100 * fit->rms_held_after,
               100 * fit->rms_held_before);
    printf("\n  %-18s %12s %12s %12s\n", "number", "before", "fitted", "+- (95 %)");
    for (int k = 0; k < fit->n_keys; k++) {
        char interval[64];
        plmr_fit_interval(fit, k, interval, sizeof interval);
        printf("  %-18s %12.6g %12.6g %12s\n", fit->keys[k], fit->before[k], fit->after[k], interval);
    }
}

static plmr_status write_device(const char *path, const plmr_device *device)
{
    plmr_draft draft;
    PLMR_TRY(plmr_draft_open("--out", path, &draft));
    plmr_device_write(draft.file, device);
    return plmr_draft_close(&draft, PLMR_OK);
}

static plmr_status run(void *context)
{
    const struct calibrate_command *c = context;
    plmr_validation v = {0};
    plmr_device device;
    plmr_fit fit = {0};
    char keys[1024];
    snprintf(keys, sizeof keys, "%s", c->fit ? c->fit : "");
    plmr_status status = plmr_agree(load(c, &v, &device));
    if (!status)
        status = read_keys(keys, &fit);
    if (!status)
        status = plmr_fit_run(&v, c->hold_out, &device, &fit);
    if (!status && plmr_rank() == 0) {
        print(&device, v.n_left_out, &fit);
        status = c->out ? write_device(c->out, &device) : PLMR_OK;
    }
    plmr_validation_close(&v);
    return plmr_agree(status);
}

const plmr_command plmr_command_calibrate = {
    .name = "calibrate",
    .summary = "fit numbers of a device to measurements",
    .arguments = "FILE.jsonl...",
    .about =
        "Fits numbers of a device to measurements (see plmr validate) by bounded least squares on relative errors; "
        "says how well they are determined, and how well points that were held out are predicted.",
    .more = PLMR_POINTS_HELP "For example:\n"
                             "  plmr calibrate mine.jsonl --fit hop,collective_launch --out mine.json",
    .options = options,
    .size = sizeof(struct calibrate_command),
    .run = run,
};
