/* wafers.h - the way from one wafer to another, by which caches and activations go. */
#pragma once

#include "plmr/device.h"

typedef struct plmr_wafer_link {
    double bytes_s, latency_s; /* each way; 0 bytes a second: ways are as those within a wafer */
    double byte_j;             /* NAN: not known */
    bool is_devices;           /* times rest on the device's file */
} plmr_wafer_link;

/* "100e9" is bytes a second, at once there; "device" is what the device's file says. NULL: the device's, if one is
 * needed, or none. What the file does not say is refused by its key. Local. */
plmr_status plmr_wafer_link_of(const plmr_device *device, const char *text, bool is_needed, plmr_wafer_link *link);
