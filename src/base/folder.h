/* folder.h - makes a folder, and those that it lies in. */
#pragma once

#include "plmr/status.h"

/* One that is there already is left as it is. Local. */
plmr_status plmr_folder_make(const char *option, const char *path);

/* Whether it could be made, and files in it. Leaves nothing behind. Local. */
plmr_status plmr_folder_try(const char *option, const char *path);
