#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What a character costs that no token has, below the worst score. */
static const double unknown_cost = 10;

static int compare_pieces(const void *a, const void *b)
{
    const plmr_token_text *left = &((const plmr_piece *)a)->text, *right = &((const plmr_piece *)b)->text;
    int order = memcmp(left->bytes, right->bytes, left->n_bytes < right->n_bytes ? left->n_bytes : right->n_bytes);
    return order ? order : (left->n_bytes > right->n_bytes) - (left->n_bytes < right->n_bytes);
}

plmr_status plmr_unigram_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    plmr_unigram *u = &tokenizer->unigram;
    double worst = FLT_MAX;
    PLMR_TRY(plmr_spm_init(tokenizer, spec));
    u->pieces = plmr_take((size_t)tokenizer->n_tokens * sizeof *u->pieces);
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        plmr_token_text text = plmr_strings_get(&tokenizer->texts, id);
        enum plmr_token_type type = tokenizer->types[id];
        if (type == PLMR_TOKEN_NORMAL && spec->scores[id] < worst)
            worst = spec->scores[id];
        if (text.n_bytes > 0 && plmr_vocab_is_plain(tokenizer, id))
            u->pieces[u->n_pieces++] = (plmr_piece){text, id, type == PLMR_TOKEN_USER_DEFINED ? 0 : spec->scores[id]};
    }
    qsort(u->pieces, (size_t)u->n_pieces, sizeof *u->pieces, compare_pieces);
    u->unknown_score = worst - unknown_cost;
    bool merges = spec->merge_spaces == PLMR_YES;
    u->strips_white = !merges;
    u->spaces = merges ? PLMR_SPACES_BEFORE | PLMR_SPACES_BEHIND | PLMR_SPACES_MERGE : spec->spaces;
    u->n_map = spec->n_charsmap;
    u->map = plmr_take(u->n_map + 1);
    if (u->n_map > 0)
        memcpy(u->map, spec->charsmap, u->n_map);
    return PLMR_OK;
}

/* ---- characters that stand for others ---- */

static uint32_t unit_at(const plmr_unigram *u, uint32_t i)
{
    uint32_t unit;
    memcpy(&unit, u->map + sizeof unit * (1 + (size_t)i), sizeof unit);
    return unit;
}

/* The map is the number of bytes of a trie, the trie, and the texts that it leads to, each with a zero behind it. A node
 * of the trie is a unit of 32 bits: the byte that leads there (bits 0 to 7, and 31, which must be 0), whether a text ends
 * there (8), and by how much its children are away (10 to 30, times 256 if 9 is set), to be combined with their bytes by
 * exclusive or; the one of byte 0 is where the text begins. *n_bytes: of the longest prefix that the map has; 0: none. */
static plmr_token_text replace(const plmr_unigram *u, const char *text, size_t n, size_t *n_bytes)
{
    uint32_t n_trie, at = 0, where = 0;
    *n_bytes = 0;
    if (u->n_map == 0)
        return (plmr_token_text){NULL, 0};
    memcpy(&n_trie, u->map, sizeof n_trie);
    for (size_t i = 0;; i++) {
        uint32_t unit = unit_at(u, at);
        at ^= (unit >> 10) << ((unit & 1u << 9) >> 6);
        if (i > 0 && (unit >> 8 & 1) && at < n_trie / sizeof unit) {
            *n_bytes = i;
            where = unit_at(u, at) & 0x7fffffff;
        }
        unsigned char c = i < n ? (unsigned char)text[i] : 0;
        at ^= c;
        if (c == 0 || at >= n_trie / sizeof unit || (unit_at(u, at) & 0x800000ff) != c)
            break;
    }
    const char *texts = u->map + sizeof n_trie + n_trie;
    if (where >= (size_t)(u->map + u->n_map - texts))
        *n_bytes = 0;
    return *n_bytes ? (plmr_token_text){texts + where, strlen(texts + where)} : (plmr_token_text){NULL, 0};
}

plmr_status plmr_unigram_check(const plmr_vocab_spec *spec)
{
    uint32_t n_trie = 0;
    for (int64_t i = 0; i < spec->n_tokens; i++)
        PLMR_CHECK(isfinite(spec->scores[i]), PLMR_ERROR_INPUT,
                   "the score of token %lld of the vocabulary is not finite", (long long)i);
    if (spec->n_charsmap == 0)
        return PLMR_OK;
    if (spec->n_charsmap > 2 * sizeof n_trie)
        memcpy(&n_trie, spec->charsmap, sizeof n_trie);
    PLMR_CHECK(n_trie > 0 && n_trie % sizeof n_trie == 0 && n_trie < spec->n_charsmap - sizeof n_trie &&
                   spec->charsmap[spec->n_charsmap - 1] == 0,
               PLMR_ERROR_INPUT, "the vocabulary's map of characters (precompiled_charsmap) is damaged");
    return PLMR_OK;
}

/* ---- spaces ---- */

/* Characters are replaced; what belongs to none is U+FFFD. */
static plmr_token_text map_characters(plmr_encoding *e, const char *text, size_t n_bytes)
{
    size_t n_mapped = 0;
    for (size_t at = 0, n; at < n_bytes; at += n) {
        plmr_token_text to = replace(&e->tokenizer->unigram, text + at, n_bytes - at, &n);
        int n_character = 1;
        if (n == 0) {
            bool whole = plmr_utf8_scan(text + at, n_bytes - at, &n_character) == PLMR_UTF8_WHOLE;
            n = whole ? (size_t)n_character : 1;
            to = whole ? (plmr_token_text){text + at, n} : (plmr_token_text){PLMR_UTF8_REPLACEMENT, 3};
        }
        e->mapped = plmr_array_grow(e->mapped, &e->mapped_room, n_mapped + to.n_bytes, 1);
        memcpy(e->mapped + n_mapped, to.bytes, to.n_bytes);
        n_mapped += to.n_bytes;
    }
    return (plmr_token_text){e->mapped, n_mapped};
}

static plmr_token_text strip(const plmr_unigram *u, plmr_token_text text)
{
    size_t n = 1;
    while (u->spaces & PLMR_SPACES_BEFORE && text.n_bytes > 0 && n > 0) {
        n = u->strips_white ? plmr_utf8_space_at_start(text.bytes, text.n_bytes) : *text.bytes == ' ';
        text.bytes += n;
        text.n_bytes -= n;
    }
    for (n = 1; u->spaces & PLMR_SPACES_BEHIND && text.n_bytes > 0 && n > 0; text.n_bytes -= n)
        n = u->strips_white ? plmr_utf8_space_at_end(text.bytes, text.n_bytes) : text.bytes[text.n_bytes - 1] == ' ';
    return text;
}

/* Bytes of what becomes one mark, at the front of a text: a space, several, or white space of any kind; 0: there is none. */
static size_t space_at(const plmr_unigram *u, const char *text, size_t n_bytes)
{
    size_t n = 0, more = 1;
    while (more > 0 && n < n_bytes && (n == 0 || u->spaces & (PLMR_SPACES_MERGE | PLMR_SPACES_PART))) {
        more = u->spaces & PLMR_SPACES_PART ? plmr_utf8_space_at_start(text + n, n_bytes - n) : text[n] == ' ';
        n += more;
    }
    return n;
}

static bool is_mark(const char *text, size_t n_bytes)
{
    return n_bytes >= PLMR_SPACE_MARK_BYTES && memcmp(text, PLMR_SPACE_MARK, PLMR_SPACE_MARK_BYTES) == 0;
}

/* A word behind white space that begins with a mark has one in front already. */
static size_t mark_spaces(plmr_encoding *e, plmr_token_text text)
{
    const plmr_unigram *u = &e->tokenizer->unigram;
    text = strip(u, text);
    bool puts = text.n_bytes > 0 && plmr_encoding_prefixes(e, text.bytes, text.n_bytes, PLMR_SPACE_MARK);
    char *out = e->marked = plmr_array_grow(e->marked, &e->marked_room, PLMR_SPACE_MARK_BYTES * (text.n_bytes + 1), 1);
    if (puts)
        out = (char *)memcpy(out, PLMR_SPACE_MARK, PLMR_SPACE_MARK_BYTES) + PLMR_SPACE_MARK_BYTES;
    for (size_t at = 0, n; at < text.n_bytes; at += n) {
        n = space_at(u, text.bytes + at, text.n_bytes - at);
        bool is_marked = u->spaces & PLMR_SPACES_PART && is_mark(text.bytes + at + n, text.n_bytes - at - n);
        if (n > 0 && !is_marked)
            out = (char *)memcpy(out, PLMR_SPACE_MARK, PLMR_SPACE_MARK_BYTES) + PLMR_SPACE_MARK_BYTES;
        if (n == 0)
            *out++ = text.bytes[at + n++];
    }
    return (size_t)(out - e->marked);
}

/* ---- cuts ---- */

/* The first piece of [first, end) whose byte `depth` is c or more. */
static int32_t find_byte(const plmr_piece *pieces, int32_t first, int32_t end, size_t depth, int c)
{
    while (first < end) {
        int32_t middle = first + (end - first) / 2;
        const plmr_token_text *text = &pieces[middle].text;
        if (text->n_bytes > depth && (unsigned char)text->bytes[depth] >= c)
            end = middle;
        else
            first = middle + 1;
    }
    return first;
}

/* Cut `to` may come from cut `from` by a token (or none, PLMR_TOKEN_NONE). */
static void offer(plmr_cut *cuts, size_t from, size_t to, int32_t id, double score)
{
    double sum = cuts[from].sum + score;
    if (sum > cuts[to].sum)
        cuts[to] = (plmr_cut){id, from, 0, sum};
}

/* All tokens that begin at a cut, in front of a character of n_character bytes. */
static void offer_tokens(const plmr_unigram *u, plmr_cut *cuts, const char *text, size_t n_bytes, size_t from,
                         size_t n_character)
{
    int32_t first = 0, end = u->n_pieces;
    bool has_character = false;
    for (size_t n = 0; first < end && from + n < n_bytes;) {
        int c = (unsigned char)text[from + n];
        first = find_byte(u->pieces, first, end, n, c);
        end = find_byte(u->pieces, first, end, n, c + 1);
        n++;
        if (first == end || u->pieces[first].text.n_bytes != n)
            continue;
        offer(cuts, from, from + n, u->pieces[first].id, u->pieces[first].score);
        has_character = has_character || n == n_character;
    }
    if (!has_character)
        offer(cuts, from, from + n_character, PLMR_TOKEN_NONE, u->unknown_score);
}

/* The best cuts of a text, each with the one behind it. */
static const plmr_cut *find_cuts(plmr_encoding *encoding, const char *text, size_t n)
{
    int n_character;
    plmr_cut *cuts = encoding->cuts = plmr_array_grow(encoding->cuts, &encoding->cuts_room, n + 1, sizeof *cuts);
    for (size_t i = 0; i <= n; i++)
        cuts[i].sum = i ? -DBL_MAX : 0;
    for (size_t at = 0; at < n; at += (size_t)n_character) {
        if (plmr_utf8_scan(text + at, n - at, &n_character) != PLMR_UTF8_WHOLE)
            n_character = 1;
        offer_tokens(&encoding->tokenizer->unigram, cuts, text, n, at, (size_t)n_character);
    }
    for (size_t at = n; at > 0; at = cuts[at].from)
        cuts[cuts[at].from].next = at;
    return cuts;
}

plmr_status plmr_unigram_encode(plmr_encoding *encoding, const char *text, size_t n_bytes)
{
    plmr_token_text mapped = map_characters(encoding, text, n_bytes);
    size_t n = mark_spaces(encoding, mapped), start = encoding->n_ids, end;
    const plmr_cut *cuts = find_cuts(encoding, encoding->marked, n);
    for (size_t at = 0; at < n; at = end) {
        bool is_unknown = encoding->n_ids > start && encoding->ids[encoding->n_ids - 1] == encoding->tokenizer->unk;
        end = cuts[at].next;
        if (cuts[end].id != PLMR_TOKEN_NONE)
            plmr_encoding_add(encoding, cuts[end].id);
        else
            PLMR_TRY(plmr_encoding_add_bytes(encoding, encoding->marked + at, end - at, is_unknown));
    }
    return PLMR_OK;
}
