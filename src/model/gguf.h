/* gguf.h - reads GGUF model files, versions 2 and 3; trusts nothing in them.
 *
 * A GGUF file holds keys with typed values, a list of tensors, and the tensors' data; everything is little-endian (the
 * format is described in docs/gguf.md of https://github.com/ggml-org/ggml). The file is mapped read-only, so a process
 * has in memory what it looks at, and the kernel can drop that again. Every length, count, offset and product of sizes
 * is checked against the file before it is used; what is allocated is at most a few times the size of the file's
 * header.
 *
 * Errors are of one line, "FILE: what is wrong; what to do", and have the code PLMR_ERROR_INPUT but for want of memory.
 * All functions are local and touch no MPI. A file must not be made shorter while it is open: as with every mapped
 * file, the system then ends the process that reads the missing part.
 */
#pragma once

#include "base/values.h"
#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_gguf plmr_gguf;

/* Bytes of an open file; no 0 byte ends them, and they need not be valid UTF-8. */
typedef struct plmr_gguf_text {
    const char *bytes;
    size_t n_bytes;
} plmr_gguf_text;

/* One tensor: a row-major matrix of `rows` x `cols`; the file's first, fastest dimension runs along a row, so a weight
 * is (out, in) and y = W x. Lives as long as its file is open. */
typedef struct plmr_gguf_tensor {
    plmr_gguf_text name;
    int n_dims;
    int64_t ne[4];                  /* as in the file, fastest first; 1 beyond n_dims */
    int64_t rows, cols;             /* cols = ne[0], rows = ne[1] * ne[2] * ne[3] */
    const struct plmr_quant *quant; /* how it is stored */
    size_t row_bytes;
    uint64_t offset; /* of the data, from the start of the file */
    const unsigned char *data;
} plmr_gguf_tensor;

/* Opens a file and checks all of its header. */
plmr_status plmr_gguf_open(const char *path, plmr_gguf **gguf);

/* The same for a file's bytes in memory, which must outlive *gguf; `path` is what errors call them. */
plmr_status plmr_gguf_parse(const void *bytes, size_t n_bytes, const char *path, plmr_gguf **gguf);

/* Where the file is the first part of a split model, MODEL-00001-of-0000N.gguf, opens the others beside it, and takes over
 * their tensors; a part that is missing, lacks a tensor or is of another model, whose keys contradict the first part's, is an error. */
plmr_status plmr_gguf_join(plmr_gguf *gguf);

/* Whether it has been joined with other parts. */
bool plmr_gguf_is_joined(const plmr_gguf *gguf);

/* NULL is allowed. */
void plmr_gguf_close(plmr_gguf *gguf);

/* What was opened, as the user named it. */
const char *plmr_gguf_path(const plmr_gguf *gguf);

/* An error in the file: "FILE: " and the formatted text, which says what is wrong and what to do. */
plmr_status plmr_gguf_fault(const plmr_gguf *gguf, const char *format, ...) PLMR_PRINTF(2, 3) PLMR_NEVER_NULL;

/* --- keys -----------------------------------------------------------------------------------------------------------
 */

bool plmr_gguf_has(const plmr_gguf *gguf, const char *key);
bool plmr_gguf_is_array(const plmr_gguf *gguf, const char *key);

/* The value of a key: an integer of any width, in [least, most]; a floating-point number, in [least, most]; a truth
 * value; a string. A key that is missing or has a value of another type is an error. */
plmr_status plmr_gguf_get_int(const plmr_gguf *gguf, const char *key, int64_t least, int64_t most, int64_t *value);
plmr_status plmr_gguf_get_float(const plmr_gguf *gguf, const char *key, double least, double most, double *value);
plmr_status plmr_gguf_get_bool(const plmr_gguf *gguf, const char *key, bool *value);
plmr_status plmr_gguf_get_text(const plmr_gguf *gguf, const char *key, plmr_gguf_text *value);

/* The elements of a key that is an array, truth values being 0 and 1; *values is for the caller to free, also when *n is 0. */
plmr_status plmr_gguf_get_ints(const plmr_gguf *gguf, const char *key, int64_t **values, size_t *n);
plmr_status plmr_gguf_get_floats(const plmr_gguf *gguf, const char *key, float **values, size_t *n);
plmr_status plmr_gguf_get_texts(const plmr_gguf *gguf, const char *key, plmr_gguf_text **values, size_t *n);

bool plmr_gguf_text_is(plmr_gguf_text text, const char *word);

/* Like strcmp. */
int plmr_gguf_text_compare(plmr_gguf_text a, plmr_gguf_text b);

/* Copies text in printable ASCII ('?' for anything else) for a message, cut to size - 1 bytes. Returns `to`. */
const char *plmr_gguf_show(plmr_gguf_text text, char *to, size_t size);

/* --- tensors --------------------------------------------------------------------------------------------------------
 */

/* All of them, sorted by name. */
const plmr_gguf_tensor *plmr_gguf_tensors(const plmr_gguf *gguf, size_t *n);

/* The tensor of this name, or NULL. */
const plmr_gguf_tensor *plmr_gguf_find(const plmr_gguf *gguf, const char *name);

/* "F32" or another of plmr_quant_list: files with a tensor of any other type are refused. */
const char *plmr_gguf_type_name(const plmr_gguf_tensor *tensor);

/* What a core stores the tensor in: its own type, and F16 for the quantised ones. */
enum plmr_dtype plmr_gguf_dtype(const plmr_gguf_tensor *tensor);

/* Writes the elements [row, row + n_rows) x [col, col + n_cols) to out, whose rows lie ld elements apart. They must lie
 * inside the tensor. */
void plmr_gguf_read(const plmr_gguf_tensor *tensor, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols,
                    float *out, size_t ld);

/* Makes a source of some rows of the tensor, which must stay open: the matrix (out, in) as it is stored. A vector has
 * one row. */
void plmr_source_gguf(plmr_source *source, const plmr_gguf_tensor *tensor, int64_t first_row, int64_t n_rows);

/* Tells the system that the tensor's pages in memory will hardly be needed again, once it has been loaded elsewhere.
 * It can still be read. */
void plmr_gguf_forget(const plmr_gguf *gguf, const plmr_gguf_tensor *tensor);
