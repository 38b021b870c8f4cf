#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "plmr/ranks.h"
#include "ranks/ranks.h"
#include "report/color.h"

/* What all commands take. */
typedef struct common {
    bool help;
    int64_t stall_s;
} common;

static const plmr_option common_options[] = {
    {"color", "auto|always|never", "", "Colour errors, progress and bars; auto: at a terminal, but for NO_COLOR",
     PLMR_READ_ALL(plmr_read_color), .first = true},
    {"stall", "SECONDS", "", "End with an error once a rank has waited so long for others; 0: never",
     PLMR_WHOLE(common, stall_s, 1000000000), .value = "600"},
    {"help", NULL, "", "Print this help and do nothing else", PLMR_FLAG(common, help), .letter = 'h'},
    {0},
};

/* Commands at work: some run others, which wait as long as these were told to. */
static int n_running;

/* Where a command's own struct lies, behind that. */
enum { OWN = (sizeof(common) + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t) };

/* A command's table, and what all take. */
struct tables {
    plmr_option rows[3];
};

static struct tables tables_of(const plmr_command *command)
{
    return (struct tables){{{.table = command->options, .member = OWN}, {.table = common_options}, {0}}};
}

static void print_usage(const plmr_command *command)
{
    const char *form = command->arguments ? command->arguments : "";
    do {
        int n = (int)strcspn(form, "\n");
        printf("%s %s%s [OPTION...]%s%.*s\n",
               form == command->arguments || !*form ? "Usage:" : "  or: ", command->alone ? "" : "plmr ", command->name,
               n ? " " : "", n, form);
        form += n;
    } while (*form++);
}

static void print_help(const plmr_command *command)
{
    struct tables tables = tables_of(command);
    print_usage(command);
    plmr_help_print(stdout, command->about);
    plmr_options_print(stdout, tables.rows);
    if (command->more)
        fputc('\n', stdout), plmr_help_print(stdout, command->more);
}

/* Only now: help and mistakes need no message layer, which may not start everywhere. */
static plmr_status start_ranks(const plmr_command *command)
{
    plmr_drafts_watch();
    if (command->needs_no_ranks || plmr_ranks_started())
        return PLMR_OK;
    PLMR_TRY(plmr_kernel_check());
    return plmr_end_if_alone(plmr_init(NULL, NULL));
}

plmr_status plmr_command_run_from(const plmr_command *command, const void *preset, int argc, char **argv)
{
    struct tables tables = tables_of(command);
    char name[40], *options = plmr_take_zeroed(1, OWN + command->size);
    bool help = false;
    if (preset)
        memcpy(options + OWN, preset, command->size);
    snprintf(name, sizeof name, "%s%.30s", command->alone ? "" : "plmr ", command->name);
    plmr_status status = plmr_options_read(tables.rows, name, argc, argv, options, &help);
    if (!status && n_running == 0)
        plmr_ranks_stall_after((int)((common *)options)->stall_s);
    if (!status && !help)
        status = start_ranks(command);
    if (!status && !help)
        status = plmr_agree(plmr_rank() == 0 ? plmr_options_check_files(tables.rows, name, argc, argv) : PLMR_OK);
    n_running++;
    if (!status && !help)
        status = command->run(options + OWN);
    else if (!status && plmr_rank() == 0)
        print_help(command);
    n_running--;
    free(options);
    return status;
}

plmr_status plmr_command_flush(plmr_status status)
{
    return status || plmr_rank() ? status : plmr_draft_flush_stdout();
}

plmr_status plmr_command_run(const plmr_command *command, int argc, char **argv)
{
    return plmr_command_run_from(command, NULL, argc, argv);
}

int plmr_command_rows(const plmr_command *command, plmr_option_row rows[PLMR_MOST_OPTIONS])
{
    struct tables tables = tables_of(command);
    return plmr_option_rows(tables.rows, rows);
}

void plmr_command_dump(FILE *out, const plmr_command *command)
{
    struct tables tables = tables_of(command);
    plmr_options_dump(out, command->name, tables.rows);
}
