/* tokenizer.h - text to token ids and back.
 *
 * Kinds of vocabulary (`tokenizer.ggml.model`):
 *   llama     SentencePiece BPE. A space becomes U+2581, and one is put in front of the text. Characters are merged to
 *             tokens, the pair with the best score first, of equal ones the leftmost; or as a list of merges says. What has
 *             no token becomes the tokens of its bytes, <0x00> to <0xFF>.
 *   gpt2      Byte-level BPE. The text is cut into words (pretokenize.h), and in each word bytes are merged, the pair
 *             that comes first in the list of merges first, of equal ones the leftmost. No Unicode normalisation.
 *   t5        SentencePiece Unigram. Characters are replaced as the vocabulary's map says (precompiled_charsmap), bytes that
 *             belong to none by U+FFFD, and spaces by U+2581: one in front of the text, one for several in a row, as the
 *             vocabulary wants. Of all ways to cut that into tokens the one with the greatest sum of scores is taken. What
 *             has no token becomes the tokens of its bytes if there are such, else one unknown token, however long it is.
 *   no_vocab  Ids only: neither encoding nor decoding.
 *
 * A text need not be valid UTF-8. Bytes that belong to no character are taken one by one, and decoding gives them back
 * as they were, in vocabularies that have a token for every byte. A byte without one becomes the unknown token, and is
 * an error where there is none (`llama`: one unknown token for a whole character). In a `llama` text U+2581 is a space.
 *
 * A tokenizer does not change after it is made, so threads may share it. All functions are local; errors are one line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/gguf.h"
#include "model/hf.h"
#include "plmr/status.h"

/* As in `tokenizer.ggml.token_type`. Unknown, control and byte tokens are never made by merging, unless one of the
 * merges of a `gpt2` vocabulary says so. User-defined tokens are found in the text before anything is merged, unknown
 * and control tokens too where the caller asks for it. */
enum plmr_token_type {
    PLMR_TOKEN_UNDEFINED,
    PLMR_TOKEN_NORMAL,
    PLMR_TOKEN_UNKNOWN,
    PLMR_TOKEN_CONTROL,
    PLMR_TOKEN_USER_DEFINED,
    PLMR_TOKEN_UNUSED,
    PLMR_TOKEN_BYTE,
    PLMR_N_TOKEN_TYPES,
};

enum plmr_choice { PLMR_UNSAID, PLMR_NO, PLMR_YES };

enum {
    PLMR_TOKEN_NONE = -1,
    PLMR_TOKEN_MOST_BYTES = 4096,   /* of one token */
    PLMR_VOCAB_MOST = 1 << 22,      /* tokens, and merges */
    PLMR_TEXT_MOST_BYTES = 1 << 28, /* of one text to encode */
};

typedef plmr_gguf_text plmr_token_text;

/* A vocabulary as a model file describes it: borrowed, and nothing in it is trusted. */
typedef struct plmr_vocab_spec {
    const char *kind; /* "llama", "gpt2", "t5" or "no_vocab" */
    const char *pre;  /* gpt2: the name of the pre-tokenizer; NULL: "default" */
    int64_t n_tokens, n_scores, n_types, n_strips, n_merges, n_before, n_behind;
    const plmr_token_text *tokens; /* no two are the same, but any number are empty */
    const float *scores;           /* llama (unless by_merges), t5: one a token */
    const int64_t *types;          /* one a token; none at all: normal, and bytes where one says <0xNN>, but in gpt2 */
    const int64_t *strips;         /* one a token, a sum of PLMR_STRIPS; none at all: 0 */
    const plmr_token_text *merges; /* gpt2: "a b", best first; a, b and ab are tokens; of equal ones the first counts */
    bool by_merges;                /* llama: merges say what is merged, as in gpt2, not scores */
    enum plmr_choice keeps_tokens; /* gpt2: words that are tokens stay whole; unsaid: as the pre-tokenizer has it */
    int64_t bos, eos, eot, eom, unk;   /* ids; PLMR_TOKEN_NONE or 2^32 - 1: there is none */
    int64_t fim_pad, fim_rep, fim_sep; /* likewise, of filling in the middle: what ends it, a repository, a file */
    enum plmr_choice add_bos;          /* unsaid: yes for llama, and as the pre-tokenizer has it, if there is a bos */
    enum plmr_choice add_eos;          /* unsaid: no; t5: yes, if there is one */
    enum plmr_choice add_space_prefix; /* llama; unsaid: yes; t5; unsaid: no */
    enum plmr_choice merge_spaces;     /* t5: several in a row are one; unsaid: no */
    int64_t prefix;                    /* enum plmr_space_prefix; unsaid: as add_space_prefix has it */
    int64_t spaces;                    /* t5: a sum of PLMR_SPACES */
    const int64_t *before, *behind;    /* ids in front of a text and behind it; none: as add_bos and add_eos have it */
    const char *charsmap;              /* t5 */
    size_t n_charsmap;
} plmr_vocab_spec;

/* A spec with no tokens, no ids, and nothing said. */
plmr_vocab_spec plmr_vocab_spec_none(void);

typedef struct plmr_tokenizer plmr_tokenizer;

/* Checks the vocabulary and copies what is needed of it. */
plmr_status plmr_tokenizer_create(const plmr_vocab_spec *spec, plmr_tokenizer **tokenizer);

/* NULL is allowed. */
void plmr_tokenizer_destroy(plmr_tokenizer *tokenizer);

/* Encodes a text; the caller frees *ids (also when there are none).
 * add_special: put BOS in front and EOS behind, or what else the vocabulary wants there.
 * parse_special: control tokens that are spelt out in the text, such as <|im_start|>, become these tokens. Otherwise
 * they are text like any other. The leftmost comes first, of several that begin there the longest. */
plmr_status plmr_tokenizer_encode(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool add_special,
                                  bool parse_special, int32_t **ids, int *n_ids);

/* The bytes that token `id` adds to a text whose last token is `before` (PLMR_TOKEN_NONE: the text begins; it may lie
 * beyond the vocabulary, in a model with more rows than tokens). They belong to the tokenizer and may be part of a
 * character (see utf8.h). Control tokens add none, the unknown token U+FFFD. The space that encoding puts in front is
 * left out again. */
plmr_status plmr_tokenizer_decode(const plmr_tokenizer *tokenizer, int32_t before, int32_t id, const char **bytes,
                                  size_t *n_bytes);

/* Decodes a whole text; the caller frees *text, which a zero byte follows. */
plmr_status plmr_tokenizer_decode_all(const plmr_tokenizer *tokenizer, const int32_t *ids, int n_ids, char **text,
                                      size_t *n_bytes);

/* The token as the vocabulary spells it: for lists of tokens. The bytes belong to the tokenizer. */
plmr_status plmr_tokenizer_spell(const plmr_tokenizer *tokenizer, int32_t id, const char **bytes, size_t *n_bytes);

/* Whether a model that gives this token has ended its text or its turn: eos, eot, eom, those of filling in the middle, and
 * tokens known by name, such as <|eot_id|> and <|im_end|>, which are control tokens whatever their type says. False for ids that are none. */
bool plmr_tokenizer_is_end(const plmr_tokenizer *tokenizer, int32_t id);

int plmr_tokenizer_n_tokens(const plmr_tokenizer *tokenizer);

/* PLMR_TOKEN_NONE if there is none. */
int32_t plmr_tokenizer_bos(const plmr_tokenizer *tokenizer);
