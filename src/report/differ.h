/* differ.h - two records of the same run, held against each other. Local. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Whether a key of records tells of the host, of the program, of a sweep or of how far times can be trusted by what is
 * measured at present, and not of what was run. */
bool plmr_key_is_of_host(const char *key);

/* Called with each figure that is not the same now; NULL: it is missing. */
typedef void plmr_differ_fn(void *context, const char *key, const json_t *before, const json_t *now);

/* Compares all keys of `before` but those; what `now` has beyond them is no difference. Returns how many differ. */
int plmr_differ(const json_t *before, const json_t *now, plmr_differ_fn *tell, void *context);
