/* Points that are numbers of a device, one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"
#include "validate/validate.h"

/* The options name, for what a point says that it is, the number and its unit: "hop cycles" or, of an inverse,
 * "1/mac_cycles_f16 elements/cycle"; "wavelet/link B/cycle". */
static double number_of(const plmr_device *device, const char *name, size_t n)
{
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        if (strlen(plmr_device_numbers[i].key) == n && strncmp(plmr_device_numbers[i].key, name, n) == 0)
            return *plmr_device_value((plmr_device *)device, &plmr_device_numbers[i]);
    return strtod(name, NULL);
}

/* "2*ramp+hop": sums of products and quotients, up to a space. */
static double value_of(const plmr_device *device, const char *text)
{
    double sum = 0, product = 1;
    bool divides = false;
    for (;;) {
        size_t n = strcspn(text, "+/* ");
        double value = number_of(device, text, n);
        product = divides ? product / value : product * value;
        divides = text[n] == '/';
        bool ends = !text[n] || text[n] == ' ';
        if (ends || text[n] == '+')
            sum += product, product = 1;
        if (ends)
            return sum;
        text += n + 1;
    }
}

static plmr_status run_number(plmr_trial_run *run)
{
    const char *name = json_string_value(json_object_get(json_object_get(run->options, "numbers"), run->point->what));
    const char *space = name ? strchr(name, ' ') : NULL;
    if (space)
        run->value = value_of(&run->device, name), run->unit = space + 1;
    return PLMR_OK;
}

const plmr_trial plmr_trial_number = {"number", "a number of the device, or two", run_number};
