/* share.h - finds the data files that come with plmr: devices, models, experiments.
 *
 * The share directories, in the order in which they are searched: $PLMR_SHARE; share/plmr beside the bin directory of
 * this executable; the installed one; the source tree's. All functions here are local and touch no MPI.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "plmr/status.h"

/* Puts the path of the first share directory's file or folder `relative` ("devices/wse2.json") into path. */
plmr_status plmr_share_path(const char *relative, char *path, size_t size);

/* How a file is named where others read it: one of a share directory as "share/devices/wse2.json", wherever that lies;
 * any other by its path. For the caller to free. */
char *plmr_share_shown(const char *path);

/* Things that users call by name or bring as a file of their own. */
typedef struct plmr_shared {
    const char *what, *folder; /* "device", "devices" */
    const char *suffixes[3];   /* of their files; NULL after the last */
    const char *file;          /* "the path of a JSON file" */
} plmr_shared;

/* The names of all that come with plmr, less their suffixes, from all share directories; sorted, each once. One
 * allocation (array and strings) that the caller frees, also when there is none. A directory that is there and cannot be read
 * is a failure of the system. */
plmr_status plmr_share_names(const plmr_shared *shared, char ***names, int *n_names);

/* The path of what a user has named: an argument that contains a '/', ends in one of the suffixes or names an existing
 * file is one; any other is a name, whose path is put into `room`. An error tells which names there are. */
plmr_status plmr_share_find(const plmr_shared *shared, const char *argument, char *room, size_t size,
                            const char **path);

/* Whether something of this path is there, and no folder. */
bool plmr_is_file(const char *path);
