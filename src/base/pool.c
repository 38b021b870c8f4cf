#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

/* Of a slab, unless a piece is larger; a huge page. */
static const size_t slab_bytes = (size_t)64 << 20, page = (size_t)2 << 20;

struct slab {
    struct slab *next;
    void *mapped; /* a page more, for the slab to begin with one */
    char *memory;
    size_t n_bytes, n_used;
    int n_pieces;
};

struct plmr_pool {
    struct slab *first; /* the newest, from which pieces are taken */
};

plmr_pool *plmr_pool_create(void)
{
    return plmr_take_zeroed(1, sizeof(plmr_pool));
}

static void drop_slab(struct slab **link)
{
    struct slab *slab = *link;
    *link = slab->next;
    munmap(slab->mapped, slab->n_bytes + page);
    free(slab);
}

void plmr_pool_destroy(plmr_pool *pool)
{
    while (pool && pool->first)
        drop_slab(&pool->first);
    free(pool);
}

/* Mapped, not allocated: whoever fills what it allocates, as tests do, would touch all of it. */
static bool add_slab(plmr_pool *pool, size_t n_bytes)
{
    void *mapped =
        mmap(NULL, n_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return false;
    struct slab *slab = plmr_take(sizeof *slab);
    char *memory = (char *)mapped + (page - (uintptr_t)mapped % page) % page;
    *slab = (struct slab){.next = pool->first, .mapped = mapped, .memory = memory, .n_bytes = n_bytes};
    madvise(memory, n_bytes, MADV_HUGEPAGE); /* advice: a kernel without it loses speed alone */
    pool->first = slab;
    return true;
}

void *plmr_pool_take(plmr_pool *pool, size_t n_bytes)
{
    if (n_bytes > SIZE_MAX - page - PLMR_SLAB_ALIGNMENT)
        return NULL;
    size_t rounded = (n_bytes + PLMR_SLAB_ALIGNMENT - 1) / PLMR_SLAB_ALIGNMENT * PLMR_SLAB_ALIGNMENT;
    struct slab *slab = pool->first;
    if ((!slab || slab->n_bytes - slab->n_used < rounded) &&
        !add_slab(pool, rounded > slab_bytes ? rounded : slab_bytes))
        return NULL;
    slab = pool->first;
    void *piece = slab->memory + slab->n_used;
    slab->n_used += rounded;
    slab->n_pieces++;
    return piece;
}

void plmr_pool_give(plmr_pool *pool, void *piece)
{
    if (!piece)
        return;
    struct slab **link = &pool->first;
    while (!((char *)piece >= (*link)->memory && (char *)piece < (*link)->memory + (*link)->n_bytes))
        link = &(*link)->next;
    if (--(*link)->n_pieces == 0)
        drop_slab(link);
}
