#include "base/point.h"

plmr_point plmr_point_begin(void)
{
    plmr_point point = {.before = uselocale((locale_t)0)};
    locale_t like = duplocale(point.before);
    point.own = like ? newlocale(LC_NUMERIC_MASK, "C", like) : (locale_t)0;
    uselocale(point.own);
    return point;
}

void plmr_point_end(plmr_point point)
{
    uselocale(point.before);
    if (point.own)
        freelocale(point.own);
}
