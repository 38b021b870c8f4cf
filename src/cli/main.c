#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "plmr/ranks.h"

static const struct command {
    const char *name, *summary;
    plmr_status (*run)(int argc, char **argv);
} commands[] = {
    {"gemm", "multiply two matrices: C = A B", plmr_command_gemm},
    {"gemv", "multiply a vector by a matrix: y = x B", plmr_command_gemv},
    {"allreduce", "add up a vector over a row or a rectangle of cores", plmr_command_allreduce},
    {"generate", "continue a text with a language model on the wafer", plmr_command_generate},
    {"llm", "time a language model of any shape, with its values or without", plmr_command_llm},
    {"tune", "search for the regions, trees and placement that run a model fastest", plmr_command_tune},
    {"logits", "write a language model's logits after each token of a text", plmr_command_logits},
    {"perplexity", "measure how well a language model foretells a text", plmr_command_perplexity},
    {"tokenize", "turn text into a language model's token ids, and back", plmr_command_tokenize},
    {"model", "list the language models, show one: shape, size, place on a device", plmr_command_model},
    {"paper", "predict the tables and figures of the WaferLLM paper, beside what was published", plmr_command_paper},
    {"device", "list the devices, show one with its sources, check a file", plmr_command_device},
    {"sweep", "run an experiment: a command for every combination of some options", plmr_command_sweep},
    {"report", "make one HTML page of records and reports, to compare runs", plmr_command_report},
    {"scale", "run on several numbers of ranks: speed-up and efficiency", plmr_command_scale},
    {"topo", "show which rank owns which cores, and where it runs", plmr_command_topo},
    {"bench", "measure the emulator's own speed beside yardsticks", plmr_command_bench},
    {"list", "list the algorithms and devices", plmr_command_list},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    printf("Usage: plmr COMMAND [OPTION...]\n"
           "       mpirun -n RANKS plmr COMMAND [OPTION...]\n\n"
           "Emulates wafer-scale accelerators: runs language models, and the distributed\n"
           "matrix products that they are made of, on a mesh of many small cores, with\n"
           "real values, and says how many cycles they take there and what memory and\n"
           "routes they need.\n\n"
           "Commands:\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-11s %s\n", commands[i].name, commands[i].summary);
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

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static plmr_status unknown_command(const char *word)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = plmr_suggest(word, names, N_COMMANDS);
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

/* Says what went wrong and returns the exit code. */
static int report(const char *command, plmr_status error)
{
    int code = plmr_error_code(error) == PLMR_ERROR_SYSTEM ? PLMR_EXIT_FAILED : PLMR_EXIT_INPUT;
    if (plmr_rank() == 0)
        fprintf(stderr, "plmr%s%s: %s\n", command ? " " : "", command ? command : "", plmr_error_text(error));
    plmr_error_free(error);
    return code;
}

static int run(int argc, char **argv)
{
    bool done;
    plmr_status error = answer(argc, argv, &done);
    const struct command *command = done ? NULL : find_command(argv[1]);
    if (command)
        error = command->run(argc - 1, argv + 1);
    else if (!done)
        error = unknown_command(argv[1]);
    int code = error ? report(command ? command->name : NULL, error) : PLMR_EXIT_OK;
    if ((fflush(stdout) != 0 || ferror(stdout)) && plmr_rank() == 0 && code == PLMR_EXIT_OK) {
        fputs("plmr: cannot write all of the output: is the disk full?\n", stderr);
        code = PLMR_EXIT_FAILED;
    }
    /* One rank's word is enough; more would only make mpirun or srun repeat it. */
    return plmr_rank() == 0 ? code : PLMR_EXIT_OK;
}

int main(int argc, char **argv)
{
    plmr_status error = plmr_init(&argc, &argv);
    if (error) {
        fprintf(stderr, "plmr: %s\n", plmr_error_text(error));
        plmr_error_free(error);
        return PLMR_EXIT_FAILED;
    }
    int code = run(argc, argv);
    plmr_finalize();
    return code;
}
