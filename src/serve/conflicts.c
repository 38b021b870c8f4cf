#include "serve/conflicts.h"

#include <string.h>

enum { MOST = 24 };

static const struct {
    const char *given, *others[MOST], *why;
} conflicts[] = {
    {"trace",
     {"rate", "find-rate", "lengths", "burst", "prefix", "urgent"},
     "its file says all of its requests, with columns for prefixes and priorities"},
    {"find-rate", {"rate"}, "it looks for the rate"},
    {"http",
     {"rate", "trace", "find-rate", "requests", "lengths", "burst", "prefix", "urgent", "seed", "prompts", "draft",
      "prompt-wafers", "prompt-replicas"},
     "requests come from outside, to one replica"},
    {"http", {"checkpoint"}, "who has asked is gone when a run goes on"},
    {"http", {"json", "report", "every-step"}, "it answers until it is ended, and sums nothing up"},
    {"prompt-wafers", {"prompt-replicas"}, "they say the same"},
    {"report", {"checkpoint"}, "it draws all from the start on"},
};

static const struct {
    const char *given, *needed, *why;
} needs[] = {
    {"ahead", "draft", "guesses are a draft's"},
    {"accept", "draft", "guesses are a draft's"},
    {"draft", "accept", "how often a draft is right does not follow from its shape"},
    {"allow-remote", "http", "nothing is reached without it"},
};

static bool gives(const plmr_words *line, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < line->n; i++) {
        const char *word = line->at[i];
        if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, n) == 0 && (!word[2 + n] || word[2 + n] == '='))
            return true;
    }
    return false;
}

plmr_status plmr_serve_check_line(const plmr_words *line)
{
    for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++)
        for (const char *const *other = conflicts[i].others; *other && gives(line, conflicts[i].given); other++)
            PLMR_CHECK(!gives(line, *other), PLMR_ERROR_INPUT, "--%s means nothing beside --%s: %s", *other,
                       conflicts[i].given, conflicts[i].why);
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        PLMR_CHECK(!gives(line, needs[i].given) || gives(line, needs[i].needed), PLMR_ERROR_INPUT,
                   "--%s means nothing without --%s: %s", needs[i].given, needs[i].needed, needs[i].why);
    return PLMR_OK;
}
