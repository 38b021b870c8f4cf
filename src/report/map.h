/* clang-format off */
/* map.h - a region after a program, core by core, as JSON: what a report draws the wafer from.
 *
 * {"name", "rows", "cols", "cycles": end of the program,
 *  "compute", "moving": {"shift", "multicast", "reduce"}: cycles of every core,
 *  "adding": {"x": by column, "y": by row}: cycles that a core takes streams in, beside those,
 *  "clock": when each core is done: {"x": by column, "y": by row}, whose sum it is; or, where it is none, {"values",
 *    "bits": 8 | 16, "cores": base64 of an index into the values for each core, row by row, little end first}; or, of
 *    more than 65,536 different clocks, {"most", "step", "bits": 16, "cores": how many steps before `most`},
 *  "links": {"x": {"up", "down"}, "y": ...}: wavelets that cross the link after core i of a line, and back; where lines
 *    are not alike, as clocks are given: by core, those of the link after it,
 *  "routes": {"x": by column, "y": by row}, "routed": [{"what", "axis", "program", "cores": by coordinate}],
 *  "sram": bytes at peak, "held": [{"what", "bytes"}],
 *  "energy": {"core_j": of a core, "wavelet_j": of each wavelet that leaves it, "estimate": whether from the bottom up
 *    (see plmr_device_energy), or by the power of the whole system},
 *  "ranks": {"x": first columns of the blocks, "y": first rows},
 *  "borders": {"x": columns from border to border, 0: there are none, "y": rows},
 *  "defects": null or {"dead": [[row, col, how many are passed over right before that core]], "rows": [[row, how many]],
 *    "links": [[row, col, "west" or "north": side of that core where a dead link is]], "slow": [[row, col, times]]},
 *  "parts": [{"name", "row", "col", "rows", "cols", "compute", "moving", "adding", "routed", "held", "core_j": what cores
 *    of a part have beside the whole's}]}
 *
 * Arrays whose entries are all alike are written as one number.
 */
/* clang-format on */
#pragma once

#include <jansson.h>

#include "region/region.h"

/* Of a region that keeps a profile, where the program has just ended; dtype is of what it multiplies. *map is NULL on
 * ranks other than 0. Collective.
 */
plmr_status plmr_map_collect(plmr_region *region, const char *name, enum plmr_dtype dtype, json_t **map);

/* Clocks as above; for tests. */
json_t *plmr_map_clocks(const double *clocks, int rows, int cols);
