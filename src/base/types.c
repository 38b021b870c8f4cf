#include "plmr/types.h"

const char *plmr_dtype_name(enum plmr_dtype dtype)
{
    static const char *const names[] = {[PLMR_F32] = "f32", [PLMR_F16] = "f16", [PLMR_BF16] = "bf16"};
    return (unsigned)dtype < sizeof names / sizeof *names ? names[dtype] : "unknown";
}
