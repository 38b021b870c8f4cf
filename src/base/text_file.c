#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { MOST_BYTES = 1 << 20 };

/* Reads at most `most` bytes; the number read, or -1. */
static ssize_t read_all(int descriptor, char *to, size_t most)
{
    size_t n = 0;
    while (n < most) {
        ssize_t got = read(descriptor, to + n, most - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

/* As editors of other systems leave them: a byte order mark in front, and lines that end with CR LF. Returns the bytes. */
static size_t make_plain(char *text, size_t n)
{
    size_t to = 0, start = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    if (!start && !strstr(text, "\r\n"))
        return n;
    for (size_t at = start; at < n; at++)
        if (text[at] != '\r' || text[at + 1] != '\n')
            text[to++] = text[at];
    text[to] = '\0';
    return to;
}

/* Reads the open file into text, which has room for MOST_BYTES + 1 bytes and is ended by a 0. */
static plmr_status read_open(int descriptor, const char *path, const char *what, char *text)
{
    struct stat status;
    PLMR_CHECK(fstat(descriptor, &status) == 0, PLMR_ERROR_SYSTEM, "%s: cannot look at it: %s", path, strerror(errno));
    PLMR_CHECK(S_ISREG(status.st_mode), PLMR_ERROR_INPUT, "%s: is not a regular file", path);
    ssize_t n = read_all(descriptor, text, MOST_BYTES + 1);
    PLMR_CHECK(n >= 0, PLMR_ERROR_SYSTEM, "%s: cannot read: %s", path, strerror(errno));
    PLMR_CHECK(n <= MOST_BYTES, PLMR_ERROR_INPUT, "%s: is larger than 1 MiB, too large for %s", path, what);
    text[n] = '\0';
    PLMR_CHECK(!memchr(text, '\0', (size_t)n), PLMR_ERROR_INPUT, "%s: holds a 0 byte, so it is not JSON", path);
    make_plain(text, (size_t)n);
    return PLMR_OK;
}

plmr_status plmr_text_file_read(const char *path, const char *what, char **text)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not stop us */
    PLMR_CHECK(descriptor >= 0, PLMR_ERROR_SYSTEM, "%s: cannot open: %s", path, strerror(errno));
    *text = plmr_take(MOST_BYTES + 1);
    plmr_status status = read_open(descriptor, path, what, *text);
    close(descriptor);
    if (!status)
        return PLMR_OK;
    free(*text);
    *text = NULL;
    return status;
}

static plmr_status too_long(const char *path, size_t most)
{
    return plmr_error_make(PLMR_ERROR_INPUT, "%.300s: is too long: %zu MiB are the most", path, most >> 20);
}

/* A pipe does not say how long it is. */
static plmr_status read_file(const char *path, FILE *file, size_t most, char **text, size_t *n)
{
    struct stat status;
    size_t room = 32768;
    if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) && (uint64_t)status.st_size > most)
        return too_long(path, most);
    do {
        room = room <= most / 2 ? 2 * room : most + 2;
        *text = plmr_take_more(*text, room);
        *n += fread(*text + *n, 1, room - 1 - *n, file);
        if (*n > most)
            return too_long(path, most);
    } while (*n == room - 1);
    (*text)[*n] = '\0';
    PLMR_CHECK(!ferror(file), PLMR_ERROR_FILE, "%.300s: cannot read: %s", path, strerror(errno));
    PLMR_CHECK(strlen(*text) == *n, PLMR_ERROR_INPUT, "%.300s: byte %zu is 0: this is no text", path, strlen(*text));
    *n = make_plain(*text, *n);
    PLMR_CHECK(*n > 0, PLMR_ERROR_INPUT, "%.300s: is empty", path);
    return PLMR_OK;
}

plmr_status plmr_file_read(const char *path, size_t most, char **text, size_t *n)
{
    FILE *file = fopen(path, "re");
    *text = NULL;
    *n = 0;
    PLMR_CHECK(file, PLMR_ERROR_FILE, "%.300s: cannot open: %s", path, strerror(errno));
    plmr_status status = read_file(path, file, most, text, n);
    fclose(file);
    return status;
}

plmr_status plmr_error_of_input(plmr_status error)
{
    if (!error || plmr_error_code(error) != PLMR_ERROR_SYSTEM)
        return error;
    plmr_status of_file = plmr_error_make(PLMR_ERROR_FILE, "%s", plmr_error_text(error));
    plmr_error_free(error);
    return of_file;
}
