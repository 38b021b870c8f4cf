/* devices.h - the list of shipped devices, for `plmr list` and `plmr device list`. */
#ifndef PLMR_DEVICES_H
#define PLMR_DEVICES_H

#include "plmr/status.h"

/* Prints one line per device. Local. */
plmr_status plmr_devices_print(void);

#endif
