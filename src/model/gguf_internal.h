/* gguf_internal.h - what the parts of the GGUF reader share. */
#pragma once

#include "model/gguf.h"

/* Types of values, as numbered in the file. */
enum plmr_gguf_value_type {
    PLMR_GGUF_U8,
    PLMR_GGUF_I8,
    PLMR_GGUF_U16,
    PLMR_GGUF_I16,
    PLMR_GGUF_U32,
    PLMR_GGUF_I32,
    PLMR_GGUF_F32,
    PLMR_GGUF_BOOL,
    PLMR_GGUF_TEXT,
    PLMR_GGUF_ARRAY,
    PLMR_GGUF_U64,
    PLMR_GGUF_I64,
    PLMR_GGUF_F64,
    PLMR_GGUF_N_VALUE_TYPES
};

/* A key and its value; an array has the type of its elements. */
typedef struct plmr_gguf_value {
    plmr_gguf_text key;
    enum plmr_gguf_value_type type;
    bool is_array;
    uint64_t count; /* 1 unless it is an array */
    size_t at;      /* of the first element, in the file */
} plmr_gguf_value;

struct plmr_gguf {
    char *path;
    const unsigned char *bytes;
    size_t n_bytes;
    bool mapped;
    uint64_t n_values, n_tensors;
    plmr_gguf_value *values;   /* sorted by key */
    plmr_gguf_tensor *tensors; /* sorted by name; those of all parts */
    struct plmr_gguf *part;    /* the next part of a split model, if they have been joined */
    unsigned char *made;       /* bytes, where they are this one's own */
    char *names;               /* of tensors, and */
    float *factors;            /* the data of some, which no file has */
};

/* A place in the header; every step is checked against the end of the file. */
typedef struct plmr_gguf_cursor {
    const plmr_gguf *gguf;
    size_t at;
} plmr_gguf_cursor;

/* What to tell the user where a file contradicts itself. */
#define PLMR_GGUF_DAMAGED "the file is damaged or cut short: copy or download it again"

/* The longest text that an error quotes. */
enum { PLMR_GGUF_SHOWN = 80 };

/* Maps a file read-only; an empty one is at NULL. */
plmr_status plmr_gguf_map(const char *path, const unsigned char **bytes, size_t *n_bytes);

/* Takes over all tensors of a part. */
void plmr_gguf_take_tensors(plmr_gguf *first, const plmr_gguf *part);

/* Steps over n bytes. */
plmr_status plmr_gguf_skip(plmr_gguf_cursor *cursor, uint64_t n);

/* Read what lies at the cursor, and step over it. */
plmr_status plmr_gguf_take_u32(plmr_gguf_cursor *cursor, uint32_t *value);
plmr_status plmr_gguf_take_u64(plmr_gguf_cursor *cursor, uint64_t *value);
plmr_status plmr_gguf_take_text(plmr_gguf_cursor *cursor, plmr_gguf_text *text);

/* Reads magic, version and counts, the values, and the tensors; for each of them room is made in *gguf, which has its
 * path and bytes already. What was made is the caller's to free, also on failure. */
plmr_status plmr_gguf_read_header(plmr_gguf *gguf);

/* What such bytes hold by a reader of headers, that one or another format's; they go with *gguf if they are mapped. */
typedef plmr_status (*plmr_gguf_reader)(plmr_gguf *gguf);
plmr_status plmr_gguf_make(plmr_gguf_reader read_header, const void *bytes, size_t n_bytes, const char *path,
                           bool mapped, plmr_gguf **gguf);

/* The same for the n_tensors at the cursor, which the header comes before; and for their data, which follow it. */
plmr_status plmr_gguf_read_tensors(plmr_gguf_cursor *cursor, plmr_gguf *gguf);

/* What is wrong with a tensor of a file. */
plmr_status plmr_gguf_tensor_fault(const plmr_gguf *gguf, const plmr_gguf_tensor *tensor, const char *what);

/* Tensors of one file may not overlap in it; they are in the order in which they lie afterwards. */
plmr_status plmr_gguf_check_overlaps(plmr_gguf *gguf);

/* Sorts the tensors by name; no two may have the same. */
plmr_status plmr_gguf_sort_tensors(plmr_gguf *gguf);

/* Bytes of one value of a type that has a fixed size, else 0. */
size_t plmr_gguf_value_bytes(enum plmr_gguf_value_type type);
