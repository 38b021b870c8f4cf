/* memory.h - memory that is there, or the job ends.
 *
 * For what a program needs beside the sizes that its user chose: a rank that cannot have it says so in one line, with
 * its number, and ends the whole job with code 1, for the other ranks may be waiting for its messages. None of these
 * returns NULL; what they return is freed by free(). Memory whose size follows from a user's sizes (operands, weights,
 * caches) is taken with malloc instead, and a failure is an error like any other, agreed on by all ranks.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "plmr/status.h"

#if defined(__GNUC__)
#define PLMR_TAKES(...) __attribute__((returns_nonnull, malloc, alloc_size(__VA_ARGS__)))
#define PLMR_RETAKES(n) __attribute__((returns_nonnull, alloc_size(n)))
#else
#define PLMR_TAKES(...)
#define PLMR_RETAKES(n)
#endif

/* n_bytes, whatever is in them; n elements of size bytes, all 0; `old` made n_bytes long; a copy of a text. */
#define plmr_take(n_bytes) plmr_take_for(n_bytes, __func__)
#define plmr_take_zeroed(n, size) plmr_take_zeroed_for(n, size, __func__)
#define plmr_take_more(old, n_bytes) plmr_take_more_for(old, n_bytes, __func__)
#define plmr_take_copy(text) plmr_take_copy_for(text, __func__)

/* A text as printf prints it. What a library made, which gives NULL for want of memory alone. */
char *plmr_take_text(const char *format, ...) PLMR_PRINTF(1, 2) __attribute__((returns_nonnull, malloc));
#define plmr_take_made(made) plmr_take_made_for(made, __func__)

/* A stream that is written to memory; *text, which a 0 byte ends, and its length *n are there after plmr_stream_end. */
FILE *plmr_take_stream(char **text, size_t *n) __attribute__((returns_nonnull));
void plmr_stream_end(FILE *stream);

/* The same; `what` is who asks, for the line. */
void *plmr_take_for(size_t n_bytes, const char *what) PLMR_TAKES(1);
void *plmr_take_zeroed_for(size_t n, size_t size, const char *what) PLMR_TAKES(1, 2);
void *plmr_take_more_for(void *old, size_t n_bytes, const char *what) PLMR_RETAKES(2);
char *plmr_take_copy_for(const char *text, const char *what) __attribute__((returns_nonnull, malloc));
void *plmr_take_made_for(void *made, const char *what) __attribute__((returns_nonnull));

/* Memory of n_bytes on huge pages where the system has them; NULL if there is none: for a user's sizes. It begins at a
 * multiple of PLMR_SLAB_ALIGNMENT, a whole row of 64 floats. */
enum { PLMR_SLAB_ALIGNMENT = 256 };
void *plmr_slab_create(size_t n_bytes);
void plmr_slab_destroy(void *slab);

/* Maps the pages of memory that can be read, so that none is missing when it is: advice, which may do nothing. */
void plmr_memory_touch(const void *from, size_t n_bytes);

/* Of the cache. */
enum { PLMR_LINE_BYTES = 64 };

/* Brings memory that is read soon to the second level of the cache, as fast as memory gives it: advice. */
void plmr_memory_fetch(const void *from, size_t n_bytes);
