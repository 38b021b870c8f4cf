/* Units: words, perhaps over another word, with SI prefixes. */
#include <math.h>
#include <string.h>

#include "validate/validate.h"

/* What is counted. */
enum kind {
    NOTHING,
    CYCLES,
    TIME,
    BYTES,
    TOKENS,
    CELLS,
    ELEMENTS,
    ITERATIONS,
    WAVELETS,
    WORDS,
    MACS,
    FLOPS,
    OPERATIONS,
    MESSAGES,
    STEPS,
    REQUESTS,
    CORES,
    USERS,
    HOPS,
    ENERGY,
    LENGTH,
    TEMPERATURE,
    N_KINDS
};

/* A plural's s may follow. Some are of a second. */
static const struct noun {
    const char *word;
    enum kind kind;
    double scale;
    int rate;
} nouns[] = {
    {"cycle", CYCLES, 1, 0},     {"s", TIME, 1, 0},        {"sec", TIME, 1, 0},         {"B", BYTES, 1, 0},
    {"byte", BYTES, 1, 0},       {"b", BYTES, 0.125, 0},   {"bit", BYTES, 0.125, 0},    {"token", TOKENS, 1, 0},
    {"tok", TOKENS, 1, 0},       {"cell", CELLS, 1, 0},    {"element", ELEMENTS, 1, 0}, {"iteration", ITERATIONS, 1, 0},
    {"wavelet", WAVELETS, 1, 0}, {"word", WORDS, 1, 0},    {"MAC", MACS, 1, 0},         {"FLOP", FLOPS, 1, 0},
    {"op", OPERATIONS, 1, 0},    {"OP", OPERATIONS, 1, 0}, {"message", MESSAGES, 1, 0}, {"step", STEPS, 1, 0},
    {"request", REQUESTS, 1, 0}, {"core", CORES, 1, 0},    {"PE", CORES, 1, 0},         {"user", USERS, 1, 0},
    {"hop", HOPS, 1, 0},         {"J", ENERGY, 1, 0},      {"m", LENGTH, 1, 0},         {"K", TEMPERATURE, 1, 0},
    {"count", NOTHING, 1, 0},    {"x", NOTHING, 1, 0},     {"%", NOTHING, 0.01, 0},     {"FLOPS", FLOPS, 1, 1},
    {"OPS", OPERATIONS, 1, 1},   {"W", ENERGY, 1, 1},      {"Hz", NOTHING, 1, 1}};
enum { N_NOUNS = sizeof nouns / sizeof *nouns };

static const struct prefix {
    const char *text;
    double scale;
} prefixes[] = {{"", 1},     {"k", 1e3},  {"K", 1e3},     {"M", 1e6},     {"G", 1e9},
                {"T", 1e12}, {"P", 1e15}, {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30},
                {"n", 1e-9}, {"u", 1e-6}, {"m", 1e-3},    {"p", 1e-12},   {"f", 1e-15}};

struct unit {
    double scale; /* beside cycles */
    int cycles;   /* how often they are a factor: of time, too */
    int powers[N_KINDS];
};

static bool starts(const char *text, size_t n, const char *start)
{
    return n >= strlen(start) && strncmp(text, start, strlen(start)) == 0;
}

/* What a word without its plural's s begins with; NULL: it is no such noun. */
static const struct prefix *prefix_of(const char *word, size_t n, const struct noun *noun)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i].text);
        if (starts(word, n, prefixes[i].text) && n - length == strlen(noun->word) &&
            starts(word + length, n - length, noun->word))
            return &prefixes[i];
    }
    return NULL;
}

/* "ms" is no plural: whole words go first. */
static const struct noun *find_noun(const char *word, size_t n, const struct prefix **prefix)
{
    for (int plural = 0; plural <= (n > 1 && word[n - 1] == 's'); plural++)
        for (int i = 0; i < N_NOUNS; i++)
            if ((*prefix = prefix_of(word, n - (size_t)plural, &nouns[i])))
                return &nouns[i];
    return NULL;
}

static bool multiply(struct unit *unit, const char *word, size_t n, int power)
{
    const struct prefix *prefix;
    const struct noun *noun = find_noun(word, n, &prefix);
    if (!noun)
        return false;
    double scale = prefix->scale * noun->scale;
    unit->scale = power > 0 ? unit->scale * scale : unit->scale / scale;
    unit->cycles += noun->kind == CYCLES ? power : 0;
    unit->powers[noun->kind == CYCLES ? TIME : noun->kind] += power;
    unit->powers[TIME] -= noun->rate * power;
    return true;
}

/* "% of ideal cycles": what is behind a percent sign says of what. */
static bool read_unit(const char *text, struct unit *unit)
{
    *unit = (struct unit){.scale = 1};
    size_t n = strncmp(text, "% ", 2) == 0 ? 1 : strcspn(text, "/");
    for (int power = 1; multiply(unit, text, n, power); power = -1) {
        if (text[n] != '/') {
            unit->powers[NOTHING] = 0;
            return true;
        }
        text += n + 1;
        n = strcspn(text, "/");
    }
    return false;
}

bool plmr_unit_known(const char *text)
{
    struct unit unit;
    return read_unit(text, &unit);
}

static double si_scale(const struct unit *unit, double clock)
{
    return unit->cycles < 0 ? unit->scale * pow(clock, -unit->cycles) : unit->scale / pow(clock, unit->cycles);
}

double plmr_unit_convert(double value, const char *from, const char *to, const plmr_device *device)
{
    struct unit a, b;
    if (!read_unit(from, &a) || !read_unit(to, &b) || memcmp(a.powers, b.powers, sizeof a.powers) != 0)
        return NAN;
    double scale_a = si_scale(&a, device->clock), scale_b = si_scale(&b, device->clock);
    return scale_a == scale_b ? value : value * scale_a / scale_b;
}
