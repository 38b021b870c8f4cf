/* Units: words, perhaps over another word, with SI prefixes. */
#include <string.h>

#include "validate/validate.h"

/* What is counted; a plural's s may follow. */
static const char *const nouns[] = {
    "cycle", "element", "iteration", "wavelet", "word", "MAC",     "token", "tok", "user", "hop", "count", "cell",
    "byte",  "B",       "bit",       "b",       "FLOP", "FLOPS",   "W",     "J",   "Hz",   "s",   "sec",   "m",
    "x",     "%",       "",          "message", "step", "request", "core",  "PE",  "op",   "OP",  "OPS",   "K"};
static const char *const prefixes[] = {"", "k", "K", "M", "G", "T", "P", "Ki", "Mi", "Gi", "n", "u", "m", "p", "f"};

static bool is_noun(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        size_t length = strlen(nouns[i]);
        if (strncmp(word, nouns[i], length) == 0 && (n == length || (n == length + 1 && word[length] == 's')))
            return true;
    }
    return false;
}

static bool is_word(const char *word, size_t n)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        if (n > length && strncmp(word, prefixes[i], length) == 0 && is_noun(word + length, n - length))
            return true;
    }
    return false;
}

/* "% of ideal cycles": what is behind a percent sign says of what. */
bool plmr_unit_known(const char *unit)
{
    if (strncmp(unit, "% ", 2) == 0)
        return true;
    size_t n = strcspn(unit, "/");
    while (is_word(unit, n)) {
        if (!unit[n])
            return true;
        unit += n + 1;
        n = strcspn(unit, "/");
    }
    return false;
}

double plmr_unit_seconds(const char *unit, const plmr_device *device)
{
    static const struct {
        const char *name;
        double seconds;
    } times[] = {{"s", 1}, {"sec", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};
    size_t n = strcspn(unit, "/");
    if ((n == 5 || n == 6) && strncmp(unit, "cycles", n) == 0)
        return 1 / device->clock;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(unit, times[i].name) == 0)
            return times[i].seconds;
    return 0;
}
