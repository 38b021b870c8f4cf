/* hint.h - how an error says what to do about it: to a user of commands by options, to one of the library in its own terms.
 *
 *     PLMR_CHECK(n >= 3, PLMR_ERROR_INPUT, "a ring needs 3 cores, not %d: choose %s", n,
 *                plmr_hint("a larger --cores", "a region of more"));
 */
#pragma once

/* The options that whoever reads errors from now on may give: those of commands, or of a program of a user's own. */
typedef enum plmr_hints {
    PLMR_HINT_NONE, /* as at first */
    PLMR_HINT_ALL,
    PLMR_HINT_PROGRAM,       /* all but --alg */
    PLMR_HINT_PROGRAM_FIXED, /* and but --cores */
} plmr_hints;

/* Returns what was so before. */
plmr_hints plmr_hint_options(plmr_hints options);

/* `option`, which names one, if it may be given. */
const char *plmr_hint(const char *option, const char *otherwise);
