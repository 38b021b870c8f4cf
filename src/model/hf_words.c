/* tokenizer.json of a byte-level BPE: how texts are cut into words, in the words of GGUF. */
#include "model/hf_internal.h"

#include <string.h>

#define KEY(name) "tokenizer.ggml." name

#define CONTRACTION "'s|'t|'re|'ve|'m|'ll|'d"
#define BY_DIGITS(digits)                                                                                              \
    "(?i:" CONTRACTION ")|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"      \
    "\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BY_CASE(end, digits)                                                                                           \
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" end "|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" end "|" digits      \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* How texts are cut into words, as an expression, and what GGUF files call that. Each has all of a text in its words. */
static const struct rule {
    const char *pattern, *pre;
} rules[] = {
    {BY_DIGITS("\\p{N}{1,3}"), "llama-bpe"},
    {BY_DIGITS("\\p{N}"), "qwen2"},
    {BY_CASE("(?i:" CONTRACTION ")?", "\\p{N}{1,3}"), "gpt-4o"},
    {BY_CASE("", "\\p{N}"), "tekken"},
    {CONTRACTION "| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "gpt-2"},
};

enum { N_RULES = sizeof rules / sizeof *rules };

struct words {
    const plmr_reader *reader;
    const char *pre; /* NULL: nothing has cut yet */
    bool by_digits, has_bytes, prefixes;
};

/* NFC does nothing to most texts, and is left out, as in llama.cpp. */
static plmr_status read_normalizer(void *context, const char *where, const char *type, const json_t *node)
{
    const struct words *w = context;
    (void)node;
    return strcmp(type, "NFC") == 0 ? PLMR_OK : plmr_hf_refuse(w->reader, where, type, " of a byte-level BPE");
}

/* As the expressions leave nothing between their words, these may be what is kept, or what is not removed. */
static plmr_status read_split(struct words *w, const char *where, const json_t *node)
{
    const char *pattern = plmr_hf_text(json_object_get(node, "pattern"), "Regex");
    const char *behavior = plmr_hf_text(node, "behavior");
    bool inverts = json_is_true(json_object_get(node, "invert"));
    if (strcmp(behavior, inverts ? "Removed" : "Isolated") != 0)
        return plmr_hf_refuse(w->reader, where, behavior, inverts ? ", inverted, of a Split" : " of a Split");
    for (int i = 0; i < N_RULES; i++)
        if (strcmp(pattern, rules[i].pattern) == 0) {
            w->pre = rules[i].pre;
            return PLMR_OK;
        }
    return plmr_reader_fault(
        w->reader, where, "cuts words in a way that plmr does not know, '%.60s'; convert the model to GGUF", pattern);
}

/* Behind what cuts it would put a space in front of every word. */
static plmr_status read_level(struct words *w, const char *where, const json_t *node)
{
    bool uses_regex = !json_is_false(json_object_get(node, "use_regex"));
    w->prefixes = json_is_true(json_object_get(node, "add_prefix_space"));
    if (w->pre && w->prefixes)
        return plmr_hf_refuse(w->reader, where, "add_prefix_space", " of a ByteLevel behind what cuts words");
    if (w->pre && uses_regex != w->by_digits)
        return plmr_hf_refuse(w->reader, where, "use_regex",
                              w->by_digits ? " false of a ByteLevel behind Digits" : " of a ByteLevel behind a Split");
    w->has_bytes = true;
    w->pre = w->pre ? w->pre : uses_regex ? "gpt-2" : "whole";
    return PLMR_OK;
}

static plmr_status read_pre(void *context, const char *where, const char *type, const json_t *node)
{
    struct words *w = context;
    if (strcmp(type, "ByteLevel") == 0 && !w->has_bytes)
        return read_level(w, where, node);
    if (w->pre)
        return plmr_hf_refuse(w->reader, where, type, " behind what cuts words");
    if (strcmp(type, "Split") == 0)
        return read_split(w, where, node);
    if (strcmp(type, "Digits") != 0 || !json_is_true(json_object_get(node, "individual_digits")))
        return plmr_hf_refuse(w->reader, where, type,
                              strcmp(type, "Digits") == 0 ? " of several digits" : " of a byte-level BPE");
    w->by_digits = true;
    w->pre = "smollm";
    return PLMR_OK;
}

plmr_status plmr_hf_put_words(const plmr_reader *reader, const json_t *root, plmr_made *made)
{
    struct words w = {.reader = reader};
    PLMR_TRY(plmr_hf_walk(root, "pre_tokenizer", "pretokenizers", read_pre, &w));
    if (!w.has_bytes)
        return plmr_reader_fault(reader, "pre_tokenizer",
                                 "is of no kind that plmr knows: neither of bytes, nor with byte_fallback; convert the "
                                 "model to GGUF");
    PLMR_TRY(plmr_hf_walk(root, "normalizer", "normalizers", read_normalizer, &w));
    plmr_made_text(made, KEY("pre"), w.pre);
    plmr_made_int(made, PLMR_HF_PREFIX, w.prefixes ? PLMR_PREFIX_UNLESS_THERE : PLMR_PREFIX_NEVER);
    plmr_made_truth(made, PLMR_HF_KEEPS_TOKENS,
                    json_is_true(json_object_get(json_object_get(root, "model"), "ignore_merges")));
    return PLMR_OK;
}
