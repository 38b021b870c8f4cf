/* npy.h - a user's matrices: NumPy .npy files, read and written in parts by many processes.
 *
 * Read: format versions 1 to 3, float32 ('<f4') or float16 ('<f2'), C order, one or two dimensions, none of them 0, and
 * exactly as many bytes as the header promises. Anything else is refused with one line that says how to save the array.
 *
 * Written: version 1. One process creates a draft of PATH (see draft.h) at its full size, so that a full disk shows at
 * once, and closes it once, so that others see it; any process that is told of the draft attaches to it and writes its
 * own elements. When those have closed it, the first process commits: the draft gets the name PATH. Until then nothing that
 * lies at PATH is touched; a run that fails discards the draft.
 *
 * All functions are local (POSIX calls, no messages) and safe to call from several processes on disjoint elements.
 */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_npy {
    enum plmr_dtype dtype; /* PLMR_F32 or PLMR_F16 */
    int n_dims;            /* 1 or 2, as stored; a vector counts as one row */
    int64_t rows, cols;    /* at least 1 each */
    int64_t offset;        /* of the first element, in bytes */
    int fd;                /* -1 when closed */
    bool writes;
    char *path;  /* what was opened: of one that is written, the draft */
    char *final; /* PATH, where this process has created the draft; else NULL */
} plmr_npy;

/* Opens an existing file for reading. On failure nothing stays open. */
plmr_status plmr_npy_open(const char *path, plmr_npy *npy);

/* Makes a draft of PATH for rows x cols elements (n_dims 1: rows is 1) and opens it for writing. NumPy has no bfloat16,
 * so dtype is PLMR_F32 or PLMR_F16. On failure the draft is gone again. */
plmr_status plmr_npy_create(const char *path, enum plmr_dtype dtype, int n_dims, int64_t rows, int64_t cols,
                            plmr_npy *npy);

/* Opens the draft that another process has created, which is told of by its npy: nothing is read back, as a file system
 * may not show it yet. */
plmr_status plmr_npy_attach(const plmr_npy *created, plmr_npy *npy);

/* Copies elements [r0, r1) x [c0, c1), as they are stored, to or from memory whose rows lie `ld` elements apart. */
plmr_status plmr_npy_read(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, void *to, int64_t ld);
plmr_status plmr_npy_write(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, const void *from,
                           int64_t ld);

/* Closes; what an attached process has written is on the disk then. Network file systems may report a failed write only
 * here. Closing twice is allowed. */
plmr_status plmr_npy_close(plmr_npy *npy);

/* Closes what this process has created, which becomes PATH, replacing an older one; on failure it is discarded. */
plmr_status plmr_npy_commit(plmr_npy *npy);

/* Closes, and removes the draft if this process has created it; nothing if already committed. */
void plmr_npy_discard(plmr_npy *npy);
