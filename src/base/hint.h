/* hint.h - how an error says what to do about it: to a user of commands by options, to one of the library in its own terms.
 *
 *     PLMR_CHECK(n >= 3, PLMR_ERROR_INPUT, "a ring needs 3 cores, not %d: choose %s", n,
 *                plmr_hint("a larger --cores", "a region of more"));
 */
#pragma once

#include <stdbool.h>

/* Does whoever reads errors from now on give options? Not at first; while a command runs. Returns what was so before. */
bool plmr_hint_options(bool on);

const char *plmr_hint(const char *options, const char *otherwise);
