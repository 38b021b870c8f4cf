#include "device/wafers.h"

#include <math.h>
#include <string.h>

#include "base/parse.h"

plmr_status plmr_wafer_link_of(const plmr_device *d, const char *text, bool is_needed, plmr_wafer_link *link)
{
    bool is_devices = text ? strcmp(text, "device") == 0 : is_needed;
    *link = (plmr_wafer_link){.byte_j = d->wafer_energy > 0 ? d->wafer_energy * 1e-12 : NAN};
    if (!text && !is_needed)
        return PLMR_OK;
    link->is_devices = is_devices;
    link->bytes_s = d->wafer_rate;
    link->latency_s = is_devices ? d->wafer_latency : 0;
    bool given = is_devices || plmr_is_decimal(text, &link->bytes_s);
    PLMR_CHECK(is_devices || (given && link->bytes_s >= 1 && link->bytes_s <= 1e18), PLMR_ERROR_INPUT,
               "--link: '%.60s' is neither bytes a second, 1 to 1e18, nor device", text);
    PLMR_CHECK(link->bytes_s > 0, PLMR_ERROR_INPUT,
               "--link: %s does not say how fast bytes get from one to another: give --link B, bytes a second, or its "
               "file wafer_rate",
               d->name);
    return PLMR_OK;
}
