/* turn.h - whether decode reads 16-bit weights where they lie, or turned to strips (matrix.h).
 *
 * A product with a vector reads strips up to twice as fast. But turning weights takes as much memory again, and time: for each GB
 * from a tenth of a second to some seconds, where the system has to find this memory first. So decode's first token reads them where
 * they lie; then they are turned one after the other, as long as that takes less than it saves the tokens still to come. Behind a
 * long prompt it is little beside that, and all are turned at once. Values are the same, and every rank does as it finds.
 *
 *     plmr_turn_plan(engine);                                   // after plmr_engine_relayout
 *     plmr_engine_keep(engine);                                 // what will not be read in place
 *     plmr_engine_decode(engine, &id);
 *     plmr_turn_if_it_pays(engine, token_s, n_tokens - 1);      // once
 */
#pragma once

#include "infer/engine.h"

/* Which will be read in place: none of a batch, or behind a long prompt. Local. */
void plmr_turn_plan(plmr_engine *engine);

/* token_s: wall time of a token; n_tokens: that will follow. What this takes is added to engine->turned_s. Local. */
void plmr_turn_if_it_pays(plmr_engine *engine, double token_s, int64_t n_tokens);
