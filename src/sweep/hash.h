/* hash.h - 64 bits that tell texts apart (FNV-1a). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
