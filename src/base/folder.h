/* folder.h - makes a folder, and those that it lies in. */
#ifndef PLMR_BASE_FOLDER_H
#define PLMR_BASE_FOLDER_H

#include "plmr/status.h"

/* One that is there already is left as it is. Local. */
plmr_status plmr_folder_make(const char *option, const char *path);

#endif
