#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/text_file.h"
#include "cli/devices.h"
#include "cli/options.h"
#include "plmr/device.h"
#include "plmr/ranks.h"

static const plmr_option options[] = {
    {"", "NAME|FILE", NULL, NULL, PLMR_READ_ALL(plmr_read_one_more), .most = 2},
    {0},
};

static plmr_status print_line(const char *name)
{
    plmr_device device;
    PLMR_TRY(plmr_device_load(name, &device));
    printf("  %-12s %5.0f x %-6.0f %s\n", name, device.rows, device.cols, device.title);
    return PLMR_OK;
}

plmr_status plmr_devices_print(void)
{
    char **names;
    int n;
    plmr_status status = PLMR_OK;
    PLMR_TRY(plmr_device_names(&names, &n));
    for (int i = 0; i < n && !status; i++)
        status = print_line(names[i]);
    free(names);
    return status;
}

static plmr_status show(const char *name)
{
    plmr_device device;
    PLMR_TRY(plmr_device_load(name, &device));
    plmr_device_print(stdout, &device);
    return PLMR_OK;
}

static plmr_status check(const char *file)
{
    plmr_device device;
    PLMR_TRY(plmr_device_load(file, &device));
    printf("%s: ok: %s, %.0f x %.0f cores\n", file, device.title, device.rows, device.cols);
    return PLMR_OK;
}

static const struct {
    const char *name, *of; /* of: what it wants to be told, or NULL */
    plmr_status (*act)(const char *what);
} verbs[] = {{"list", NULL, NULL}, {"show", "a device's name or file", show}, {"check", "a file", check}};

enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static plmr_status act(const char *verb, const char *what)
{
    const char *names[N_VERBS];
    int i;
    for (i = 0; i < N_VERBS; i++)
        names[i] = verbs[i].name;
    PLMR_CHECK(verb, PLMR_ERROR_INPUT, "say what to do: list, show NAME or check FILE");
    PLMR_TRY(plmr_parse_word("", verb, names, N_VERBS, &i));
    PLMR_CHECK(!verbs[i].of || what, PLMR_ERROR_INPUT, "%s needs %s", verb, verbs[i].of);
    PLMR_CHECK(verbs[i].of || !what, PLMR_ERROR_INPUT, "unexpected '%.60s' after %s", what, verb);
    return verbs[i].of ? verbs[i].act(what) : plmr_devices_print();
}

static plmr_status run(void *options)
{
    const plmr_texts *args = options;
    return plmr_agree(plmr_rank() == 0 ? plmr_error_of_input(act(args->at[0], args->at[1])) : PLMR_OK);
}

const plmr_command plmr_command_device = {
    .name = "device",
    .summary = "list the devices, show one with its sources, check a file",
    .arguments = "list\nshow NAME|FILE\ncheck FILE",
    .about =
        "Lists the devices that come with plmr; shows one, with unit, tag and source of each number; checks a file "
        "of your own.",
    .more = "For example:\n"
            "  plmr device show wse2",
    .options = options,
    .size = sizeof(plmr_texts),
    .run = run,
};
