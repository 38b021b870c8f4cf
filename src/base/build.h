/* build.h - which plmr this is, beside its version. All of it is local and touches no MPI. */
#pragma once

#include "plmr/status.h"

/* What git called the sources when this was built, with "-dirty" behind it if they had been changed; "unknown" of a
 * build from no checkout. */
extern const char plmr_build_revision[];

/* The linker's mark of the program or library that this code lies in, the same for the same code only; "" where the
 * linker leaves none. */
typedef struct plmr_build_id {
    char hex[48];
} plmr_build_id;

plmr_build_id plmr_build_id_here(void);

/* "plmr 1.0.0 (2f36663, build 3f0c...)" */
char *plmr_build_text(void);
