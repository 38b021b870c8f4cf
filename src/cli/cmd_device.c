#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/text_file.h"
#include "cli/options.h"
#include "device/standing.h"
#include "plmr/device.h"
#include "plmr/ranks.h"

static const plmr_option options[] = {
    {"", "NAME|FILE", NULL, NULL, PLMR_READ_ALL(plmr_read_one_more), .path = PLMR_PATH_READ, .most = 3},
    {0},
};

static plmr_status print_line(const char *name)
{
    plmr_device device;
    PLMR_TRY(plmr_device_load(name, &device));
    printf("  %-15s %5.0f x %-6.0f %s\n", name, device.rows, device.cols, device.title);
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

static plmr_status compare(const char *a, const char *b)
{
    plmr_device first, second;
    PLMR_CHECK(a && b, PLMR_ERROR_INPUT, "compare needs two devices' names or files");
    PLMR_TRY(plmr_device_load(a, &first));
    PLMR_TRY(plmr_device_load(b, &second));
    plmr_device_compare(stdout, &first, &second);
    return PLMR_OK;
}

static plmr_status act(const char *verb, const char *what, const char *other)
{
    enum { LIST, SHOW, CHECK, COMPARE };
    static const char *const verbs[] = {"list", "show", "check", "compare"}, *const wants[] = {
                                                                                 NULL, "a device's name or file",
                                                                                 "a file", NULL};
    plmr_device device;
    int i;
    PLMR_CHECK(verb, PLMR_ERROR_INPUT, "say what to do: list, show NAME, check FILE or compare A B");
    PLMR_TRY(plmr_parse_word("", verb, verbs, 4, &i));
    if (i == COMPARE)
        return compare(what, other);
    PLMR_CHECK(!other, PLMR_ERROR_INPUT, "unexpected '%.60s' after %s", other, what);
    PLMR_CHECK(!wants[i] || what, PLMR_ERROR_INPUT, "%s needs %s", verb, wants[i]);
    PLMR_CHECK(wants[i] || !what, PLMR_ERROR_INPUT, "unexpected '%.60s' after %s", what, verb);
    if (i == LIST)
        return plmr_devices_print();
    PLMR_TRY(plmr_device_load(what, &device));
    if (i == SHOW) {
        plmr_device_print(stdout, &device);
        PLMR_TRY(plmr_evidence_print(stdout, &device));
    } else
        printf("%s: ok: %s, %.0f x %.0f cores\n", what, device.title, device.rows, device.cols);
    return PLMR_OK;
}

static plmr_status run(void *options)
{
    const plmr_texts *args = options;
    return plmr_agree(plmr_rank() == 0 ? plmr_error_of_input(act(args->at[0], args->at[1], args->at[2])) : PLMR_OK);
}

const plmr_command plmr_command_device = {
    .name = "device",
    .summary = "list the devices, show one with its sources, check a file, compare two",
    .arguments = "list\nshow NAME|FILE\ncheck FILE\ncompare NAME|FILE NAME|FILE",
    .about = "Lists the devices that come with plmr; shows one, with unit, tag and source of each number, and the "
             "published measurements that speak for or against it; checks a file "
             "of your own; and prints in what two differ.",
    .more = "For example:\n"
            "  plmr device show wse2",
    .options = options,
    .size = sizeof(plmr_texts),
    .run = run,
    .needs_no_ranks = true,
};
