/* digest.h - what tells files apart. Local. */
#pragma once

#include <stdint.h>

#include "plmr/status.h"

/* 64 bits of a file's size and bytes: of all up to 4 MiB; of a larger one, as a model may be, of 64 pieces of 64 KiB that
 * lie evenly from its start to its end. So it takes milliseconds, and says of a large file that it is the same one, not
 * that each of its bytes is whole. */
plmr_status plmr_digest_file(const char *path, uint64_t *digest);

/* Sixteen digits. */
typedef struct plmr_digits {
    char s[20];
} plmr_digits;

plmr_digits plmr_digest_shown(uint64_t digest);
