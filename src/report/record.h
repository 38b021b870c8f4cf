/* record.h - what is known of one run of one algorithm, and its form as JSON.
 *
 * The list is the only place that names the fields: the struct, the JSON keys and their order are made from it.
 * X(type, key). A text that is NULL, a count that is -1, a real that is not finite and a hash that is not known are
 * null in JSON. The keys down to `date` are fixed; others may be added after them.
 */
#ifndef PLMR_RECORD_H
#define PLMR_RECORD_H

#include "plmr/status.h"
#include "plmr/types.h"

/* clang-format off */
#define PLMR_RECORD_FIELDS(X)                                                                                          \
    X(text, command)                                                                                                   \
    X(text, algorithm)                                                                                                 \
    X(text, device)                                                                                                    \
    X(count, rows)               /* cores */                                                                           \
    X(count, cols)                                                                                                     \
    X(count, m)                                                                                                        \
    X(count, k)                                                                                                        \
    X(count, n)                                                                                                        \
    X(text, dtype)                                                                                                     \
    X(text, mode)                                                                                                      \
    X(count, ranks)                                                                                                    \
    X(real, cycles)                                                                                                    \
    X(real, virtual_s)           /* cycles over the device's clock */                                                  \
    X(real, compute_cycles)                                                                                            \
    X(real, efficiency)          /* compute_cycles over cycles */                                                      \
    X(count, hops_critical)                                                                                            \
    X(count, stages_critical)                                                                                          \
    X(count, routes_max)                                                                                               \
    X(count, routes_limit)                                                                                             \
    X(count, sram_peak_bytes)                                                                                          \
    X(count, sram_limit_bytes)                                                                                         \
    X(count, wavelet_hops)                                                                                             \
    X(real, energy_j)            /* the device's power times virtual_s; null where the power is unknown */             \
    X(count, padded_m)                                                                                                 \
    X(count, padded_k)                                                                                                 \
    X(count, padded_n)                                                                                                 \
    X(text, violates)            /* "", "M", "R" or "M,R" */                                                           \
    X(real, verify_max_abs_err)                                                                                        \
    X(real, verify_max_rel_err)  /* the same over the largest element of the reference */                              \
    X(hash, checksum)            /* of the result's bits: 16 hexadecimal digits */                                     \
    X(real, wall_s)                                                                                                    \
    X(real, core_steps_per_s)                                                                                          \
    X(real, gflops)              /* useful ones, without padding */                                                    \
    X(text, version)                                                                                                   \
    X(text, host)                                                                                                      \
    X(text, date)                /* ISO 8601, UTC */                                                                   \
    X(text, accumulate)                                                                                                \
    X(text, transposed)          /* "B" for C = A B^T, else "" */                                                      \
    X(count, steps)              /* compute steps of each core */                                                      \
    X(count, routes_program)     /* distinct routes of the whole program */                                            \
    X(text, groups)              /* of a reduction tree, level by level: "24", "40,5" */                               \
    X(count, seed)               /* of synthetic values */                                                             \
    X(text, verified)            /* "yes", "no": an element is further off than rounding allows, or null: not checked */  \
    X(real, verify_bound)        /* the largest error that rounding allows any checked element */                      \
    X(count, verify_elements)    /* checked */                                                                         \
    X(text, ranks_grid)          /* "2x3": rows x columns of ranks */                                                  \
    X(text, kernel)              /* instruction set of the arithmetic on the host */                                   \
    X(text, error)               /* why there are no cycles: what the device cannot hold */
/* clang-format on */

typedef const char *plmr_record_text;
typedef int64_t plmr_record_count;
typedef double plmr_record_real;
typedef struct plmr_record_hash {
    bool known;
    uint64_t bits;
} plmr_record_hash;

/* Texts belong to whoever fills the record in and must live as long. */
typedef struct plmr_record {
#define X(type, key) plmr_record_##type key;
    PLMR_RECORD_FIELDS(X)
#undef X
} plmr_record;

/* A record in which nothing is known. */
plmr_record plmr_record_none(void);

/* The record as one JSON object on one line, without the newline; the caller frees it. Whole numbers are printed as
 * such. Local. */
plmr_status plmr_record_json(const plmr_record *record, char **line);

/* Where and when this program runs; fields of every record. */
typedef struct plmr_provenance {
    char host[256], date[32];
} plmr_provenance;

plmr_provenance plmr_provenance_now(void);

#endif
