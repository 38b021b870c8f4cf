/* hf_internal.h - what the parts that read Hugging Face's files share. */
#pragma once

#include "base/json_reader.h"
#include "model/gguf_made.h"
#include "model/hf.h"
#include "model/shape.h"

enum { PLMR_HF_MOST_PAIRS = 4096, PLMR_HF_NAME = 64 };

/* What config.json says beside keys. */
typedef struct plmr_hf_config {
    char arch[32];
    bool has_tied, permutes;              /* GGUF files of this architecture have queries' and keys' rows permuted */
    int n_factors;                        /* of rope; 0: none */
    float factors[2][PLMR_HF_MOST_PAIRS]; /* all; or those of short texts, and of long ones */
    bool has_long;
    int64_t bos, eos; /* -1: not said; eos: the first of them */
} plmr_hf_config;

/* One of the files, open; close it also where it fails. */
typedef struct plmr_hf_json {
    plmr_reader reader;
    char *path, *text;
    json_t *root; /* NULL: there is no such file */
} plmr_hf_json;

plmr_status plmr_hf_json_open(const char *folder, const char *name, bool must, plmr_hf_json *json);
void plmr_hf_json_close(plmr_hf_json *json);

/* The keys of config.json, and what it says beside them. */
plmr_status plmr_hf_read_config(const plmr_reader *reader, const json_t *root, plmr_made *made, plmr_hf_config *config);

/* The ids that end a text, of generation_config.json or config.json; a model's alone, for a shape ends none. */
plmr_status plmr_hf_read_ends(const plmr_reader *reader, const json_t *root, plmr_made *made, plmr_hf_config *config);

/* The keys of a vocabulary; none where the folder has no tokenizer.json. */
plmr_status plmr_hf_read_tokenizer(const char *folder, const plmr_hf_config *config, plmr_made *made);

/* A text of a node of tokenizer.json; "": there is none. */
const char *plmr_hf_text(const json_t *node, const char *key);

/* Takes the steps of tokenizer.json's `where`: none, one, or a sequence's parts. */
typedef plmr_status plmr_hf_step(void *context, const char *where, const char *type, const json_t *node);
plmr_status plmr_hf_walk(const json_t *root, const char *where, const char *parts, plmr_hf_step *step, void *context);

/* "WHERE: 'WHAT' HOW is nothing that plmr does". */
plmr_status plmr_hf_refuse(const plmr_reader *reader, const char *where, const char *what, const char *how);

/* Of a Unigram, and of a BPE with byte_fallback: what becomes of characters and spaces; *cuts: no piece goes on behind a
 * space. Of a byte-level BPE: how texts are cut into words. What plmr does not do exactly so is refused. */
plmr_status plmr_hf_put_spaces(const plmr_reader *reader, const json_t *root, bool is_bpe, plmr_made *made, bool *cuts);
plmr_status plmr_hf_put_words(const plmr_reader *reader, const json_t *root, plmr_made *made);

/* What is put around texts. */
typedef struct plmr_hf_ids {
    int64_t list[PLMR_VOCAB_MOST_AROUND];
    int n;
} plmr_hf_ids;

typedef struct plmr_hf_around {
    plmr_hf_ids before, behind;
} plmr_hf_around;

plmr_status plmr_hf_read_around(const plmr_reader *reader, const json_t *root, plmr_hf_around *around);

/* Changes a tensor's name, in PLMR_HF_NAME bytes at least, into that of GGUF files; what is unknown stays as it is. */
void plmr_hf_rename(const char *arch, char *name);
