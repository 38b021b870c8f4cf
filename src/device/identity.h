/* identity.h - which device a run has had: the file that it is read from, and what its numbers come to. Local. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "plmr/device.h"

/* The file of a device, as the command line names it, perhaps with numbers of its own; `room` is for its path. */
plmr_status plmr_device_file(const char *name_or_file, char *room, size_t size, const char **path);

/* Goes on with a hash by all that a device's costs depend on, whatever file or option it comes from. */
uint64_t plmr_device_hash(uint64_t hash, const plmr_device *device);
