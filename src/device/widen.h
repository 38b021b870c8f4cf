/* widen.h - what it costs a core to make packed elements (base/packed.h) what it multiplies with. */
#pragma once

#include "base/packed.h"
#include "plmr/device.h"

/* Cycles for each element; 0: the device's file does not say. */
static inline double plmr_device_widen_element(const plmr_device *device, enum plmr_packed packed)
{
    return packed == PLMR_F8 ? device->widen_f8 : packed == PLMR_I8 ? device->widen_i8 : device->widen_i4;
}

/* Cycles for n of them in one go; 0 for what is not packed. */
static inline double plmr_device_widen_cycles(const plmr_device *device, enum plmr_packed packed, int64_t n)
{
    return packed ? device->vector_start + plmr_device_widen_element(device, packed) * (double)n : 0;
}
