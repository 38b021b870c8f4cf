#include "report/color.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "report/progress.h"

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool is_dumb(void)
{
    const char *terminal = getenv("TERM");
    return terminal && strcmp(terminal, "dumb") == 0;
}

static bool is_colored(FILE *out)
{
    if (is_set("CLICOLOR_FORCE"))
        return true;
    return !is_set("NO_COLOR") && !is_dumb() && plmr_on_terminal(out);
}

const char *plmr_color(FILE *out, enum plmr_color color)
{
    static const char *const codes[] = {
        [PLMR_PLAIN] = "\033[0m", [PLMR_RED] = "\033[1;31m", [PLMR_BLUE] = "\033[34m", [PLMR_DIM] = "\033[2m"};
    return is_colored(out) ? codes[color] : "";
}

plmr_status plmr_read_color(const plmr_option *option, const char *text, void *member)
{
    static const char *const whens[] = {"auto", "always", "never"};
    int when;
    (void)member;
    PLMR_TRY(plmr_parse_word(plmr_option_shown(option).s, text, whens, 3, &when));
    unsetenv("CLICOLOR_FORCE");
    if (when > 0)
        setenv(when == 1 ? "CLICOLOR_FORCE" : "NO_COLOR", "1", 1);
    return PLMR_OK;
}
