#include "base/npy.h"

#include "base/draft.h"
#include "base/memory.h"
#include "base/npy_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are copied as they lie in the file");

enum { MOST_AT_ONCE = 1 << 30 }; /* Linux moves at most 2 GiB in one call */

static plmr_status file_error(const char *path, const char *what, int number)
{
    return plmr_error_make(PLMR_ERROR_SYSTEM, "%s: %s: %s", path, what, strerror(number));
}

static plmr_status read_fully(const plmr_npy *npy, void *to, size_t n_bytes, int64_t at)
{
    char *next = to;
    while (n_bytes > 0) {
        ssize_t got = pread(npy->fd, next, n_bytes < MOST_AT_ONCE ? n_bytes : MOST_AT_ONCE, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error(npy->path, "cannot read", errno);
        PLMR_CHECK(got > 0, PLMR_ERROR_SYSTEM, "%s: ends early; was it changed while plmr read it?", npy->path);
        next += got;
        at += got;
        n_bytes -= (size_t)got;
    }
    return PLMR_OK;
}

static plmr_status write_fully(const plmr_npy *npy, const void *from, size_t n_bytes, int64_t at)
{
    const char *next = from;
    while (n_bytes > 0) {
        ssize_t put = pwrite(npy->fd, next, n_bytes < MOST_AT_ONCE ? n_bytes : MOST_AT_ONCE, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return file_error(npy->path, "cannot write", put < 0 ? errno : ENOSPC);
        next += put;
        at += put;
        n_bytes -= (size_t)put;
    }
    return PLMR_OK;
}

/* Bytes of header and elements together. */
static plmr_status total_bytes(const plmr_npy *npy, int64_t *n_bytes)
{
    int64_t elements;
    PLMR_CHECK(!__builtin_mul_overflow(npy->rows, npy->cols, &elements) &&
                   !__builtin_mul_overflow(elements, (int64_t)plmr_dtype_bytes(npy->dtype), n_bytes) &&
                   !__builtin_add_overflow(*n_bytes, npy->offset, n_bytes),
               PLMR_ERROR_INPUT, "%s: %lld x %lld elements are more than a file can hold", npy->path,
               (long long)npy->rows, (long long)npy->cols);
    return PLMR_OK;
}

/* Sets what the header says of an open file of n_file bytes. */
static plmr_status read_header(plmr_npy *npy, int64_t n_file)
{
    unsigned char preamble[PLMR_NPY_PREAMBLE];
    char text[PLMR_NPY_TEXT_MOST];
    size_t n_preamble = n_file < PLMR_NPY_PREAMBLE ? (size_t)n_file : PLMR_NPY_PREAMBLE, text_at, n_text;
    PLMR_TRY(read_fully(npy, preamble, n_preamble, 0));
    PLMR_TRY(plmr_npy_header_locate(npy->path, preamble, n_preamble, &text_at, &n_text));
    npy->offset = (int64_t)(text_at + n_text);
    PLMR_CHECK(npy->offset <= n_file, PLMR_ERROR_INPUT, "%s: ends inside its header; copy or save it again", npy->path);
    PLMR_TRY(read_fully(npy, text, n_text, (int64_t)text_at));
    plmr_npy_shape shape;
    PLMR_TRY(plmr_npy_header_parse(npy->path, text, n_text, &shape));
    npy->dtype = shape.dtype;
    npy->n_dims = shape.n_dims;
    npy->rows = shape.rows;
    npy->cols = shape.cols;
    return PLMR_OK;
}

static plmr_status check_length(const plmr_npy *npy, int64_t n_file)
{
    int64_t n_bytes = 0;
    PLMR_TRY(total_bytes(npy, &n_bytes));
    PLMR_CHECK(n_file >= n_bytes, PLMR_ERROR_INPUT, "%s: %lld bytes are missing from its end; copy or save it again",
               npy->path, (long long)(n_bytes - n_file));
    PLMR_CHECK(n_file == n_bytes, PLMR_ERROR_INPUT,
               "%s: %lld bytes follow the array; keep one array in a file: " PLMR_NPY_HINT, npy->path,
               (long long)(n_file - n_bytes));
    return PLMR_OK;
}

static plmr_status examine(plmr_npy *npy)
{
    struct stat stat;
    if (fstat(npy->fd, &stat) != 0)
        return file_error(npy->path, "cannot look at it", errno);
    PLMR_CHECK(S_ISREG(stat.st_mode), PLMR_ERROR_INPUT, "%s: not a regular file", npy->path);
    PLMR_TRY(read_header(npy, stat.st_size));
    return check_length(npy, stat.st_size);
}

/* Returns 0, or an errno. */
static int close_file(plmr_npy *npy, bool keeps)
{
    int fd = npy->fd, failed = 0;
    npy->fd = -1;
    if (fd < 0)
        return 0;
    if (keeps && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
        failed = errno;
    return close(fd) != 0 && errno != EINTR && !failed ? errno : failed;
}

static plmr_status open_file(plmr_npy *npy, int flags)
{
    do {
        npy->fd = open(npy->path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* not to wait for a FIFO's other end */
    } while (npy->fd < 0 && errno == EINTR);
    return npy->fd >= 0 ? PLMR_OK
                        : plmr_error_make(PLMR_ERROR_INPUT, "%s: cannot open: %s", npy->path, strerror(errno));
}

plmr_status plmr_npy_open(const char *path, plmr_npy *npy)
{
    *npy = (plmr_npy){.fd = -1, .path = plmr_take_copy(path)};
    plmr_status error = open_file(npy, O_RDONLY);
    if (!error)
        error = examine(npy);
    if (error)
        plmr_error_free(plmr_npy_close(npy));
    return error;
}

plmr_status plmr_npy_attach(const plmr_npy *created, plmr_npy *npy)
{
    *npy = *created;
    npy->fd = -1;
    npy->final = NULL;
    npy->path = plmr_take_copy(created->path);
    plmr_status error = open_file(npy, O_RDWR);
    if (error)
        plmr_npy_discard(npy);
    return error;
}

/* Takes the disk space at once. File systems that cannot reserve any are used without. */
static plmr_status reserve(const plmr_npy *npy, int64_t n_bytes)
{
    int failed = ftruncate(npy->fd, n_bytes) == 0 ? 0 : errno;
    if (!failed) {
        do {
            failed = posix_fallocate(npy->fd, 0, n_bytes);
        } while (failed == EINTR);
        if (failed == EOPNOTSUPP || failed == EINVAL || failed == ENOSYS)
            failed = 0;
    }
    PLMR_CHECK(!failed, PLMR_ERROR_SYSTEM, "%s: no room for %lld bytes: %s", npy->final, (long long)n_bytes,
               strerror(failed));
    return PLMR_OK;
}

static plmr_status fill_new(plmr_npy *npy)
{
    int64_t n_bytes = 0;
    PLMR_TRY(total_bytes(npy, &n_bytes));
    PLMR_TRY(reserve(npy, n_bytes));
    char header[PLMR_NPY_HEADER];
    plmr_npy_header_format(&(plmr_npy_shape){npy->dtype, npy->n_dims, npy->rows, npy->cols}, header);
    return write_fully(npy, header, sizeof header, 0);
}

/* Where files are consistent from close to open, as on NFS, others see what is written now only after a close. */
static plmr_status show(plmr_npy *npy)
{
    int failed = close_file(npy, true);
    return failed ? file_error(npy->path, "cannot write", failed) : open_file(npy, O_RDWR);
}

/* PATH may be missing or an older file; the rename at the end must not meet a folder or a device there. */
static plmr_status check_target(const char *path)
{
    struct stat stat_now;
    PLMR_CHECK(stat(path, &stat_now) != 0 || S_ISREG(stat_now.st_mode), PLMR_ERROR_INPUT,
               "%s: exists and is not a regular file; name a file to write", path);
    int forbidden = plmr_draft_forbidden(path);
    PLMR_CHECK(!forbidden, PLMR_ERROR_INPUT, "%s: cannot write: %s", path, strerror(forbidden));
    return PLMR_OK;
}

static void forget(plmr_npy *npy)
{
    free(npy->path);
    free(npy->final);
    npy->path = npy->final = NULL;
}

static plmr_status make_draft(const char *path, plmr_npy *npy)
{
    npy->final = plmr_draft_final(path);
    bool twice = plmr_draft_is_open(npy->final);
    npy->fd = twice ? -1 : plmr_draft_make(npy->final, false, &npy->path);
    int failed = errno;
    if (npy->fd >= 0)
        return PLMR_OK;
    forget(npy);
    PLMR_CHECK(!twice, PLMR_ERROR_INPUT, "%s: " PLMR_DRAFT_TWICE, path);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s: cannot write: %s", path, strerror(failed));
}

plmr_status plmr_npy_create(const char *path, enum plmr_dtype dtype, int n_dims, int64_t rows, int64_t cols,
                            plmr_npy *npy)
{
    PLMR_ASSERT(rows > 0 && cols > 0 && (n_dims == 2 || (n_dims == 1 && rows == 1)));
    *npy = (plmr_npy){.fd = -1};
    PLMR_CHECK(dtype != PLMR_BF16, PLMR_ERROR_INPUT, "%s: NumPy files cannot hold bf16; write f32 instead", path);
    PLMR_TRY(check_target(path));
    PLMR_TRY(make_draft(path, npy));
    npy->writes = true;
    npy->dtype = dtype;
    npy->n_dims = n_dims;
    npy->rows = rows;
    npy->cols = cols;
    npy->offset = PLMR_NPY_HEADER;
    plmr_status error = fill_new(npy);
    if (!error)
        error = show(npy);
    if (error)
        plmr_npy_discard(npy);
    return error;
}

/* What one call moves: whole rows in one piece where they lie together in the file and in memory, else row by row. */
typedef struct pieces {
    int64_t n, file_at, file_step, memory_step;
    size_t n_bytes;
} pieces;

static pieces pieces_of(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, int64_t ld)
{
    PLMR_ASSERT(npy->fd >= 0 && 0 <= r0 && r0 <= r1 && r1 <= npy->rows && 0 <= c0 && c0 <= c1 && c1 <= npy->cols);
    PLMR_ASSERT(ld >= c1 - c0);
    int64_t size = (int64_t)plmr_dtype_bytes(npy->dtype);
    pieces p = {r1 - r0, npy->offset + (r0 * npy->cols + c0) * size, npy->cols * size, ld * size,
                (size_t)((c1 - c0) * size)};
    if (p.n > 0 && c1 - c0 == npy->cols && ld == npy->cols) {
        p.n_bytes *= (size_t)p.n;
        p.n = 1;
    }
    return p;
}

plmr_status plmr_npy_read(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, void *to, int64_t ld)
{
    pieces p = pieces_of(npy, r0, r1, c0, c1, ld);
    for (int64_t i = 0; i < p.n; i++)
        PLMR_TRY(read_fully(npy, (char *)to + i * p.memory_step, p.n_bytes, p.file_at + i * p.file_step));
    return PLMR_OK;
}

plmr_status plmr_npy_write(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, const void *from,
                           int64_t ld)
{
    pieces p = pieces_of(npy, r0, r1, c0, c1, ld);
    for (int64_t i = 0; i < p.n; i++)
        PLMR_TRY(write_fully(npy, (const char *)from + i * p.memory_step, p.n_bytes, p.file_at + i * p.file_step));
    return PLMR_OK;
}

plmr_status plmr_npy_close(plmr_npy *npy)
{
    int failed = close_file(npy, npy->writes);
    plmr_status error = failed ? file_error(npy->path, "cannot write", failed) : PLMR_OK;
    forget(npy);
    return error;
}

plmr_status plmr_npy_commit(plmr_npy *npy)
{
    int failed = close_file(npy, true);
    if (!failed)
        failed = plmr_draft_rename(npy->path, npy->final);
    plmr_status error = failed ? file_error(npy->final, "cannot write", failed) : PLMR_OK;
    if (error)
        plmr_npy_discard(npy);
    forget(npy);
    return error;
}

void plmr_npy_discard(plmr_npy *npy)
{
    if (npy->path)
        close_file(npy, false);
    if (npy->final)
        plmr_draft_remove(npy->path);
    forget(npy);
}
