#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Reads the open file into text, which has room for MOST_BYTES + 1 bytes and is ended by a 0. */
static plmr_status read_open(int descriptor, const char *path, const char *what, char *text)
{
    struct stat status;
    PLMR_CHECK(fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode), PLMR_ERROR_INPUT,
               "%s: is not a regular file", path);
    ssize_t n = read_all(descriptor, text, MOST_BYTES + 1);
    PLMR_CHECK(n >= 0, PLMR_ERROR_SYSTEM, "%s: cannot read: %s", path, strerror(errno));
    PLMR_CHECK(n <= MOST_BYTES, PLMR_ERROR_INPUT, "%s: is larger than 1 MiB, too large for %s", path, what);
    text[n] = '\0';
    PLMR_CHECK(!memchr(text, '\0', (size_t)n), PLMR_ERROR_INPUT, "%s: holds a 0 byte, so it is not JSON", path);
    return PLMR_OK;
}

plmr_status plmr_text_file_read(const char *path, const char *what, char **text)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not stop us */
    PLMR_CHECK(descriptor >= 0, PLMR_ERROR_SYSTEM, "%s: cannot open: %s", path, strerror(errno));
    *text = malloc(MOST_BYTES + 1);
    plmr_status status = *text ? read_open(descriptor, path, what, *text)
                               : plmr_error_make(PLMR_ERROR_SYSTEM, "%s: no memory to read it", path);
    close(descriptor);
    if (status)
        free(*text);
    return status;
}

plmr_status plmr_error_of_input(plmr_status error)
{
    if (!error || plmr_error_code(error) != PLMR_ERROR_SYSTEM)
        return error;
    plmr_status input = plmr_error_make(PLMR_ERROR_INPUT, "%s", plmr_error_text(error));
    plmr_error_free(error);
    return input;
}
