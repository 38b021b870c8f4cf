/* share.h - finds the data files that come with plmr: devices, models, experiments.
 *
 * The share directories, in the order in which they are searched: $PLMR_SHARE; share/plmr beside the bin directory of
 * this executable; the installed one; the source tree's. All functions here are local and touch no MPI.
 */
#pragma once

#include <stddef.h>

#include "plmr/status.h"

/* Puts the path of the first share directory's file or folder `relative` ("devices/wse2.json") into path. */
plmr_status plmr_share_path(const char *relative, char *path, size_t size);

/* The names, less their suffix, of all files in `folder` that end in one of these, of which NULL is the last, in any
 * share directory; sorted, each once. One allocation (array and strings) that the caller frees, also when there is
 * none. */
char **plmr_share_names(const char *folder, const char *const *suffixes, int *n_names);
