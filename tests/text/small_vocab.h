/* small_vocab.h - two small vocabularies for tests: the strings live as long as the struct. */
#ifndef PLMR_TEST_SMALL_VOCAB_H
#define PLMR_TEST_SMALL_VOCAB_H

#include <stdio.h>
#include <string.h>

#include "text/tokenizer.h"

enum { SMALL_MOST = 400 };

struct small_vocab {
    plmr_vocab_spec spec;
    plmr_token_text tokens[SMALL_MOST], merges[SMALL_MOST];
    float scores[SMALL_MOST];
    int64_t types[SMALL_MOST];
    char spelt[SMALL_MOST][40];
};

/* Adds a token that is spelt so; returns its id. */
static inline int small_add(struct small_vocab *v, const char *text, float score, int64_t type)
{
    int id = (int)v->spec.n_tokens;
    snprintf(v->spelt[id], sizeof v->spelt[id], "%s", text);
    v->tokens[id] = (plmr_token_text){v->spelt[id], strlen(v->spelt[id])};
    v->scores[id] = score;
    v->types[id] = type;
    v->spec.n_tokens = v->spec.n_types = id + 1;
    return id;
}

static inline void small_begin(struct small_vocab *v, const char *kind)
{
    memset(v, 0, sizeof *v);
    v->spec = plmr_vocab_spec_none();
    v->spec.kind = kind;
    v->spec.tokens = v->tokens;
    v->spec.types = v->types;
    v->spec.scores = v->scores;
    v->spec.merges = v->merges;
}

/* Ids: 0 unknown, 1 bos, 2 eos, 3 + b byte b, then these pieces. */
enum { SMALL_SPM_FIRST = 259 };

static const struct {
    const char *text;
    float score;
} small_pieces[] = {
    {"\u2581", -60},
    {"e", -61},
    {"t", -62},
    {"a", -63},
    {"o", -64},
    {"n", -65},
    {"h", -66},
    {"s", -67},
    {"r", -68},
    {"i", -69},
    {"l", -70},
    {"d", -71},
    {"u", -72},
    {"w", -73},
    {"!", -74},
    {",", -75},
    {"\u00e9", -76},
    {"\u65e5", -77},
    {"\u2581t", -1},
    {"he", -2},
    {"\u2581the", -5},
    {"er", -3},
    {"in", -4},
    {"\u2581a", -6},
    {"re", -7},
    {"on", -8},
    {"ing", -9},
    {"\u2581w", -10},
    {"\u2581h", -11},
    {"ll", -12},
    {"ello", -14},
    {"llo", -13},
    {"\u2581hello", -15},
    {"or", -16},
    {"ld", -17},
    {"\u2581wor", -18},
    {"\u2581world", -19},
    {"st", -20},
    {"\u2581s", -21},
    {"ar", -22},
    {"\u2581\u2581", -23},
    {"\u2581\u2581\u2581\u2581", -24},
    {"aa", -25},
    {"aaa", -26},
    {"b", -78},
    {"c", -79},
    {"ab", -50},
    {"bc", -50},
    {"\u65e5\u672c", -30},
    {"<", -80},
    {">", -81},
    {"|", -82},
    {"</", -31},
};

enum { N_SMALL_PIECES = sizeof small_pieces / sizeof *small_pieces };

static inline void small_spm(struct small_vocab *v)
{
    small_begin(v, "llama");
    v->spec.unk = small_add(v, "<unk>", 0, PLMR_TOKEN_UNKNOWN);
    v->spec.bos = small_add(v, "<s>", 0, PLMR_TOKEN_CONTROL);
    v->spec.eos = small_add(v, "</s>", 0, PLMR_TOKEN_CONTROL);
    for (int byte = 0; byte < 256; byte++) {
        char text[7];
        snprintf(text, sizeof text, "<0x%02X>", (unsigned char)byte);
        small_add(v, text, 0, PLMR_TOKEN_BYTE);
    }
    for (int i = 0; i < N_SMALL_PIECES; i++)
        small_add(v, small_pieces[i].text, small_pieces[i].score, PLMR_TOKEN_NORMAL);
    small_add(v, "<|im_end|>", 0, PLMR_TOKEN_CONTROL);
    small_add(v, "<|im", 0, PLMR_TOKEN_CONTROL);
    small_add(v, "<tool>", 0, PLMR_TOKEN_USER_DEFINED);
    v->spec.n_scores = v->spec.n_tokens;
}

/* Ids: 0 + b byte b, 256 + i what merge i makes, then some special tokens. */
static const char *const small_merges[] = {
    "h e",
    "\u0120 t",
    "l l",
    "\u0120t he",
    "e r",
    "\u0120 w",
    "o r",
    "i n",
    "in g",
    "ll o",
    "he llo",
    "\u0120 hello",
    "\u0120w or",
    "l d",
    "\u0120wor ld",
    "\u0120 \u0120",
    "\u0120\u0120 \u0120\u0120",
    "\u010a \u010a",
    "' s",
    "\u00c3 \u00a9",
    "1 2",
    "a a",
    "aa a",
    "r e",
    "\u0120 a",
    "o n",
    "s t",
    "\u0120 s",
    "a r",
    "\u0120s t",
    "\u0120st or",
    "\u0120stor y",
    "\u0120 \u00e6",
    "\u00e6 \u0139",
};

enum { N_SMALL_MERGES = sizeof small_merges / sizeof *small_merges };

/* The characters that spell the 256 bytes, the way their inventors wrote it down: in two passes. */
static inline void small_bytes(struct small_vocab *v)
{
    int moved = 0;
    for (int byte = 0; byte < 256; byte++) {
        int printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        int c = printable ? byte : 0x100 + moved++;
        char text[3] = {(char)c, 0, 0};
        if (c >= 0x80)
            snprintf(text, sizeof text, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
        small_add(v, text, 0, PLMR_TOKEN_NORMAL);
    }
}

static inline void small_bpe(struct small_vocab *v, const char *pre)
{
    small_begin(v, "gpt2");
    v->spec.pre = pre;
    small_bytes(v);
    for (int i = 0; i < N_SMALL_MERGES; i++) {
        char joined[40];
        const char *space = strchr(small_merges[i], ' ');
        snprintf(joined, sizeof joined, "%.*s%s", (int)(space - small_merges[i]), small_merges[i], space + 1);
        small_add(v, joined, 0, PLMR_TOKEN_NORMAL);
        v->merges[i] = (plmr_token_text){small_merges[i], strlen(small_merges[i])};
    }
    v->spec.n_merges = N_SMALL_MERGES;
    v->spec.bos = small_add(v, "<|begin_of_text|>", 0, PLMR_TOKEN_CONTROL);
    v->spec.eos = small_add(v, "<|end_of_text|>", 0, PLMR_TOKEN_CONTROL);
    small_add(v, "<|eot_id|>", 0, PLMR_TOKEN_CONTROL);
    small_add(v, "<tool>", 0, PLMR_TOKEN_USER_DEFINED);
    small_add(v, "whole", 0, PLMR_TOKEN_NORMAL); /* no merges lead to it */
}

#endif
