#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hint.h"
#include "base/suggest.h"
#include "plmr/ranks.h"
#include "report/color.h"

static const void *const all[] = {
    &plmr_command_gemm,  &plmr_command_gemv,   &plmr_command_allreduce,  &plmr_command_generate, &plmr_command_llm,
    &plmr_command_tune,  &plmr_command_logits, &plmr_command_perplexity, &plmr_command_tokenize, &plmr_command_model,
    &plmr_command_paper, &plmr_command_device, &plmr_command_sweep,      &plmr_command_report,   &plmr_command_scale,
    &plmr_command_topo,  &plmr_command_bench,  &plmr_command_list,
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
           "  plmr --version        the version\n\n"
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

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* What plmr itself answers: sets *done if it did. */
static plmr_status answer(int argc, char **argv, bool *done)
{
    *done = true;
    PLMR_CHECK(argc > 1, PLMR_ERROR_INPUT, "a command is missing (see plmr --help)");
    if (is_one_of(argv[1], "--version", "-V", "version")) {
        if (plmr_rank() == 0)
            printf("plmr " PLMR_VERSION "\n");
    } else if (is_one_of(argv[1], "--help", "-h", "help")) {
        if (plmr_rank() == 0)
            print_help();
    } else {
        *done = false;
    }
    return PLMR_OK;
}

/* Errors may name options here. */
bool plmr_has_options(void)
{
    return true;
}

/* Says what went wrong and returns the exit code. */
static int report(const char *command, plmr_status error)
{
    int code = plmr_error_code(error) == PLMR_ERROR_SYSTEM ? PLMR_EXIT_FAILED : PLMR_EXIT_INPUT;
    if (plmr_rank() == 0)
        fprintf(stderr, "%splmr%s%s:%s %s\n", plmr_color(stderr, PLMR_RED), command ? " " : "", command ? command : "",
                plmr_color(stderr, PLMR_PLAIN), plmr_error_text(error));
    plmr_error_free(error);
    return code;
}

static int run(int argc, char **argv)
{
    bool done;
    plmr_status error = answer(argc, argv, &done);
    const plmr_command *command = done ? NULL : plmr_command_find(argv[1]);
    if (command)
        error = plmr_command_run(command, argc - 1, argv + 1);
    else if (!done)
        error = unknown_command(argv[1]);
    error = plmr_agree(error);
    int code = error ? report(command ? command->name : NULL, error) : PLMR_EXIT_OK;
    if ((fflush(stdout) != 0 || ferror(stdout)) && plmr_rank() == 0 && code == PLMR_EXIT_OK) {
        fputs("plmr: cannot write all of the output: is the disk full?\n", stderr);
        code = PLMR_EXIT_FAILED;
    }
    /* One rank's word is enough; more would only make mpirun or srun repeat it. */
    return plmr_rank() == 0 ? code : PLMR_EXIT_OK;
}

/* The options of all commands, for what is made of them: the manual, the tables of the README, the completion. Needs no
 * other rank, and no MPI. */
static int list_options(void)
{
    for (int i = 0; i < plmr_command_count(); i++)
        plmr_command_dump(stdout, plmr_command_at(i));
    return PLMR_EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--options") == 0)
        return list_options();
    plmr_status error = plmr_init(&argc, &argv);
    if (error)
        plmr_end_job("%s", plmr_error_text(error));
    int code = run(argc, argv);
    plmr_finalize();
    return code;
}
