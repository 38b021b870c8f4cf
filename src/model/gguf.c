#include "model/gguf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they lie in the file");

/* A long path must leave room for what is wrong with the file. */
#define PATH_SHOWN "%.500s"

plmr_status plmr_gguf_fault(const plmr_gguf *gguf, const char *format, ...)
{
    char what[400];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return plmr_error_make(PLMR_ERROR_INPUT, PATH_SHOWN ": %s", gguf->path, what);
}

static plmr_status open_regular(const char *path, int *fd, size_t *n_bytes)
{
    do {
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* not to wait for a FIFO's other end */
    } while (*fd < 0 && errno == EINTR);
    PLMR_CHECK(*fd >= 0, PLMR_ERROR_INPUT, PATH_SHOWN ": cannot open: %s", path, strerror(errno));
    struct stat stat;
    if (fstat(*fd, &stat) == 0 && S_ISREG(stat.st_mode)) {
        *n_bytes = (size_t)stat.st_size;
        return PLMR_OK;
    }
    close(*fd);
    return plmr_error_make(PLMR_ERROR_INPUT, PATH_SHOWN ": is not a regular file; name a GGUF file", path);
}

/* An empty file cannot be mapped, nor need it be. */
plmr_status plmr_gguf_map(const char *path, const unsigned char **bytes, size_t *n_bytes)
{
    int fd;
    PLMR_TRY(open_regular(path, &fd, n_bytes));
    *bytes = NULL;
    void *map = *n_bytes ? mmap(NULL, *n_bytes, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    int failed = map == MAP_FAILED ? errno : 0;
    close(fd);
    PLMR_CHECK(!failed, PLMR_ERROR_SYSTEM, PATH_SHOWN ": cannot map %zu bytes: %s", path, *n_bytes, strerror(failed));
    *bytes = map;
    return PLMR_OK;
}

plmr_status plmr_gguf_make(plmr_gguf_reader read_header, const void *bytes, size_t n_bytes, const char *path,
                           bool mapped, plmr_gguf **gguf)
{
    plmr_gguf *made = plmr_take(sizeof *made);
    *made = (plmr_gguf){.path = plmr_take_copy(path), .bytes = bytes, .n_bytes = n_bytes, .mapped = mapped};
    plmr_status status = read_header(made);
    if (status)
        plmr_gguf_close(made);
    else
        *gguf = made;
    return status;
}

plmr_status plmr_gguf_open(const char *path, plmr_gguf **gguf)
{
    const unsigned char *bytes;
    size_t n_bytes;
    PLMR_TRY(plmr_gguf_map(path, &bytes, &n_bytes));
    return plmr_gguf_make(plmr_gguf_read_header, bytes, n_bytes, path, true, gguf);
}

plmr_status plmr_gguf_parse(const void *bytes, size_t n_bytes, const char *path, plmr_gguf **gguf)
{
    return plmr_gguf_make(plmr_gguf_read_header, bytes, n_bytes, path, false, gguf);
}

void plmr_gguf_close(plmr_gguf *gguf)
{
    if (!gguf)
        return;
    if (gguf->mapped && gguf->n_bytes)
        munmap((void *)(uintptr_t)gguf->bytes, gguf->n_bytes);
    plmr_gguf_close(gguf->part);
    free(gguf->path);
    free(gguf->values);
    free(gguf->tensors);
    free(gguf->made);
    free(gguf->names);
    free(gguf->factors);
    free(gguf);
}

const char *plmr_gguf_path(const plmr_gguf *gguf)
{
    return gguf->path;
}

/* Whole pages inside the tensor: its neighbours may still be wanted. */
void plmr_gguf_forget(const plmr_gguf *gguf, const plmr_gguf_tensor *tensor)
{
    if (!gguf->mapped && !gguf->part)
        return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)tensor->data, first = (start + page - 1) / page * page;
    uintptr_t last = (start + (size_t)tensor->rows * tensor->row_bytes) / page * page;
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}
