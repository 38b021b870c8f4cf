/* json_locate.h - the line of a JSON text on which something stands, for errors. Local. */
#ifndef PLMR_JSON_LOCATE_H
#define PLMR_JSON_LOCATE_H

/* The line, from 1, on which `text` has the member `sub` of the root object's member `key`; where there is no such sub
 * (or sub is NULL) the line of key, and where there is no key either the line on which the root object starts. `text`
 * must be valid JSON with an object as its root. */
int plmr_json_locate(const char *text, const char *key, const char *sub);

/* The same at any depth: each step is the key of a member, or the index of an element ("0", "1", ...). Where a step
 * leads nowhere, the line of the last one that did. The root may be an array too. */
int plmr_json_locate_path(const char *text, const char *const *path, int n_steps);

#endif
