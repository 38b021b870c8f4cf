/* check.h - devices that a program has filled, or changed, by hand. */
#pragma once

#include "plmr/device.h"

/* Whether a device is one that a file could describe: the error names the number that none could have. Local. */
plmr_status plmr_device_check(const plmr_device *device);
