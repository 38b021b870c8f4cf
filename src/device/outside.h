/* outside.h - what comes to cores from outside while they work: from DRAM, and what that does not hold from a host.
 *
 * Both give so many bytes a second in all, and their words come in over so many lanes, links of which each carries the
 * same share on to the cores that want them; so none is hotter than a lane. A million bytes on a wormhole, whose DRAM has
 * room for all, come at the slower of
 *
 *     1e6 / 265e9 * 1e9                    3,773.6 cycles, by DRAM's 265 GB/s at 1 GHz
 *     1e6 / (12 * 32) * 1.066667           2,777.8 cycles, by 12 lanes of 32-byte words
 */
#pragma once

#include "plmr/device.h"

typedef struct plmr_outside {
    double host_share;  /* of the bytes: what DRAM has no room for */
    double byte_cycles; /* that a byte takes, of all that come in */
    double byte_joules; /* NAN: not known */
} plmr_outside;

/* Of n_bytes that are kept outside, for a region of so many rows. Fails where the device's file does not say how fast they
 * come in: names the key. Local. */
plmr_status plmr_outside_of(const plmr_device *device, double n_bytes, int rows, plmr_outside *outside);

/* Whether the file says enough for any bytes to come in. Local. */
bool plmr_outside_is_known(const plmr_device *device);
