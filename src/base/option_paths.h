/* option_paths.h - the files and folders that a command line names, and whether they go together. Local. */
#pragma once

#include "base/option.h"

struct plmr_named_path;

/* {0}: none yet. */
typedef struct plmr_paths {
    struct plmr_named_path *at;
    int n;
} plmr_paths;

/* What the value of an option names, if anything. */
void plmr_paths_note(plmr_paths *paths, const plmr_option *option, const char *text);

/* See plmr_options_check_files. */
plmr_status plmr_paths_check(const plmr_paths *paths);

void plmr_paths_clear(plmr_paths *paths);
