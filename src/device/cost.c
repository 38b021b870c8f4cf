#include "plmr/device.h"

#include <math.h>

int64_t plmr_device_wavelets(const plmr_device *device, int64_t n_bytes)
{
    return device && device->wavelet >= 1 && n_bytes >= 0 ? plmr_ceil_div(n_bytes, (int64_t)device->wavelet) : -1;
}

double plmr_device_vector_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t n)
{
    bool wide = dtype == PLMR_F32;
    double group = !device ? 0 : wide ? device->mac_group_f32 : device->mac_group_f16;
    if (!(group >= 1) || n < 0)
        return NAN;
    double cycles = wide ? device->mac_cycles_f32 : device->mac_cycles_f16;
    return device->vector_issue + cycles * (double)plmr_ceil_div(n, (int64_t)group);
}

double plmr_device_multiply_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t m, int64_t k, int64_t n)
{
    if (!device || n < 0 || k < 0)
        return NAN;
    return (double)k * (device->tile_loop + (double)n * plmr_device_vector_cycles(device, dtype, m));
}

double plmr_device_gemv_cycles(const plmr_device *device, enum plmr_dtype dtype, int64_t k, int64_t n)
{
    return k < 0 ? NAN : (double)k * plmr_device_vector_cycles(device, dtype, n);
}

/* Bytes of SRAM that a multiply-add reads and writes: an operand, the sum, and the sum again. */
enum { ELEMENTS_OF_MAC = 3 };

plmr_energy plmr_device_energy(const plmr_device *device, enum plmr_dtype dtype, double multiply_adds,
                               double wavelet_hops, double t_cycles)
{
    if (!device)
        return (plmr_energy){NAN, NAN, NAN, NAN};
    double mac = (dtype == PLMR_F32 ? device->mac_energy_f32 : device->mac_energy_f16) * 1e-12;
    double sram = device->sram_energy * ELEMENTS_OF_MAC * (double)plmr_dtype_bytes(dtype) * 1e-12;
    if (mac <= 0 || sram <= 0 || device->hop_energy <= 0 || device->idle_power <= 0)
        return (plmr_energy){NAN, NAN, NAN, NAN};
    return (plmr_energy){
        .compute_j = mac * multiply_adds,
        .sram_j = sram * multiply_adds,
        .fabric_j = device->hop_energy * 1e-12 * wavelet_hops,
        .idle_j = device->idle_power * t_cycles / device->clock,
    };
}

double plmr_energy_sum(plmr_energy energy)
{
    return energy.compute_j + energy.sram_j + energy.fabric_j + energy.idle_j;
}

double plmr_device_quantise(double cycles)
{
    return floor(cycles * 64 + 0.5) / 64;
}
