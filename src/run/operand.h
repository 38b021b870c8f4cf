/* operand.h - an operand of a product: a user's file, or made-up values. */
#pragma once

#include "base/npy.h"
#include "base/option.h"
#include "base/values.h"
#include "report/result.h"

typedef struct plmr_operand {
    const char *path; /* the caller's; NULL: made-up values */
    plmr_npy npy;
    plmr_source source;
} plmr_operand;

/* Opens the file, if there is one, and makes its source. All ranks read it. Collective. */
plmr_status plmr_operand_open(const char *path, plmr_operand *operand);
void plmr_operand_close(plmr_operand *operand);

/* The source of an operand without a file. `which` tells apart the operands of one seed. Local. */
void plmr_operand_fill(plmr_operand *operand, int64_t seed, int which, int64_t rows, int64_t cols);

/* What a product works with: two operands and the result, by their files; NULL: not given. */
typedef struct plmr_product_files {
    const char *paths[3];
    plmr_operand a, b;
    plmr_npy out;
} plmr_product_files;

/* Where the values of two operands come from: "A from A.npy, B synthetic with seed 1". */
void plmr_operand_describe(const char *name, const plmr_operand *operand, const char *other_name,
                           const plmr_operand *other, int64_t seed, char *text, size_t size);

/* A size of the problem, said by an option or a file; 0 while it is not known. */
typedef struct plmr_size {
    int64_t value;
    const char *file; /* NULL: an option says it */
} plmr_size;

/* Reads a size from the command line. */
plmr_option_reader plmr_read_size;
#define PLMR_SIZE(type, m) PLMR_READ_BY(plmr_read_size, type, m)

/* Says what the size that --NAME gives is, by a file that holds a rows x cols matrix. Fails if it is another already.
 * Local. */
plmr_status plmr_size_set(plmr_size *size, const char *name, int64_t value, const plmr_operand *operand);

/* The size, or `value` while it is not known. */
int64_t plmr_size_or(const plmr_size *size, int64_t value);
