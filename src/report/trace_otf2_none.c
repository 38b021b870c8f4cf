/* In the place of OTF2's writer where the build has none. */
#include "report/trace.h"

static plmr_status open_none(const char *path, const plmr_trace_about *about, void **file)
{
    (void)about, (void)file;
    return plmr_error_make(PLMR_ERROR_INPUT,
                           "--trace: %s would be OTF2, which this plmr was built without: name a .json file, or build "
                           "with meson setup -Dotf2=enabled",
                           path);
}

const plmr_trace_format plmr_trace_otf2 = {.open = open_none};
