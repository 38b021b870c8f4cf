#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plmr/ranks.h"

static void *must_be(void *taken, size_t n_bytes, const char *what)
{
    if (!taken)
        plmr_end_job("out of memory: %s needs %zu bytes more; use more ranks, or a smaller problem", what, n_bytes);
    return taken;
}

void *plmr_take_for(size_t n_bytes, const char *what)
{
    return must_be(malloc(n_bytes ? n_bytes : 1), n_bytes, what);
}

void *plmr_take_zeroed_for(size_t n, size_t size, const char *what)
{
    return must_be(calloc(n ? n : 1, size ? size : 1), n * size, what);
}

void *plmr_take_more_for(void *old, size_t n_bytes, const char *what)
{
    return must_be(realloc(old, n_bytes ? n_bytes : 1), n_bytes, what);
}

char *plmr_take_copy_for(const char *text, const char *what)
{
    return must_be(strdup(text), strlen(text) + 1, what);
}

/* Tiles and clocks are met in an order that strides over pages, so huge pages save most of the address translation. */
void *plmr_slab_create(size_t n_bytes)
{
    const size_t page = (size_t)2 << 20, line = PLMR_SLAB_ALIGNMENT;
    if (n_bytes > SIZE_MAX - page)
        return NULL;
    size_t rounded = n_bytes < page ? (n_bytes + line - 1) / line * line + line : (n_bytes + page - 1) / page * page;
    void *slab = aligned_alloc(n_bytes < page ? line : page, rounded);
    if (slab && n_bytes >= page)
        madvise(slab, rounded, MADV_HUGEPAGE); /* advice: a kernel without it loses speed alone */
    return slab;
}

void plmr_slab_destroy(void *slab)
{
    free(slab);
}

void plmr_memory_touch(const void *from, size_t n_bytes)
{
#if defined(MADV_POPULATE_READ)
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)from / page * page;
    if (n_bytes)
        madvise((void *)first, (uintptr_t)from + n_bytes - first, MADV_POPULATE_READ);
#else
    (void)from, (void)n_bytes;
#endif
}

void plmr_memory_fetch(const void *from, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes; at += PLMR_LINE_BYTES)
        __builtin_prefetch((const char *)from + at, 0, 2);
}

char *plmr_take_text(const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return must_be(length < 0 ? NULL : text, strlen(format), "a text");
}

void *plmr_take_made_for(void *made, const char *what)
{
    return must_be(made, sizeof made, what);
}

FILE *plmr_take_stream(char **text, size_t *n)
{
    return must_be(open_memstream(text, n), BUFSIZ, "a text");
}

void plmr_stream_end(FILE *stream)
{
    bool failed = ferror(stream);
    must_be(fclose(stream) != 0 || failed ? NULL : &failed, BUFSIZ, "a text");
}
