/* tokenizer.json of a Unigram, or of a BPE with byte_fallback: what it does to characters and spaces, in the words of
 * hf.h. The steps come in one order, from the characters to the marks in front: in another they do others' work. */
#include "model/hf_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define KEY(name) "tokenizer.ggml." name
#define MARK "\xe2\x96\x81" /* U+2581 */

enum stage { NOTHING, MAPPED, STRIPPED, MERGED }; /* what has been done */

struct spaces {
    const plmr_reader *reader;
    bool is_bpe, marks, prepends, has_metaspace, cuts, merges_to_mark;
    enum stage stage;
    int prefix, flags;
    const char *map; /* as base64 */
};

static plmr_status refuse(const struct spaces *s, const char *where, const char *what)
{
    return plmr_hf_refuse(s->reader, where, what, s->is_bpe ? " of a BPE with byte_fallback" : " of a Unigram");
}

/* In front of every word, where white space parts them: else some would have none. Behind dropped white space nothing is
 * first. */
static plmr_status read_metaspace(struct spaces *s, const char *where, const json_t *node)
{
    static const char *const schemes[] = {
        [PLMR_PREFIX_NEVER] = "never", [PLMR_PREFIX_UNLESS_THERE] = "always", [PLMR_PREFIX_FIRST] = "first"};
    const char *mark = plmr_hf_text(node, "replacement"), *scheme = plmr_hf_text(node, "prepend_scheme");
    bool splits = !json_is_false(json_object_get(node, "split"));
    if (strcmp(mark, MARK) != 0)
        return plmr_reader_fault(s->reader, where, "marks spaces by '%.40s', plmr by U+2581", mark);
    if (!*scheme) /* as older files say it */
        scheme = json_is_false(json_object_get(node, "add_prefix_space")) ? "never" : "always";
    for (int i = PLMR_PREFIX_NEVER; i <= PLMR_PREFIX_FIRST; i++)
        s->prefix = schemes[i] && strcmp(scheme, schemes[i]) == 0 ? i : s->prefix;
    bool is_every = s->prefix == PLMR_PREFIX_UNLESS_THERE && splits;
    bool is_odd =
        s->prefix == PLMR_PREFIX_FIRST ? s->flags & PLMR_SPACES_BEFORE : s->flags & PLMR_SPACES_PART && !is_every;
    if (s->prefix == PLMR_PREFIX_UNSAID || s->has_metaspace || is_odd)
        return refuse(s, where, "Metaspace");
    s->marks = s->has_metaspace = true;
    s->cuts = splits;
    return PLMR_OK;
}

/* Several spaces become one, or each is marked. */
static plmr_status read_replace(struct spaces *s, const char *where, const json_t *node)
{
    const json_t *pattern = json_object_get(node, "pattern");
    const char *to = plmr_hf_text(node, "content");
    bool is_mark = strcmp(to, MARK) == 0, is_several = strcmp(plmr_hf_text(pattern, "Regex"), " {2,}") == 0;
    if (is_several && (is_mark || strcmp(to, " ") == 0) && s->stage < MERGED && !s->marks && !s->prepends &&
        !s->is_bpe) {
        s->flags |= PLMR_SPACES_MERGE;
        s->stage = MERGED;
        s->merges_to_mark = is_mark;
    } else if (strcmp(plmr_hf_text(pattern, "String"), " ") == 0 && is_mark && !s->marks)
        s->marks = true;
    else
        return refuse(s, where, "Replace");
    return PLMR_OK;
}

static plmr_status read_normalizer(void *context, const char *where, const char *type, const json_t *node)
{
    struct spaces *s = context;
    bool is_early = !s->is_bpe && !s->marks && !s->prepends;
    if (strcmp(type, "Replace") == 0)
        return read_replace(s, where, node);
    if (strcmp(type, "Prepend") == 0 && strcmp(plmr_hf_text(node, "prepend"), MARK) == 0 && !s->prepends)
        s->prepends = true;
    else if (strcmp(type, "Precompiled") == 0 && is_early && s->stage < MAPPED) {
        s->map = plmr_hf_text(node, "precompiled_charsmap");
        s->stage = MAPPED;
    } else if (strcmp(type, "Strip") == 0 && is_early && s->stage < STRIPPED) {
        s->flags |= json_is_true(json_object_get(node, "strip_left")) ? PLMR_SPACES_BEFORE : 0;
        s->flags |= json_is_true(json_object_get(node, "strip_right")) ? PLMR_SPACES_BEHIND : 0;
        s->stage = STRIPPED;
    } else
        return refuse(s, where, type);
    return PLMR_OK;
}

/* Where all spaces are marked, a Split at spaces finds none: Gemma's files have one. */
static plmr_status read_pre(void *context, const char *where, const char *type, const json_t *node)
{
    struct spaces *s = context;
    bool at_space = strcmp(plmr_hf_text(json_object_get(node, "pattern"), "String"), " ") == 0;
    if (strcmp(type, "Metaspace") == 0)
        return read_metaspace(s, where, node);
    if (strcmp(type, "Split") == 0 && at_space && s->marks && !json_is_true(json_object_get(node, "invert")))
        return PLMR_OK;
    if (strcmp(type, "WhitespaceSplit") != 0 || s->is_bpe || s->marks || s->prepends || s->merges_to_mark ||
        s->flags & PLMR_SPACES_PART)
        return refuse(s, where, type);
    s->flags |= PLMR_SPACES_BEFORE | PLMR_SPACES_BEHIND | PLMR_SPACES_PART;
    return PLMR_OK;
}

/* The map's bytes. */
static plmr_status put_map(const struct spaces *s, plmr_made *made)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *bytes = plmr_take(strlen(s->map) + 1);
    size_t n = 0;
    uint32_t word = 0;
    int n_bits = 0;
    const char *at = s->map, *digit;
    for (; *at && (digit = strchr(digits, *at)); at++) {
        word = word << 6 | (uint32_t)(digit - digits);
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        bytes[n++] = (unsigned char)(word >> n_bits);
    }
    plmr_made_array(made, KEY("precompiled_charsmap"), PLMR_GGUF_U8, n);
    plmr_made_put(made, bytes, n);
    free(bytes);
    return *at && *at != '=' ? plmr_reader_fault(s->reader, "precompiled_charsmap", "is no base64") : PLMR_OK;
}

plmr_status plmr_hf_put_spaces(const plmr_reader *reader, const json_t *root, bool is_bpe, plmr_made *made, bool *cuts)
{
    struct spaces s = {.reader = reader, .is_bpe = is_bpe};
    PLMR_TRY(plmr_hf_walk(root, "normalizer", "normalizers", read_normalizer, &s));
    PLMR_TRY(plmr_hf_walk(root, "pre_tokenizer", "pretokenizers", read_pre, &s));
    if (!s.marks)
        return plmr_reader_fault(reader, "pre_tokenizer", "leaves spaces as they are; convert the model to GGUF");
    int otherwise = s.has_metaspace ? s.prefix : PLMR_PREFIX_NEVER;
    plmr_made_int(made, PLMR_HF_PREFIX, s.prepends ? PLMR_PREFIX_ALWAYS : otherwise);
    plmr_made_int(made, PLMR_HF_SPACES, s.flags);
    *cuts = s.cuts;
    return s.map ? put_map(&s, made) : PLMR_OK;
}
