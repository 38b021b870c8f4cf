/* settings.h - what a run may not differ in from the one whose checkpoint it goes on with. */
#pragma once

#include "cli/command.h"
#include "run/llm.h"

/* The row of an option --checkpoint, of a run whose steps are called so. */
#define PLMR_CHECKPOINT(type, m, steps)                                                                                \
    {                                                                                                                  \
        "checkpoint", "DIR", PLMR_TITLE_OUTPUT,                                                                        \
            "Keep there, once a minute (DIR:every N: N " steps "), what a run that is broken off needs to go on",      \
            PLMR_TEXT_FOLDER(type, m), .path_end = ":every "                                                           \
    }

/* Its options, device and files, by what errors call them; NULL on ranks but 0. For the caller to json_decref. */
json_t *plmr_run_settings(const plmr_command *command, const plmr_llm_run *run);
