#include "plmr/device.h"

#include <math.h>

int64_t plmr_device_wavelets(const plmr_device *device, int64_t n_bytes)
{
    return plmr_ceil_div(n_bytes, (int64_t)device->wavelet);
}

double plmr_device_vector_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t n)
{
    bool wide = dtype == PLMR_F32;
    int64_t group = (int64_t)(wide ? device->mac_group_f32 : device->mac_group_f16);
    double cycles = wide ? device->mac_cycles_f32 : device->mac_cycles_f16;
    return device->vector_issue + cycles * (double)plmr_ceil_div(n, group);
}

double plmr_device_multiply_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t m, int64_t k, int64_t n)
{
    return (double)k * (device->tile_loop + (double)n * plmr_device_vector_cycles(device, dtype, m));
}

double plmr_device_gemv_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t k, int64_t n)
{
    return (double)k * plmr_device_vector_cycles(device, dtype, n);
}

double plmr_device_quantise(double cycles)
{
    return floor(cycles * 64 + 0.5) / 64;
}
