/* cache.h - the caches of the machine at hand. */
#ifndef PLMR_CACHE_H
#define PLMR_CACHE_H

#include <stddef.h>

/* Bytes of the second-level cache that a core has, and of the last-level cache divided by the ranks that share this
 * node; 0 where the system does not say. Local. */
void plmr_cache_sizes(size_t *l2_bytes, size_t *l3_bytes);

#endif
