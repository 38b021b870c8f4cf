/* hint.h - how an error says what to do about it: to a user of the command line by options, to one of the library in
 * its own terms.
 *
 *     PLMR_CHECK(n >= 3, PLMR_ERROR_INPUT, "a ring needs 3 cores, not %d: choose %s", n,
 *                plmr_hint("a larger --cores", "a region of more"));
 */
#pragma once

#include <stdbool.h>

/* Does whoever reads this program's errors give it options? False in the library; the command line tool brings its own,
 * which the linker prefers. */
bool plmr_has_options(void);

static inline const char *plmr_hint(const char *options, const char *otherwise)
{
    return plmr_has_options() ? options : otherwise;
}
