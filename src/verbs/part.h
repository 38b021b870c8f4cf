/* part.h - the inside of parts, see plmr/part.h: what lies on a region's blocks comes to a part's, and back.
 *
 * The clocks of a part's cores are kept by the whole or by its parts, by whoever had the last verb; the next verb of the
 * other takes them over. */
#pragma once

#include "plmr/part.h"
#include "verbs/tiles_inside.h"

/* This rank's block of the whole and of the part, row by row, `bytes` for each core. Collective. */
void plmr_part_give(const plmr_region *part, const void *whole, void *own, size_t bytes);
void plmr_part_bring(const plmr_region *part, const void *own, void *whole, size_t bytes);

/* A part that is to be destroyed; and all of a region, which is. */
void plmr_part_leave(plmr_region *part);
void plmr_part_destroy_all(plmr_region *whole);

/* An error if something of a part is under way. */
plmr_status plmr_part_check_ended(const plmr_region *whole);

/* Tiles of a part as the whole has them, with what other cores hold undefined, for free() of `values`; and the part's
 * get what the whole's hold. Collective. */
plmr_tiles plmr_part_lift(const plmr_tiles *tiles);
void plmr_part_lower(const plmr_tiles *lifted, const plmr_tiles *tiles);
