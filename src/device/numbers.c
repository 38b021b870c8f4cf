#include "device/check.h"
#include "device/defect_lists.h"
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

static plmr_status check_number(const plmr_device *device, const struct plmr_device_number *number)
{
    char wrong[80];
    double value = *plmr_device_value((plmr_device *)device, number);
    PLMR_CHECK(plmr_device_check_value(number, value, wrong, sizeof wrong), PLMR_ERROR_INPUT,
               "%.255s: %s: %s, expected %s (%g to %g)", *device->name ? device->name : "the device", number->key,
               wrong, number->unit, number->least, number->most);
    return PLMR_OK;
}

plmr_status plmr_device_check(const plmr_device *device)
{
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        PLMR_TRY(check_number(device, &plmr_device_numbers[i]));
    PLMR_CHECK(device->topology == PLMR_MESH || device->topology == PLMR_TORUS, PLMR_ERROR_INPUT,
               "%.255s: there is no topology %d: give PLMR_MESH or PLMR_TORUS", device->name, (int)device->topology);
    PLMR_CHECK(device->router == PLMR_STATIC || device->router == PLMR_XY, PLMR_ERROR_INPUT,
               "%.255s: there is no router %d: give PLMR_STATIC or PLMR_XY", device->name, (int)device->router);
    PLMR_CHECK(device->first[0] == 0 && device->first[1] == 0, PLMR_ERROR_INPUT,
               "%.255s: `first` is a part's own affair: leave it 0", device->name);
    return plmr_device_check_defects(device);
}
