/* shift.h - tokens of the cache that change ranks when it grows by one.
 *
 * Which row of cores holds which token follows from how many there are (rows.h). For example 9 rows on 3 ranks: of 9
 * tokens each rank has 3; of 10 the second has tokens 3 to 5, and the third 6 to 9; of 11 the second has 3 to 6, so 6 goes
 * from the third to it.
 */
#pragma once

#include "infer/engine.h"

/* Makes room for one token more than the cache holds, in all layers and requests. Collective over a column of ranks. */
void plmr_cache_shift(plmr_engine *engine);
