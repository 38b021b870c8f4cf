/* npy.h - a user's matrices: NumPy .npy files, read and written in parts by many processes.
 *
 * Read: format versions 1 to 3, float32 ('<f4') or float16 ('<f2'), C order, one or two dimensions, none of them 0, and
 * exactly as many bytes as the header promises. Anything else is refused with one line that says how to save the array.
 *
 * Written: version 1. One process creates PATH.part at its full size, so that a full disk shows at once; any process
 * that sees the file attaches to it and writes its own elements. When all have closed it, one process commits:
 * PATH.part gets its final name. Until then nothing that lies at PATH is touched; a run that fails discards PATH.part.
 *
 * All functions are local (POSIX calls, no messages) and safe to call from several processes on disjoint elements.
 */
#ifndef PLMR_NPY_H
#define PLMR_NPY_H

#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_npy {
    enum plmr_dtype dtype; /* PLMR_F32 or PLMR_F16 */
    int n_dims;            /* 1 or 2, as stored; a vector counts as one row */
    int64_t rows, cols;    /* at least 1 each */
    int64_t offset;        /* of the first element, in bytes */
    int fd;                /* -1 when closed */
    char *path;            /* what was opened, for errors */
} plmr_npy;

/* Opens an existing file for reading. On failure nothing stays open. */
plmr_status plmr_npy_open(const char *path, plmr_npy *npy);

/* Makes PATH.part for rows x cols elements (n_dims 1: rows is 1) and opens it for writing. NumPy has no bfloat16, so
 * dtype is PLMR_F32 or PLMR_F16. On failure PATH.part is gone again. */
plmr_status plmr_npy_create(const char *path, enum plmr_dtype dtype, int n_dims, int64_t rows, int64_t cols,
                            plmr_npy *npy);

/* Opens the PATH.part that another process has created. */
plmr_status plmr_npy_attach(const char *path, plmr_npy *npy);

/* Copies elements [r0, r1) x [c0, c1), as they are stored, to or from memory whose rows lie `ld` elements apart. */
plmr_status plmr_npy_read(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, void *to, int64_t ld);
plmr_status plmr_npy_write(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, const void *from,
                           int64_t ld);

/* Closes. Network file systems may report a failed write only here. Closing twice is allowed. */
plmr_status plmr_npy_close(plmr_npy *npy);

/* Gives PATH.part its final name, replacing an older PATH. */
plmr_status plmr_npy_commit(const char *path);

/* Removes PATH.part if it is there. */
void plmr_npy_discard(const char *path);

#endif
