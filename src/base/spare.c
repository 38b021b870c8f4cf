#include "base/spare.h"

#include "base/memory.h"

void *plmr_spare_take(plmr_spare *spare, size_t n_bytes)
{
    PLMR_ASSERT(!spare->is_taken);
    if (!spare->piece || n_bytes > spare->n_bytes) {
        plmr_spare_free(spare);
        *spare = (plmr_spare){.piece = plmr_take_made(plmr_slab_create(n_bytes)), .n_bytes = n_bytes};
    }
    spare->is_taken = true;
    return spare->piece;
}

void plmr_spare_give(plmr_spare *spare)
{
    spare->is_taken = false;
}

void plmr_spare_free(plmr_spare *spare)
{
    PLMR_ASSERT(!spare->is_taken);
    plmr_slab_destroy(spare->piece);
    *spare = (plmr_spare){0};
}
