/* drafts.h - what tests look for beside a file that is being written. */
#ifndef PLMR_TEST_DRAFTS_H
#define PLMR_TEST_DRAFTS_H

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>

/* How many drafts of this path there are. */
static inline int count_drafts(const char *path)
{
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s.*.part", path);
    int n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    if (n)
        globfree(&found);
    return n;
}

#endif
