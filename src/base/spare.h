/* spare.h - memory that one user after the other has: its pages stay, where pages anew would cost each of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct plmr_spare {
    void *piece;
    size_t n_bytes;
    bool is_taken;
} plmr_spare;

/* n_bytes from a multiple of PLMR_SLAB_ALIGNMENT on, in which is what the last user left; a larger piece is made anew. The job
 * ends if there is no memory, as with plmr_take. One user at a time. */
void *plmr_spare_take(plmr_spare *spare, size_t n_bytes);
void plmr_spare_give(plmr_spare *spare);

/* Of which nobody has anything. */
void plmr_spare_free(plmr_spare *spare);
