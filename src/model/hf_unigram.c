/* tokenizer.json of type Unigram: what it does to characters and spaces before texts are cut, in the words of GGUF. Where spaces
 * are kept and a text, or what follows an added token, begins with one, it is marked as GGUF's are, one mark more. */
#include "model/hf_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define KEY(name) "tokenizer.ggml." name
#define MARK "\xe2\x96\x81" /* U+2581 */

struct rules {
    const plmr_reader *reader;
    bool marks, begins, merges, strips, cuts;
    const char *map; /* as base64 */
};

static const char *text_of(const json_t *node, const char *key)
{
    const char *text = json_string_value(json_object_get(node, key));
    return text ? text : "";
}

static plmr_status refuse(const struct rules *r, const char *where, const char *what)
{
    return plmr_reader_fault(r->reader, where,
                             "'%.40s' of a Unigram is nothing that plmr does; convert the model to GGUF", what);
}

static plmr_status read_metaspace(struct rules *r, const json_t *node)
{
    const json_t *added = json_object_get(node, "add_prefix_space");
    const char *mark = text_of(node, "replacement"), *scheme = text_of(node, "prepend_scheme");
    if (strcmp(mark, MARK) != 0)
        return plmr_reader_fault(r->reader, "pre_tokenizer", "marks spaces by '%.40s', plmr by U+2581", mark);
    r->marks = true;
    r->begins = *scheme ? strcmp(scheme, "never") != 0 : !json_is_false(added);
    r->cuts = r->cuts || !json_is_false(json_object_get(node, "split"));
    return PLMR_OK;
}

/* Several spaces become one, or each is marked. */
static plmr_status read_replace(struct rules *r, const char *where, const json_t *node)
{
    const json_t *pattern = json_object_get(node, "pattern");
    const char *to = text_of(node, "content");
    bool is_mark = strcmp(to, MARK) == 0;
    if (strcmp(text_of(pattern, "Regex"), " {2,}") == 0 && (is_mark || strcmp(to, " ") == 0))
        r->merges = true;
    else if (strcmp(text_of(pattern, "String"), " ") == 0 && is_mark)
        r->marks = true;
    else
        return refuse(r, where, "Replace");
    return PLMR_OK;
}

/* One that is no sequence. */
static plmr_status read_one(struct rules *r, const char *where, const json_t *node)
{
    const char *type = text_of(node, "type");
    if (strcmp(type, "Replace") == 0)
        return read_replace(r, where, node);
    if (strcmp(type, "Metaspace") == 0)
        return read_metaspace(r, node);
    if (strcmp(type, "Precompiled") == 0)
        r->map = text_of(node, "precompiled_charsmap");
    else if (strcmp(type, "WhitespaceSplit") == 0)
        r->merges = r->cuts = true;
    else if (strcmp(type, "Strip") == 0)
        r->strips = true;
    else if (strcmp(type, "Prepend") == 0 && strcmp(text_of(node, "prepend"), MARK) == 0)
        r->begins = true;
    else
        return refuse(r, where, type);
    return PLMR_OK;
}

static plmr_status read_all(struct rules *r, const json_t *root, const char *where, const char *parts)
{
    const json_t *node = json_object_get(root, where), *list = json_object_get(node, parts);
    size_t i;
    json_t *part;
    if (!node || json_is_null(node))
        return PLMR_OK;
    if (strcmp(text_of(node, "type"), "Sequence") != 0)
        return read_one(r, where, node);
    json_array_foreach(list, i, part) PLMR_TRY(read_one(r, where, part));
    return PLMR_OK;
}

/* The map's bytes. */
static plmr_status put_map(const struct rules *r, plmr_made *made)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char *bytes = plmr_take(strlen(r->map) + 1);
    size_t n = 0;
    uint32_t word = 0;
    int n_bits = 0;
    const char *at = r->map, *digit;
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
    return *at && *at != '=' ? plmr_reader_fault(r->reader, "precompiled_charsmap", "is no base64") : PLMR_OK;
}

plmr_status plmr_hf_put_unigram(const plmr_reader *reader, const json_t *root, plmr_made *made, bool *cuts)
{
    struct rules r = {.reader = reader};
    PLMR_TRY(read_all(&r, root, "normalizer", "normalizers"));
    PLMR_TRY(read_all(&r, root, "pre_tokenizer", "pretokenizers"));
    if (!r.marks)
        return plmr_reader_fault(reader, "pre_tokenizer", "leaves spaces as they are; convert the model to GGUF");
    if (r.strips && !r.merges)
        return refuse(&r, "normalizer", "Strip");
    plmr_made_truth(made, KEY("add_space_prefix"), r.begins);
    plmr_made_truth(made, KEY("remove_extra_whitespaces"), r.merges);
    *cuts = r.cuts;
    return r.map ? put_map(&r, made) : PLMR_OK;
}
