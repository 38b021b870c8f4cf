/* tokenizer_internal.h - what the parts of the tokenizer share: the vocabulary in memory, and one text's encoding. */
#pragma once

#include "text/pretokenize.h"
#include "text/symbols.h"
#include "text/tokenizer.h"

enum plmr_vocab_kind { PLMR_VOCAB_LLAMA, PLMR_VOCAB_GPT2, PLMR_VOCAB_UNIGRAM, PLMR_VOCAB_NONE };

#define PLMR_SPACE_MARK "\xe2\x96\x81" /* U+2581 */
enum { PLMR_SPACE_MARK_BYTES = sizeof PLMR_SPACE_MARK - 1 };

/* The strings of all tokens, one behind the other: that of token i is bytes[at[i]] to bytes[at[i + 1]]. */
typedef struct plmr_strings {
    char *bytes;
    size_t *at;
} plmr_strings;

/* gpt2: that `left` and `right` may merge. left is PLMR_TOKEN_NONE in an empty slot. */
typedef struct plmr_merge {
    int32_t left, right, result;
    uint32_t rank;
} plmr_merge;

/* A control, unknown or user-defined token. */
typedef struct plmr_special {
    plmr_token_text text; /* in the tokenizer's texts */
    int32_t id;
    bool is_user_defined;
} plmr_special;

/* t5: a token that texts are cut into. */
typedef struct plmr_piece {
    plmr_token_text text; /* in the tokenizer's texts */
    int32_t id;
    double score;
} plmr_piece;

typedef struct plmr_unigram {
    plmr_piece *pieces; /* sorted by their texts */
    int32_t n_pieces;
    double unknown_score;
    int64_t spaces;    /* as in the spec */
    bool strips_white; /* at a stretch's ends; else spaces alone */
    char *map;         /* of characters (precompiled_charsmap) */
    size_t n_map;
} plmr_unigram;

/* t5: of all ways to cut a text up to here into tokens, the best: its last token, where that begins, and its sum. */
typedef struct plmr_cut {
    int32_t id;
    size_t from, next; /* next: of the best way of the whole text */
    double sum;
} plmr_cut;

/* Ids that are put around a text. */
typedef struct plmr_around {
    int32_t ids[PLMR_VOCAB_MOST_AROUND];
    int n;
} plmr_around;

struct plmr_tokenizer {
    enum plmr_vocab_kind kind;
    int32_t n_tokens;
    int32_t bos, eos, unk;
    plmr_around before, behind;
    enum plmr_space_prefix prefix;
    bool prefixes_blank;   /* a stretch of spaces alone, too */
    uint8_t *types;        /* enum plmr_token_type */
    bool *is_end;          /* by id */
    plmr_strings texts;    /* as the vocabulary spells them */
    plmr_strings pieces;   /* as they are decoded */
    int32_t byte_ids[256]; /* the token of a byte, or PLMR_TOKEN_NONE */
    size_t longest;        /* of the texts, in bytes */

    int32_t *slots; /* text to id: a hash table with linear probing */
    size_t n_slots; /* a power of two */

    plmr_special *specials; /* sorted by their texts */
    int32_t n_specials;
    bool special_starts[256]; /* with these bytes */
    uint8_t *strips;          /* by id; NULL: none takes white space with it */

    bool by_merges, keeps_tokens; /* as in the spec */
    uint32_t *ranks;              /* llama: of the scores, the best lowest */
    bool words_apart; /* llama: no token has a space mark behind anything else, so none reaches over a word's start */

    plmr_pretokenizer *pretokenizer; /* gpt2 */
    plmr_merge *merges;              /* gpt2, or by_merges: a hash table with linear probing */
    size_t n_merge_slots;            /* a power of two */

    plmr_unigram unigram; /* t5 */
};

/* The encoding of one text. */
typedef struct plmr_encoding {
    const plmr_tokenizer *tokenizer;
    int32_t *ids;
    size_t n_ids, ids_room;
    plmr_symbols symbols;
    bool starts;  /* what is encoded is the text's beginning */
    char *mapped; /* t5: a stretch of text of other characters; gpt2: with a space in front */
    size_t mapped_room;
    char *marked; /* llama, t5: a stretch of text with marks for spaces */
    size_t marked_room;
    plmr_cut *cuts; /* t5: by byte of it */
    size_t cuts_room;
} plmr_encoding;

/* Checks what does not need the vocabulary's index: sizes, ids, types, scores. */
plmr_status plmr_vocab_check(const plmr_vocab_spec *spec, enum plmr_vocab_kind *kind);

/* Fills texts, types, ends and index from a spec that was checked; fails on tokens that are there twice. */
plmr_status plmr_vocab_index(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);

/* The token of this text, or PLMR_TOKEN_NONE. */
int32_t plmr_vocab_find(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes);

plmr_token_text plmr_strings_get(const plmr_strings *strings, int32_t id);

/* Whether a token is control, unknown or user-defined; whether it is one that merging may make. */
bool plmr_vocab_is_special(const plmr_tokenizer *tokenizer, int32_t id);
bool plmr_vocab_is_plain(const plmr_tokenizer *tokenizer, int32_t id);

/* The byte that a text such as <0x0A> stands for; -1: none. */
int plmr_vocab_byte(plmr_token_text text);

/* Fills the pieces. `decode` puts the bytes of a token that is neither control nor unknown into out, at most as many as
 * its text has, and returns how many. */
typedef size_t plmr_decode_fn(enum plmr_token_type type, plmr_token_text text, char *out);
void plmr_vocab_decode(plmr_tokenizer *tokenizer, plmr_decode_fn *decode);

/* Up to 40 bytes of a text from a file as plain ASCII, for errors. */
typedef struct plmr_shown {
    char text[44];
} plmr_shown;
plmr_shown plmr_show(const char *text, size_t n_bytes);

/* Collects the special tokens, and what they take with them. */
void plmr_specials_index(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);

/* The longest special token that the text begins with, user-defined or, if asked for, of any kind; or PLMR_TOKEN_NONE.
 */
int32_t plmr_specials_find(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool any_kind,
                           size_t *n_special);

/* Bytes of white space that a special token (PLMR_TOKEN_NONE: none) takes along from the end of the text in front of it, and
 * from the start of the one behind it. */
size_t plmr_specials_strip_before(const plmr_tokenizer *tokenizer, int32_t id, const char *text, size_t n_bytes);
size_t plmr_specials_strip_behind(const plmr_tokenizer *tokenizer, int32_t id, const char *text, size_t n_bytes);

/* Adds an id to the encoding. */
void plmr_encoding_add(plmr_encoding *encoding, int32_t id);

/* Adds the tokens that stand for n bytes without a token: those of the bytes, else the unknown token, unless it is
 * `there` already. */
plmr_status plmr_encoding_add_bytes(plmr_encoding *encoding, const char *text, size_t n_bytes, bool there);

/* Adds what was merged: the symbols' tokens, and where there are none, those of their bytes. */
plmr_status plmr_encoding_add_symbols(plmr_encoding *encoding, const char *text);

/* Whether a stretch of text has a space put in front; `mark`: what is a space there, besides one. */
bool plmr_encoding_prefixes(const plmr_encoding *encoding, const char *text, size_t n_bytes, const char *mark);

/* Fills the table of merges; and finds what two neighbours make, for plmr_symbols_merge (its context: the tokenizer). */
plmr_status plmr_bpe_index_merges(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);
bool plmr_bpe_may_merge(void *context, const plmr_symbol *left, const plmr_symbol *right, plmr_pair *pair);

/* What a kind of vocabulary does: completes the tokenizer, and encodes a stretch of text between special tokens. */
plmr_status plmr_spm_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);
plmr_status plmr_spm_encode(plmr_encoding *encoding, const char *text, size_t n_bytes);
plmr_status plmr_bpe_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);
plmr_status plmr_bpe_encode(plmr_encoding *encoding, const char *text, size_t n_bytes);
plmr_status plmr_unigram_check(const plmr_vocab_spec *spec);
plmr_status plmr_unigram_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);
plmr_status plmr_unigram_encode(plmr_encoding *encoding, const char *text, size_t n_bytes);
