#include "base/hint.h"

__attribute__((weak)) bool plmr_has_options(void)
{
    return false;
}
