/* npy_header.h - the text in front of a .npy file's elements: a Python dictionary with descr, fortran_order and shape.
 */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

enum {
    PLMR_NPY_PREAMBLE = 12,     /* magic, version, length of the text: bytes to read before anything is known */
    PLMR_NPY_HEADER = 128,      /* preamble and text as plmr writes them */
    PLMR_NPY_TEXT_MOST = 10000, /* longer texts are refused, as NumPy itself does; plain arrays have about 118 */
};

/* What a user can do about a file that was refused: ends the error's line. */
#define PLMR_NPY_HINT "save it with numpy.save(file, arr.astype('float32', order='C'))"

typedef struct plmr_npy_shape {
    enum plmr_dtype dtype;
    int n_dims;
    int64_t rows, cols;
} plmr_npy_shape;

/* Finds the text from the first n_bytes (at most PLMR_NPY_PREAMBLE) of a file: where it begins and how long it is. */
plmr_status plmr_npy_header_locate(const char *path, const unsigned char *preamble, size_t n_bytes, size_t *text_at,
                                   size_t *n_text);

/* Reads the text, which need not be terminated. `path` is for errors. */
plmr_status plmr_npy_header_parse(const char *path, const char *text, size_t n_text, plmr_npy_shape *shape);

/* Writes preamble and text, PLMR_NPY_HEADER bytes in all. */
void plmr_npy_header_format(const plmr_npy_shape *shape, char *header);
