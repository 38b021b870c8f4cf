#include "text/pretokenize.h"
#include "text/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Far above what any text takes that people write, and reached in well under a second. */
enum { STEPS_MOST = 10000000 };

/* Unicode's white space, spelt out: PCRE2's \s has U+180E too. */
#define SPACE "\\p{Z}\\t-\\r\\x{85}"
#define WORD "\\p{L}"
#define DIGIT "\\p{N}"
#define OTHER "[^" SPACE WORD DIGIT "]+"
#define CONTRACTION "'(?:s|t|re|ve|m|ll|d)"
/* White space, less its last character where a word follows, which takes that one along. */
#define SPACES "[" SPACE "]+(?![^" SPACE "])|[" SPACE "]+"

#define GPT2 CONTRACTION "| ?" WORD "+| ?" DIGIT "+| ?" OTHER "|" SPACES
/* llama.cpp's for vocabularies that name none, four steps of its in one: marks, so that there are no contractions; what gpt-2 has
 * between them; of that, numbers; of these, three digits at a time. */
#define MARK "\\p{P}$+<=>^~|"
#define DEFAULT                                                                                                        \
    "[" MARK "]+| ?" WORD "+| (?=" DIGIT ")|[0-9]{3}|(?:(?![0-9]{3})" DIGIT ")+| ?[^" SPACE WORD DIGIT MARK "]+"       \
    "|[" SPACE "]+(?![^" SPACE MARK "])|[" SPACE "]+"
#define SMOLLM CONTRACTION "| ?" WORD "+|" DIGIT "| ?" OTHER "|[" SPACE "]+(?![^" SPACE DIGIT "])|[" SPACE "]+"
#define BY_DIGITS(digits)                                                                                              \
    "(?i:" CONTRACTION ")|[^\\r\\n" WORD DIGIT "]?" WORD "+|" digits "| ?" OTHER "[\\r\\n]*|[" SPACE                   \
    "]*[\\r\\n]+|" SPACES

/* Words that begin with capitals, or have nothing else; marks count as either. */
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BY_CASE(end, digits)                                                                                           \
    "[^\\r\\n" WORD DIGIT "]?" UPPER "*" LOWER "+" end "|[^\\r\\n" WORD DIGIT "]?" UPPER "+" LOWER "*" end "|" digits  \
    "| ?" OTHER "[\\r\\n/]*|[" SPACE "]*[\\r\\n]+|" SPACES

static const struct rule {
    const char *name, *pattern;
    bool keeps_tokens, adds_bos;
} rules[] = {
    {"default", DEFAULT, false, false},
    {"dbrx", BY_DIGITS(DIGIT "{1,3}"), false, false},
    {"deepseek-r1-qwen", BY_DIGITS(DIGIT), false, false},
    {"gpt-2", GPT2, false, false},
    {"gpt-4o", BY_CASE("(?i:" CONTRACTION ")?", DIGIT "{1,3}"), false, false},
    {"llama-bpe", BY_DIGITS(DIGIT "{1,3}"), true, true},
    {"llama-v3", BY_DIGITS(DIGIT "{1,3}"), true, true},
    {"llama3", BY_DIGITS(DIGIT "{1,3}"), true, true},
    {"qwen2", BY_DIGITS(DIGIT), false, false},
    {"refact", SMOLLM, false, false},
    {"smollm", SMOLLM, false, false},
    {"tekken", BY_CASE("", DIGIT), true, true},
    {"whole", "(?s).++", false, false},
};

enum { N_RULES = sizeof rules / sizeof *rules };

struct plmr_pretokenizer {
    const struct rule *rule;
    pcre2_code *code;
};

/* What one pcre2_match after the other works with. */
struct walk {
    const pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    plmr_word_fn *take;
    void *context;
};

static plmr_status unknown(const char *name)
{
    char known[200] = "", shown[41];
    for (int i = 0; i < N_RULES; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", rules[i].name);
    snprintf(shown, sizeof shown, "%s", name);
    for (char *c = shown; *c; c++)
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    return plmr_error_make(PLMR_ERROR_INPUT, "the pre-tokenizer \"%s\" is unknown; plmr has %s", shown, known);
}

plmr_status plmr_pretokenizer_create(const char *name, plmr_pretokenizer **pretokenizer)
{
    int i = 0, error;
    size_t error_at;
    name = name ? name : "default";
    while (i < N_RULES && strcmp(rules[i].name, name) != 0)
        i++;
    if (i == N_RULES)
        return unknown(name);
    plmr_pretokenizer *new = plmr_take(sizeof *new);
    new->rule = &rules[i];
    new->code = pcre2_compile((PCRE2_SPTR)rules[i].pattern, PCRE2_ZERO_TERMINATED,
                              PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &error, &error_at, NULL);
    if (!new->code) {
        plmr_pretokenizer_destroy(new);
        return plmr_error_make(PLMR_ERROR_SYSTEM, "PCRE2 refuses the pre-tokenizer \"%s\" (error %d at %zu)", name,
                               error, error_at);
    }
    pcre2_jit_compile(new->code, PCRE2_JIT_COMPLETE); /* where that is not to be had, matching is slower */
    *pretokenizer = new;
    return PLMR_OK;
}

void plmr_pretokenizer_destroy(plmr_pretokenizer *pretokenizer)
{
    if (!pretokenizer)
        return;
    pcre2_code_free(pretokenizer->code);
    free(pretokenizer);
}

bool plmr_pretokenizer_keeps_tokens(const plmr_pretokenizer *pretokenizer)
{
    return pretokenizer->rule->keeps_tokens;
}

bool plmr_pretokenizer_adds_bos(const plmr_pretokenizer *pretokenizer)
{
    return pretokenizer->rule->adds_bos;
}

static plmr_status match_error(int error)
{
    char text[120];
    pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
    return plmr_error_make(PLMR_ERROR_INPUT, "the text cannot be cut into words: %s", text);
}

/* Cuts a text that is valid UTF-8. The expressions match at every character, and never nothing. */
static plmr_status split_valid(const struct walk *walk, const char *text, size_t n_bytes)
{
    for (size_t at = 0, end; at < n_bytes; at = end) {
        int rc = pcre2_match(walk->code, (PCRE2_SPTR)text, n_bytes, at, PCRE2_NO_UTF_CHECK, walk->data, walk->limits);
        if (rc < 0)
            return match_error(rc);
        end = pcre2_get_ovector_pointer(walk->data)[1];
        PLMR_ASSERT(end > at && end <= n_bytes);
        PLMR_TRY(walk->take(walk->context, text + at, end - at));
    }
    return PLMR_OK;
}

/* Bytes at the front of the text up to where valid characters begin or end. */
static size_t stretch(const char *text, size_t n_bytes, bool valid)
{
    size_t at = 0;
    while (at < n_bytes) {
        int n;
        if ((plmr_utf8_scan(text + at, n_bytes - at, &n) == PLMR_UTF8_WHOLE) != valid)
            break;
        at += (size_t)n;
    }
    return at;
}

static plmr_status split_any(const struct walk *walk, const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        size_t n_valid = stretch(text + at, n_bytes - at, true);
        PLMR_TRY(split_valid(walk, text + at, n_valid));
        at += n_valid;
        size_t n_broken = stretch(text + at, n_bytes - at, false);
        if (n_broken > 0)
            PLMR_TRY(walk->take(walk->context, text + at, n_broken));
        at += n_broken;
    }
    return PLMR_OK;
}

plmr_status plmr_pretokenizer_split(const plmr_pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                                    plmr_word_fn *take, void *context)
{
    struct walk walk = {pretokenizer->code, plmr_take_made(pcre2_match_data_create(1, NULL)),
                        plmr_take_made(pcre2_match_context_create(NULL)), take, context};
    pcre2_set_match_limit(walk.limits, STEPS_MOST);
    plmr_status status = split_any(&walk, text, n_bytes);
    pcre2_match_data_free(walk.data);
    pcre2_match_context_free(walk.limits);
    return status;
}
