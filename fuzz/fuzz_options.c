/* Fuzzes command lines: the first byte says which command, each line behind it is a word. Nothing is run. */
#include "fuzz.h"

#include "cli/cli.h"

#include <string.h>

enum { MOST_WORDS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *argv[MOST_WORDS + 1] = {NULL}, *text = malloc(n + 1), *rest = text;
    int argc = 1;
    bool help = false;
    if (!text || n == 0) {
        free(text);
        return 0;
    }
    memcpy(text, bytes + 1, n - 1);
    text[n - 1] = '\0';
    const plmr_command *command = plmr_command_at(bytes[0] % plmr_command_count());
    argv[0] = (char *)command->name;
    for (char *word; argc < MOST_WORDS && (word = strsep(&rest, "\n"));)
        argv[argc++] = word;
    void *options = calloc(1, command->size);
    check_line(plmr_options_read(command->options, "plmr fuzz", argc, argv, options, &help));
    free(options);
    free(text);
    return 0;
}
