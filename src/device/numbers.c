#include "device/device_internal.h"

#include <math.h>
#include <string.h>

const struct plmr_device_number plmr_device_numbers[PLMR_DEVICE_N_NUMBERS] = {
#define X(key, unit, least, most, meaning)                                                                             \
    {#key, unit, meaning, least, most, offsetof(plmr_device, key), offsetof(plmr_device, origin.key)},
    PLMR_DEVICE_NUMBERS(X)
#undef X
};

static bool is_count(const struct plmr_device_number *number)
{
    static const char *const counts[] = {"cores",   "bytes",   "routes", "elements", "wavelets",
                                         "packets", "routers", "lanes",  "number"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(counts[i], number->unit) == 0)
            return true;
    return false;
}

bool plmr_device_check_value(const struct plmr_device_number *number, double value, char *wrong, size_t size)
{
    bool in_range = value >= number->least && value <= number->most;
    bool whole = !is_count(number) || value == floor(value);
    if (!in_range)
        snprintf(wrong, size, "%.15g is out of range", value);
    else if (!whole)
        snprintf(wrong, size, "%.15g is not a whole number", value);
    return in_range && whole;
}
