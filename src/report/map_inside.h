/* map_inside.h - the inside of maps, for the files that make them; see map.h for the forms. */
#pragma once

#include "report/map.h"

/* Numbers, of which those that are all alike are one. */
json_t *plmr_map_number(double value);
json_t *plmr_map_numbers(const double *values, size_t n);

/* "links". Collective; NULL on ranks other than 0. */
json_t *plmr_map_links(const plmr_region *region);

/* "borders" and "defects". Local. */
json_t *plmr_map_borders(const plmr_region *region);
json_t *plmr_map_defects(const plmr_region *region);
