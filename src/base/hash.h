/* hash.h - hashes of texts; and a checksum of a distributed matrix that does not depend on how it is distributed.
 *
 * The checksum is the sum, modulo 2^64, of plmr_checksum_element over all elements. Every rank adds up its own, in any
 * order, and the sum of the ranks' sums is the checksum of the whole. The values are fixed: they stand in results.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The part of one element: its global index (row * columns + column) and the bits it is stored with. */
static inline uint64_t plmr_checksum_element(uint64_t index, uint32_t bits)
{
    uint64_t h = (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    h += bits * UINT64_C(0xd1342543de82ef95);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

/* 64 bits that tell texts apart (FNV-1a). */
#define PLMR_HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t plmr_hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* With its end, so that "ab", "c" is not "a", "bc". */
static inline uint64_t plmr_hash_text(uint64_t hash, const char *text)
{
    return plmr_hash_bytes(hash, text, strlen(text) + 1);
}
