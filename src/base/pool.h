/* pool.h - pieces of memory of a user's sizes, many of them and for long: on huge pages where the system has them, however
 * small each piece is, for they lie one after the other in large slabs. Of a slab the system gives memory as it is used, and has
 * it back with the last of its pieces.
 */
#pragma once

#include <stddef.h>

typedef struct plmr_pool plmr_pool;

plmr_pool *plmr_pool_create(void);

/* With all its pieces; NULL: nothing. */
void plmr_pool_destroy(plmr_pool *pool);

/* A piece that begins at a multiple of PLMR_SLAB_ALIGNMENT; NULL if there is no memory. */
void *plmr_pool_take(plmr_pool *pool, size_t n_bytes);

/* Of a piece of the pool, or NULL. */
void plmr_pool_give(plmr_pool *pool, void *piece);
