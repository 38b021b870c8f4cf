#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"

enum { N_PIECES = 64, PIECE_BYTES = 1 << 16 };

/* Bytes of a piece, fewer at the end of the file; -1: errno says why. */
static ssize_t read_piece(int file, char *room, off_t at)
{
    size_t n = 0;
    for (ssize_t more = 1; more > 0 && n<PIECE_BYTES; n += more> 0 ? (size_t)more : 0) {
        more = pread(file, room + n, PIECE_BYTES - n, at + (off_t)n);
        if (more < 0)
            return -1;
    }
    return (ssize_t)n;
}

/* Returns 0 or an errno. */
static int digest_open(int file, uint64_t *digest)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return errno;
    off_t size = status.st_size, last = size - PIECE_BYTES;
    bool whole = size <= (off_t)N_PIECES * PIECE_BYTES;
    int64_t n_pieces = whole ? (size + PIECE_BYTES - 1) / PIECE_BYTES : N_PIECES;
    char *room = plmr_take(PIECE_BYTES);
    ssize_t n = 0;
    *digest = plmr_hash_bytes(PLMR_HASH_START, &size, sizeof size);
    for (int64_t i = 0; i < n_pieces && n >= 0; i++) {
        n = read_piece(file, room, whole ? i * PIECE_BYTES : (off_t)((double)last * (double)i / (N_PIECES - 1)));
        *digest = plmr_hash_bytes(*digest, room, n > 0 ? (size_t)n : 0);
    }
    int number = n < 0 ? errno : 0;
    free(room);
    return number;
}

plmr_status plmr_digest_file(const char *path, uint64_t *digest)
{
    int file = open(path, O_RDONLY | O_CLOEXEC), number = file < 0 ? errno : digest_open(file, digest);
    if (file >= 0)
        close(file);
    PLMR_CHECK(!number, PLMR_ERROR_SYSTEM, "cannot read %.300s: %s", path, strerror(number));
    return PLMR_OK;
}

plmr_digits plmr_digest_shown(uint64_t digest)
{
    plmr_digits digits;
    snprintf(digits.s, sizeof digits.s, "%016" PRIx64, digest);
    return digits;
}
