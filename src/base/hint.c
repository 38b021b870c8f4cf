#include "base/hint.h"

#include <stdbool.h>
#include <string.h>

static plmr_hints given;

plmr_hints plmr_hint_options(plmr_hints options)
{
    plmr_hints before = given;
    given = options;
    return before;
}

const char *plmr_hint(const char *option, const char *otherwise)
{
    bool lacks = given == PLMR_HINT_NONE || (given >= PLMR_HINT_PROGRAM && strstr(option, "--alg")) ||
                 (given == PLMR_HINT_PROGRAM_FIXED && strstr(option, "--cores"));
    return lacks ? otherwise : option;
}
