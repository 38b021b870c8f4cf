/* devices.h - the list of shipped devices, for `plmr list` and `plmr device list`. */
#pragma once

#include "plmr/status.h"

/* Prints one line per device. Local. */
plmr_status plmr_devices_print(void);
