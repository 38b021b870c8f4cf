#include "base/hint.h"

static bool has_options;

bool plmr_hint_options(bool on)
{
    bool before = has_options;
    has_options = on;
    return before;
}

const char *plmr_hint(const char *options, const char *otherwise)
{
    return has_options ? options : otherwise;
}
