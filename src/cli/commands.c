/* The commands, and running one. */
#include "plmr/commands.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/build.h"
#include "base/given.h"
#include "base/hint.h"
#include "base/memory.h"
#include "base/point.h"
#include "base/share.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "plmr/ranks.h"

static const void *const all[] = {
    &plmr_command_gemm,       &plmr_command_gemv,      &plmr_command_allreduce, &plmr_command_generate,
    &plmr_command_llm,        &plmr_command_tune,      &plmr_command_serve,     &plmr_command_logits,
    &plmr_command_perplexity, &plmr_command_tokenize,  &plmr_command_model,     &plmr_command_paper,
    &plmr_command_validate,   &plmr_command_calibrate, &plmr_command_device,    &plmr_command_sweep,
    &plmr_command_report,     &plmr_command_scale,     &plmr_command_topo,      &plmr_command_bench,
    &plmr_command_list,       &plmr_command_verify,
};
const plmr_registry plmr_command_registry = {all, sizeof all / sizeof *all};

static void print_help(void)
{
    printf("Usage: plmr COMMAND [OPTION...]\n"
           "       mpirun -n RANKS plmr COMMAND [OPTION...]\n\n"
           "Emulates wafer-scale accelerators: runs language models, and the distributed\n"
           "matrix products that they are made of, on a mesh of many small cores, with\n"
           "real values, and says how many cycles they take there and what memory and\n"
           "routes they need.\n\n"
           "Commands:\n");
    for (int i = 0; i < plmr_command_count(); i++)
        printf("  %-11s %s\n", plmr_command_at(i)->name, plmr_command_at(i)->summary);
    printf("\n"
           "  plmr COMMAND --help   the options of a command\n"
           "  plmr --version        the version\n"
           "  plmr --options        the options of all commands, a line each, for programs\n\n"
           "For example, a text by the model that comes with plmr, or by one of your own:\n"
           "  plmr generate -p \"Once upon a time\" --temp 0.8 --seed 7\n"
           "  mpirun -n 4 plmr generate -m model.gguf -p \"Once upon a time\" -n 64\n"
           "What a large one would take, without its weights:\n"
           "  plmr llm --model qwen2-72b --layers 0..7 --phase decode --context 4096\n"
           "All matrix products on a part of a wafer, with the values checked:\n"
           "  mpirun -n 2 plmr gemm --m 2048 --k 2048 --n 2048 --cores 360x360 --verify\n");
}

static plmr_status unknown_command(const char *word)
{
    const char *names[sizeof all / sizeof *all];
    for (int i = 0; i < plmr_command_count(); i++)
        names[i] = plmr_command_at(i)->name;
    const char *near = plmr_suggest(word, names, plmr_command_count());
    return plmr_error_make(PLMR_ERROR_INPUT, "unknown command '%.60s'%s%s%s (see plmr --help)", word,
                           near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* And where the devices and models that have names come from. */
static void print_version(void)
{
    char *text = plmr_build_text(), share[PATH_MAX];
    plmr_status none = plmr_share_path("devices", share, sizeof share);
    printf("%s, with %.*s\n", text, none ? 13 : (int)(strlen(share) - strlen("/devices")),
           none ? "no data files" : share);
    plmr_error_free(none);
    free(text);
}

/* For what is made of them: the manual, the tables of the README, the completion. */
static void print_options(void)
{
    char *text = plmr_commands_help();
    fputs(text, stdout);
    free(text);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* What plmr itself answers: sets *done if it did. */
static plmr_status answer(int argc, const char *word, bool *done)
{
    *done = true;
    PLMR_CHECK(argc > 0 && word, PLMR_ERROR_INPUT, "a command is missing (see plmr --help)");
    if (is_one_of(word, "--version", "-V", "version")) {
        if (plmr_rank() == 0)
            print_version();
    } else if (is_one_of(word, "--help", "-h", "help")) {
        if (plmr_rank() == 0)
            print_help();
    } else if (argc == 1 && strcmp(word, "--options") == 0) {
        if (plmr_rank() == 0)
            print_options();
    } else {
        *done = false;
    }
    return PLMR_OK;
}

static plmr_status run(int argc, const char *const *argv)
{
    bool done;
    PLMR_TRY(answer(argc, argv[0], &done));
    const plmr_command *command = done ? NULL : plmr_command_find(argv[0]);
    char **words = plmr_take(((size_t)argc + 1) * sizeof *words); /* readers of options step through it */
    for (int i = 0; i < argc; i++)
        words[i] = (char *)argv[i];
    words[argc] = NULL;
    plmr_status status = command ? plmr_command_run(command, argc, words) : done ? PLMR_OK : unknown_command(argv[0]);
    free(words);
    return status;
}

plmr_status plmr_commands_run(int argc, const char *const *argv)
{
    PLMR_GIVEN(argv);
    plmr_hints before = plmr_hint_options(PLMR_HINT_ALL);
    plmr_point point = plmr_point_begin();
    plmr_status status = plmr_agree(plmr_command_flush(run(argc, argv)));
    plmr_point_end(point);
    plmr_hint_options(before);
    return status;
}

char *plmr_commands_help(void)
{
    char *text;
    size_t size;
    FILE *out = plmr_take_stream(&text, &size);
    for (int i = 0; i < plmr_command_count(); i++)
        plmr_command_dump(out, plmr_command_at(i));
    plmr_stream_end(out);
    return text;
}
