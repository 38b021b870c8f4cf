/* shape_internal.h - what the parts that read models share. */
#pragma once

#include "model/shape.h"

struct plmr_model {
    plmr_model_shape shape;
    char *file;      /* NULL: it was not opened from one */
    plmr_gguf *gguf; /* NULL for made-up weights */
    enum plmr_weights weights;
    float scale[PLMR_N_WEIGHTS];               /* of made-up weights, as their sources point to it */
    enum plmr_dtype (*dtypes)[PLMR_N_WEIGHTS]; /* by layer: what cores hold experts in that have a file */
};

/* A whole number of a shape, and what files call it. */
typedef struct plmr_shape_number {
    const char *json, *gguf; /* key of the root object; key less "ARCHITECTURE."; NULL where there is none */
    size_t at;               /* in plmr_model_shape */
    int most;                /* least is 1 */
    bool optional_in_json, optional_in_gguf; /* 0 where it is missing */
} plmr_shape_number;

enum { PLMR_N_SHAPE_NUMBERS = 9, PLMR_MOST_VOCAB = 1 << 24 };

extern const plmr_shape_number plmr_shape_numbers[PLMR_N_SHAPE_NUMBERS];

static inline int *plmr_shape_number_in(plmr_model_shape *shape, const plmr_shape_number *number)
{
    return (int *)((char *)shape + number->at);
}

/* Bounds of the others; base and eps must lie inside. */
#define PLMR_MOST_RMS_EPS 0.1
#define PLMR_LEAST_RMS_EPS 1e-12
#define PLMR_LEAST_ROPE_BASE 1.0
#define PLMR_MOST_ROPE_BASE 1e12

/* The architecture of this name; false if there is none. And their names, `last` between the last two. */
bool plmr_arch_named(plmr_gguf_text name, const plmr_arch **arch);
enum { PLMR_ARCH_NAMES = 160 };
void plmr_arch_names(const char *last, char text[PLMR_ARCH_NAMES]);

/* Where a number of an architecture goes. */
void plmr_shape_set(plmr_model_shape *shape, const plmr_arch_key *key, double value);

/* What numbers are that no file says: factors of 1, and those of the architecture's keys that may be missing. */
void plmr_shape_defaults(plmr_model_shape *shape);

/* Fills in what was left 0 (n_kv_heads, head_dim, rope_dim) and what follows from the architecture, and checks that the
 * numbers go together. Errors start with "FILE: ". */
plmr_status plmr_shape_complete(plmr_model_shape *shape, const char *path);

/* The name of a layer's (or the model's) weight in a GGUF file. */
enum { PLMR_WEIGHT_NAME = 48 };
const char *plmr_weight_full_name(const plmr_arch *arch, enum plmr_weight which, int layer,
                                  char name[PLMR_WEIGHT_NAME]);

/* The tensor that has it, and its name; NULL: there is none. Experts' matrices lie one below the other in one tensor, or
 * each is_apart, in one of its own. */
const plmr_gguf_tensor *plmr_weight_tensor(const plmr_model *model, enum plmr_weight which, int layer, int expert,
                                           bool *is_apart, char name[PLMR_WEIGHT_NAME]);

/* Which rows of a tensor it is; NULL: all. And the rows of its tensor. */
const plmr_arch_slice *plmr_weight_slice(const plmr_arch *arch, enum plmr_weight which);
int64_t plmr_weight_tensor_rows(const plmr_model_shape *shape, enum plmr_weight which);

/* Makes a model out of text or bytes, whose origin errors call `path`; `name` becomes the shape's. */
plmr_status plmr_model_read_json(const char *text, const char *path, plmr_model *model);
plmr_status plmr_model_read_gguf(plmr_model *model);

/* The shape alone, of keys without tensors that are Hugging Face's (model/hf.h). */
plmr_status plmr_model_read_gguf_keys(plmr_model *model);

/* Finds what cores hold experts in, before anything is counted. */
void plmr_model_find_dtypes(plmr_model *model);

/* Sets what can be counted: n_parameters, n_bytes; and the scales of made-up weights. */
void plmr_model_count(plmr_model *model);
