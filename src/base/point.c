#include "base/point.h"

#include <langinfo.h>
#include <string.h>

plmr_point plmr_point_begin(void)
{
    if (strcmp(nl_langinfo(RADIXCHAR), ".") == 0)
        return (plmr_point){0};
    plmr_point point = {.before = uselocale((locale_t)0)};
    locale_t like = duplocale(point.before);
    point.own = like ? newlocale(LC_NUMERIC_MASK, "C", like) : (locale_t)0;
    uselocale(point.own);
    return point;
}

void plmr_point_end(plmr_point point)
{
    if (!point.own)
        return;
    uselocale(point.before);
    freelocale(point.own);
}
