#include "fabric/region.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Tiles and clocks are met in an order that strides over pages, so huge pages save most of the address translation. */
void *plmr_slab_create(size_t n_bytes)
{
    const size_t page = (size_t)2 << 20;
    if (n_bytes > SIZE_MAX - page)
        return NULL;
    size_t rounded = n_bytes < page ? (n_bytes + 63) / 64 * 64 + 64 : (n_bytes + page - 1) / page * page;
    void *slab = aligned_alloc(n_bytes < page ? 64 : page, rounded);
    if (slab && n_bytes >= page)
        madvise(slab, rounded, MADV_HUGEPAGE); /* advice: a kernel without it loses speed alone */
    return slab;
}

void plmr_slab_destroy(void *slab)
{
    free(slab);
}
