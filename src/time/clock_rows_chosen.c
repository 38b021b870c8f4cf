#include "time/clock_rows.h"

#include <string.h>

#include "kernel/kernel.h"

extern const plmr_clock_rows plmr_clock_rows_portable;
#if defined(__x86_64__)
extern const plmr_clock_rows plmr_clock_rows_avx2, plmr_clock_rows_avx512;
#endif

const plmr_clock_rows *plmr_clock_rows_chosen(void)
{
#if defined(__x86_64__)
    if (strcmp(plmr_kernel_name(), "avx512") == 0)
        return &plmr_clock_rows_avx512;
    if (strcmp(plmr_kernel_name(), "avx2") == 0)
        return &plmr_clock_rows_avx2;
#endif
    return &plmr_clock_rows_portable;
}
