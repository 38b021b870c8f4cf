/* json_locate.h - the line of a JSON text on which something stands, for errors. Local. */
#pragma once

/* The line, from 1, to which a path leads in `text`, valid JSON whose root is an object or an array: each step is the
 * key of a member, or the index of an element ("0", "1", ...). Where a step leads nowhere, the line of the last one
 * that did, at first of the root. */
int plmr_json_locate_path(const char *text, const char *const *path, int n_steps);
