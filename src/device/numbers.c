#include "device/device_internal.h"

const struct plmr_device_number plmr_device_numbers[PLMR_DEVICE_N_NUMBERS] = {
#define X(key, unit, least, most, meaning)                                                                             \
    {#key, unit, meaning, least, most, offsetof(plmr_device, key), offsetof(plmr_device, origin.key)},
    PLMR_DEVICE_NUMBERS(X)
#undef X
};
