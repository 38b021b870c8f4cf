#include "text/tokenizer_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

plmr_shown plmr_show(const char *text, size_t n_bytes)
{
    enum { MOST = 40 };
    plmr_shown shown;
    size_t n = n_bytes < MOST ? n_bytes : MOST;
    for (size_t i = 0; i < n; i++)
        shown.text[i] = (char)(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
    snprintf(shown.text + n, sizeof shown.text - n, "%s", n_bytes > MOST ? "..." : "");
    return shown;
}

plmr_vocab_spec plmr_vocab_spec_none(void)
{
    return (plmr_vocab_spec){.bos = PLMR_TOKEN_NONE,
                             .eos = PLMR_TOKEN_NONE,
                             .eot = PLMR_TOKEN_NONE,
                             .eom = PLMR_TOKEN_NONE,
                             .unk = PLMR_TOKEN_NONE,
                             .fim_pad = PLMR_TOKEN_NONE,
                             .fim_rep = PLMR_TOKEN_NONE,
                             .fim_sep = PLMR_TOKEN_NONE};
}

static plmr_status check_kind(const plmr_vocab_spec *spec, enum plmr_vocab_kind *kind)
{
    static const char *const names[] = {[PLMR_VOCAB_LLAMA] = "llama",
                                        [PLMR_VOCAB_GPT2] = "gpt2",
                                        [PLMR_VOCAB_UNIGRAM] = "t5",
                                        [PLMR_VOCAB_NONE] = "no_vocab"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(spec->kind, names[i]) == 0) {
            *kind = (enum plmr_vocab_kind)i;
            return PLMR_OK;
        }
    return plmr_error_make(PLMR_ERROR_INPUT, "the tokenizer \"%s\" is unknown; plmr has llama, gpt2, t5 and no_vocab",
                           plmr_show(spec->kind, strlen(spec->kind)).text);
}

/* A list that has one element for each token, or none if it may be left out. */
static plmr_status check_count(const plmr_vocab_spec *spec, const char *name, int64_t n, bool may_lack)
{
    if (n == spec->n_tokens || (n == 0 && may_lack))
        return PLMR_OK;
    return plmr_error_make(PLMR_ERROR_INPUT, "the vocabulary has %lld tokens, but %lld %s", (long long)spec->n_tokens,
                           (long long)n, name);
}

static plmr_status check_sizes(const plmr_vocab_spec *spec, enum plmr_vocab_kind kind)
{
    int least = kind != PLMR_VOCAB_NONE;
    PLMR_CHECK(spec->n_tokens >= least && spec->n_tokens <= PLMR_VOCAB_MOST, PLMR_ERROR_INPUT,
               "the vocabulary has %lld tokens, expected %d to %d", (long long)spec->n_tokens, least, PLMR_VOCAB_MOST);
    if (kind == PLMR_VOCAB_NONE)
        return PLMR_OK;
    PLMR_CHECK(spec->n_merges >= 0 && spec->n_merges <= PLMR_VOCAB_MOST, PLMR_ERROR_INPUT,
               "the vocabulary has %lld merges, expected 0 to %d", (long long)spec->n_merges, PLMR_VOCAB_MOST);
    PLMR_TRY(check_count(spec, "token types", spec->n_types, true));
    PLMR_TRY(check_count(spec, "numbers of what they strip", spec->n_strips, true));
    return check_count(spec, "scores", spec->n_scores,
                       kind == PLMR_VOCAB_GPT2 || (kind == PLMR_VOCAB_LLAMA && spec->by_merges));
}

static bool is_none(int64_t id)
{
    return id == PLMR_TOKEN_NONE || id == UINT32_MAX;
}

static plmr_status check_id(const plmr_vocab_spec *spec, const char *name, int64_t id)
{
    if (is_none(id))
        return PLMR_OK;
    int64_t n = spec->n_tokens > 0 ? spec->n_tokens : INT32_MAX;
    PLMR_CHECK(id >= 0 && id < n, PLMR_ERROR_INPUT, "the vocabulary's %s token %lld is out of range: 0 to %lld", name,
               (long long)id, (long long)n - 1);
    return PLMR_OK;
}

static plmr_status check_ids(const plmr_vocab_spec *spec)
{
    PLMR_TRY(check_id(spec, "bos", spec->bos));
    PLMR_TRY(check_id(spec, "eos", spec->eos));
    PLMR_TRY(check_id(spec, "eot", spec->eot));
    PLMR_TRY(check_id(spec, "eom", spec->eom));
    PLMR_TRY(check_id(spec, "unknown", spec->unk));
    PLMR_TRY(check_id(spec, "fim_pad", spec->fim_pad));
    PLMR_TRY(check_id(spec, "fim_rep", spec->fim_rep));
    PLMR_TRY(check_id(spec, "fim_sep", spec->fim_sep));
    PLMR_CHECK(spec->add_bos != PLMR_YES || !is_none(spec->bos), PLMR_ERROR_INPUT,
               "the vocabulary wants a bos token in front of texts, but has none");
    PLMR_CHECK(spec->add_eos != PLMR_YES || !is_none(spec->eos), PLMR_ERROR_INPUT,
               "the vocabulary wants an eos token behind texts, but has none");
    return PLMR_OK;
}

static plmr_status check_around(const plmr_vocab_spec *spec, const char *name, const int64_t *ids, int64_t n)
{
    PLMR_CHECK(n >= 0 && n <= PLMR_VOCAB_MOST_AROUND, PLMR_ERROR_INPUT,
               "the vocabulary puts %lld tokens %s texts, expected at most %d", (long long)n, name,
               PLMR_VOCAB_MOST_AROUND);
    for (int64_t i = 0; i < n; i++)
        PLMR_CHECK(ids[i] >= 0 && ids[i] < spec->n_tokens, PLMR_ERROR_INPUT,
                   "the vocabulary puts token %lld %s texts, expected 0 to %lld", (long long)ids[i], name,
                   (long long)spec->n_tokens - 1);
    return PLMR_OK;
}

static plmr_status check_spaces(const plmr_vocab_spec *spec)
{
    PLMR_CHECK(spec->prefix >= 0 && spec->prefix < PLMR_N_PREFIXES, PLMR_ERROR_INPUT,
               "where the vocabulary puts a space in front is %lld, expected 0 to %d", (long long)spec->prefix,
               PLMR_N_PREFIXES - 1);
    PLMR_CHECK(spec->spaces >= 0 && spec->spaces <= PLMR_SPACES_ALL, PLMR_ERROR_INPUT,
               "what becomes of the vocabulary's spaces is %lld, expected 0 to %d", (long long)spec->spaces,
               PLMR_SPACES_ALL);
    return PLMR_OK;
}

static plmr_status check_token(const plmr_vocab_spec *spec, enum plmr_vocab_kind kind, int64_t i)
{
    plmr_token_text text = spec->tokens[i];
    PLMR_CHECK(text.n_bytes <= PLMR_TOKEN_MOST_BYTES, PLMR_ERROR_INPUT,
               "token %lld of the vocabulary has %zu bytes, expected at most %d", (long long)i, text.n_bytes,
               PLMR_TOKEN_MOST_BYTES);
    PLMR_CHECK(spec->n_scores == 0 || !isnan(spec->scores[i]), PLMR_ERROR_INPUT,
               "the score of token %lld of the vocabulary is not a number", (long long)i);
    PLMR_CHECK(spec->n_strips == 0 || (spec->strips[i] & ~(PLMR_STRIPS_BEFORE | PLMR_STRIPS_BEHIND)) == 0,
               PLMR_ERROR_INPUT, "what token %lld of the vocabulary strips is %lld, expected 0 to 3", (long long)i,
               (long long)spec->strips[i]);
    if (spec->n_types == 0)
        return PLMR_OK;
    PLMR_CHECK(spec->types[i] >= 0 && spec->types[i] < PLMR_N_TOKEN_TYPES, PLMR_ERROR_INPUT,
               "the type of token %lld of the vocabulary is %lld, expected 0 to %d", (long long)i,
               (long long)spec->types[i], PLMR_N_TOKEN_TYPES - 1);
    PLMR_CHECK(kind == PLMR_VOCAB_GPT2 || spec->types[i] != PLMR_TOKEN_BYTE || plmr_vocab_byte(text) >= 0,
               PLMR_ERROR_INPUT, "token %lld of the vocabulary is a byte, but says \"%s\", expected <0x00> to <0xFF>",
               (long long)i, plmr_show(text.bytes, text.n_bytes).text);
    return PLMR_OK;
}

plmr_status plmr_vocab_check(const plmr_vocab_spec *spec, enum plmr_vocab_kind *kind)
{
    PLMR_TRY(check_kind(spec, kind));
    PLMR_TRY(check_sizes(spec, *kind));
    PLMR_TRY(check_ids(spec));
    PLMR_TRY(check_spaces(spec));
    PLMR_TRY(check_around(spec, "in front of", spec->before, spec->n_before));
    PLMR_TRY(check_around(spec, "behind", spec->behind, spec->n_behind));
    for (int64_t i = 0; i < spec->n_tokens && *kind != PLMR_VOCAB_NONE; i++)
        PLMR_TRY(check_token(spec, *kind, i));
    return *kind == PLMR_VOCAB_UNIGRAM ? plmr_unigram_check(spec) : PLMR_OK;
}
