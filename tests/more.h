/* more.h - more of one resource, for tests that nothing gets worse by it. */
#pragma once

#include "support.h"

#include "plmr/device.h"

/* Which, by chance; bytes_s is of links between wafers. */
static inline const char *test_give_more(plmr_device *device, int *n_wafers, double *bytes_s, uint32_t *state)
{
    static const char *const names[] = {"SRAM", "rows", "columns", "clock", "bandwidth", "wafers", "links"};
    int which = (int)(test_random(state) % 7);
    double more = 1.02 + (test_random(state) % 100) / 60.0;
    if (which == 0)
        device->sram = (double)(int64_t)(device->sram * more);
    else if (which < 3)
        *(which == 1 ? &device->rows : &device->cols) += 1 + test_random(state) % 9;
    else if (which == 3)
        device->clock *= more;
    else if (which == 4)
        device->link /= more, device->shift_wavelet /= more;
    else if (which == 5)
        *n_wafers += 1 + (int)(test_random(state) % 3);
    else
        *bytes_s *= more;
    return names[which];
}
