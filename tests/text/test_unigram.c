/* Unigram vocabularies: ids that llama.cpp (node-llama-cpp 3.22.1) gave for the small one below, an encoder too simple to
 * be wrong, maps of characters, and damaged ones. */
#include "../support.h"
#include "small_vocab.h"

#include <math.h>
#include <unistd.h>

#include "model/hf_internal.h"
#include "report/base64.h"
#include "text/tokenizer_gguf.h"

enum { IDS_MOST = 4096, MAP_MOST = 1 << 16, FIRST = 3 };

static const struct {
    const char *text;
    float score;
} pieces[] = {
    {"\u2581", -2.11f},     {"e", -3.07f},           {"t", -3.19f},      {"a", -3.23f},      {"o", -3.31f},
    {"n", -3.43f},          {"h", -3.59f},           {"s", -3.61f},      {"r", -3.67f},      {"i", -3.73f},
    {"l", -3.83f},          {"d", -3.97f},           {"w", -4.01f},      {"fi", -6.13f},     {"1", -5.03f},
    {"/", -5.57f},          {"2", -5.07f},           {"\u00e9", -5.87f}, {"\u65e5", -6.29f}, {"\u2581t", -4.33f},
    {"he", -4.37f},         {"\u2581the", -4.79f},   {"er", -4.91f},     {"in", -4.93f},     {"ing", -5.23f},
    {"\u2581hello", -7.3f}, {"\u2581world", -7.9f},  {"ello", -8.3f},    {"ld", -6.7f},      {"orld", -8.9f},
    {"\u2581w", -4.7f},     {"\u2581\u2581", -3.9f}, {"aa", -4.1f},      {"aaa", -5.9f},     {"o\u2581w", -6.1f},
};
static const struct {
    const char *from, *to;
} replaced[] = {{"\uff41", "a"},   {"\ufb01", "fi"},      {"\t", " "},
                {"\u00bd", "1/2"}, {"e\u0301", "\u00e9"}, {"\u00ad", ""}};

enum { N_PIECES = sizeof pieces / sizeof *pieces, N_REPLACED = sizeof replaced / sizeof *replaced };

/* ---- a map of characters ---- */

struct map {
    char bytes[MAP_MOST];
    size_t n;
};

static void set_unit(struct map *map, uint32_t i, uint32_t bits)
{
    uint32_t unit;
    char *at = map->bytes + 4 * (i + 1);
    memcpy(&unit, at, 4);
    unit |= bits;
    memcpy(at, &unit, 4);
}

/* Children of a node have 256 units of their own, so a trie of n nodes has 256 (n + 1); `node` counts them. */
static void make_map(struct map *map)
{
    char prefix[64][8] = {""}; /* of nodes */
    uint32_t unit[64] = {0}, n_nodes = 1;
    *map = (struct map){.n = 4};
    char texts[256];
    size_t n_texts = 0;
    for (int i = 0; i < N_REPLACED; i++) {
        uint32_t node = 0;
        for (size_t j = 0; j < strlen(replaced[i].from); j++) {
            uint32_t next = 0;
            for (uint32_t k = 1; k < n_nodes; k++)
                if (strlen(prefix[k]) == j + 1 && strncmp(prefix[k], replaced[i].from, j + 1) == 0)
                    next = k;
            if (next == 0) {
                next = n_nodes++;
                memcpy(prefix[next], replaced[i].from, j + 1);
                unit[next] = 256 * (node + 1) + (unsigned char)replaced[i].from[j];
                set_unit(map, unit[next], (unsigned char)replaced[i].from[j]);
                set_unit(map, unit[next], (unit[next] ^ 256 * (next + 1)) << 10);
            }
            node = next;
        }
        set_unit(map, unit[node], 1 << 8);
        set_unit(map, 256 * (node + 1), (uint32_t)n_texts);
        n_texts += 1 + (size_t)snprintf(texts + n_texts, sizeof texts - n_texts, "%s", replaced[i].to);
    }
    set_unit(map, 0, 256 << 10);
    uint32_t n_bytes = 4 * 256 * (n_nodes + 1);
    memcpy(map->bytes, &n_bytes, 4);
    memcpy(map->bytes + 4 + n_bytes, texts, n_texts);
    map->n = 4 + n_bytes + n_texts;
}

/* ---- a vocabulary ---- */

static void make_vocab(struct small_vocab *v, bool has_bytes)
{
    small_begin(v, "t5");
    small_add(v, "<pad>", 0, PLMR_TOKEN_CONTROL);
    v->spec.eos = small_add(v, "</s>", 0, PLMR_TOKEN_CONTROL);
    v->spec.unk = small_add(v, "<unk>", 0, PLMR_TOKEN_UNKNOWN);
    for (int i = 0; i < N_PIECES; i++)
        small_add(v, pieces[i].text, pieces[i].score, PLMR_TOKEN_NORMAL);
    small_add(v, "<tool>", -50, PLMR_TOKEN_USER_DEFINED);
    for (int byte = 0; byte < 256 && has_bytes; byte++) {
        char text[7];
        snprintf(text, sizeof text, "<0x%02X>", (unsigned char)byte);
        small_add(v, text, 0, PLMR_TOKEN_BYTE);
    }
    v->spec.n_scores = v->spec.n_tokens;
}

static plmr_tokenizer *made(const struct small_vocab *v)
{
    plmr_tokenizer *tokenizer;
    must(plmr_tokenizer_create(&v->spec, &tokenizer));
    return tokenizer;
}

static void expect(const plmr_tokenizer *t, const char *text, size_t n_bytes, bool add, const int32_t *ids, int n)
{
    int32_t *found;
    int n_found;
    must(plmr_tokenizer_encode(t, text, n_bytes, add, false, &found, &n_found));
    bool same = n_found == n && (n == 0 || memcmp(found, ids, (size_t)n * sizeof *ids) == 0);
    for (int i = 0; i < n_found && !same; i++)
        print_error("%s%d", i ? " " : "found ", found[i]);
    free(found);
    if (!same)
        fail_msg(" for '%s'", text);
}

#define EXPECT(t, text, ...)                                                                                           \
    do {                                                                                                               \
        const int32_t ids[] = {__VA_ARGS__};                                                                           \
        expect(t, text, sizeof text - 1, true, ids, (int)(sizeof ids / sizeof *ids));                                  \
    } while (0)

static int id_of(const struct small_vocab *v, const char *text, size_t n)
{
    for (int id = 0; id < v->spec.n_tokens; id++)
        if (v->types[id] == PLMR_TOKEN_NORMAL && v->tokens[id].n_bytes == n &&
            memcmp(v->tokens[id].bytes, text, n) == 0)
            return id;
    return -1;
}

/* From the end to the beginning, with every token tried at every place. Spaces are marked, one in front. */
static int simple(const struct small_vocab *v, const char *text, size_t n_bytes, int32_t *ids)
{
    char marked[IDS_MOST] = "\u2581";
    double best[IDS_MOST] = {0}, worst = 0;
    int id[IDS_MOST], end = 3, n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        bool space = text[i] == ' ';
        memcpy(marked + end, space ? "\u2581" : text + i, space ? 3 : 1);
        end += space ? 3 : 1;
    }
    for (int i = 0; i < N_PIECES; i++)
        worst = pieces[i].score < worst ? pieces[i].score : worst;
    int step[IDS_MOST];
    for (int at = end - 1; at >= 0; at--) {
        int character = (marked[at] & 0x80) == 0 ? 1 : (marked[at] & 0xe0) == 0xc0 ? 2 : 3;
        bool has = id_of(v, marked + at, (size_t)character) >= 0;
        best[at] = has ? -INFINITY : worst - 10 + best[at + character];
        id[at] = -1;
        step[at] = character;
        for (int i = 1; i <= 16 && at + i <= end; i++) {
            int found = id_of(v, marked + at, (size_t)i);
            if (found >= 0 && v->scores[found] + best[at + i] > best[at]) {
                best[at] = v->scores[found] + best[at + i];
                id[at] = found;
                step[at] = i;
            }
        }
    }
    for (int at = 0; at < end; at += step[at])
        if (id[at] >= 0 || n == 0 || ids[n - 1] != 2)
            ids[n++] = id[at] >= 0 ? id[at] : 2;
    return n;
}

static void test_known(void **state)
{
    (void)state;
    struct small_vocab v;
    struct map map;
    make_vocab(&v, false);
    make_map(&map);
    v.spec.charsmap = map.bytes;
    v.spec.n_charsmap = map.n;
    v.spec.add_space_prefix = v.spec.merge_spaces = PLMR_YES;
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "hello world", 28, 29, 1);
    EXPECT(t, "the  ring ", 24, 3, 11, 27, 1);
    EXPECT(t, "  hello", 28, 1);
    EXPECT(t, "aaaaa", 3, 35, 36, 1);
    EXPECT(t, "aaa", 3, 36, 1);
    EXPECT(t, "\ufb01\u00bd", 3, 16, 17, 18, 19, 1);
    EXPECT(t, "\ufb01\u00e9", 3, 16, 20, 1);
    EXPECT(t, "\u00e9t\u00e9\u00e9", 3, 20, 5, 20, 20, 1);
    EXPECT(t, "\u65e5\u0416\u65e5", 3, 21, 2, 21, 1);
    EXPECT(t, "\u0416\u0416Q", 3, 2, 1);
    EXPECT(t, "hello\tworld", 28, 29, 1);
    EXPECT(t, "\uff41a", 3, 35, 1);
    EXPECT(t, "ther\u00ade", 24, 11, 4, 1);
    EXPECT(t, "hello<tool>world", 28, 38, 29, 1);
    EXPECT(t, "\u65e5", 3, 21, 1);
    EXPECT(t, "", 1);
    EXPECT(t, "o world", 3, 7, 29, 1);
    EXPECT(t, "to wo w", 22, 37, 37, 1);
    EXPECT(t, "the hellohello", 24, 28, 9, 30, 1);
    plmr_tokenizer_destroy(t);
    v.spec.n_charsmap = 0;
    v.spec.merge_spaces = PLMR_UNSAID;
    t = made(&v);
    EXPECT(t, "the  ring ", 24, 34, 11, 27, 3, 1);
    EXPECT(t, "  hello", 34, 28, 1);
    EXPECT(t, "\ufb01\u00e9", 3, 2, 20, 1);
    EXPECT(t, "hello\tworld", 28, 2, 15, 32, 1);
    EXPECT(t, "to wo w", 22, 37, 37, 1);
    plmr_tokenizer_destroy(t);
}

/* The plain ones stay as they are, whatever the vocabulary's map. */
static const char *const snippets[] = {
    "hello", " hello",  " world", "the",    " the",   "a",       "aa",     "aaa",    "ring", "in",    "Q",
    "q",     "e",       " ",      "o",      "ld",     "\u65e5",  "\u00e9", "\u0416", " w",   "s",     "o w",
    "\t",    "\uff41a", "  ",     "\ufb01", "\u00bd", "e\u0301", "\u00ad", "<tool>", "\xff", "<pad>", "x  "};
enum { N_SNIPPETS = sizeof snippets / sizeof *snippets, N_PLAIN = 22 };

static void add_snippets(uint32_t *seed, int n, char *text)
{
    for (uint32_t k = test_random(seed) % 20; k > 0; k--)
        strcat(text, snippets[test_random(seed) % (uint32_t)n]);
}

static void test_random_cuts(void **state)
{
    (void)state;
    struct small_vocab v;
    uint32_t seed = 3;
    make_vocab(&v, false);
    v.spec.add_space_prefix = PLMR_YES;
    plmr_tokenizer *t = made(&v);
    for (int i = 0; i < 500; i++) {
        char text[IDS_MOST] = "x";
        int32_t ids[IDS_MOST];
        add_snippets(&seed, N_PLAIN, text);
        int n = simple(&v, text, strlen(text), ids);
        expect(t, text, strlen(text), false, ids, n);
    }
    plmr_tokenizer_destroy(t);
}

static void expect_back(const plmr_tokenizer *t, const char *text, const char *back)
{
    int32_t *ids;
    int n;
    char *found;
    size_t n_found;
    must(plmr_tokenizer_encode(t, text, strlen(text), false, false, &ids, &n));
    must(plmr_tokenizer_decode_all(t, ids, n, &found, &n_found));
    assert_string_equal(found, back);
    free(found);
    free(ids);
}

static void test_options(void **state)
{
    (void)state;
    struct small_vocab v;
    make_vocab(&v, true);
    plmr_tokenizer *t = made(&v);
    int quark = id_of(&v, "\u2581", 3) + N_PIECES + 1 + 'Q'; /* bytes follow pieces and <tool> */
    EXPECT(t, "hQ", id_of(&v, "h", 1), quark, 1);
    expect_back(t, "  the  Q\u0416 aa", "  the  Q\u0416 aa");
    plmr_tokenizer_destroy(t);
    v.spec.add_eos = PLMR_NO;
    v.spec.add_space_prefix = PLMR_YES;
    t = made(&v);
    EXPECT(t, "the", id_of(&v, "\u2581the", 6));
    expect_back(t, " the  Q", " the  Q");
    plmr_tokenizer_destroy(t);
    v.spec.merge_spaces = PLMR_YES;
    t = made(&v);
    expect_back(t, "  the   Q ", "the Q");
    plmr_tokenizer_destroy(t);
    make_vocab(&v, false);
    v.spec.unk = PLMR_TOKEN_NONE;
    t = made(&v);
    int32_t *ids;
    int n;
    must_fail(plmr_tokenizer_encode(t, "Q", 1, false, false, &ids, &n), PLMR_ERROR_INPUT, "no token for byte 0x51");
    plmr_tokenizer_destroy(t);
}

static void refuse_map(struct small_vocab *v, const char *bytes, size_t n)
{
    plmr_tokenizer *t;
    v->spec.charsmap = bytes;
    v->spec.n_charsmap = n;
    must_fail(plmr_tokenizer_create(&v->spec, &t), PLMR_ERROR_INPUT,
              "map of characters (precompiled_charsmap) is damaged");
}

/* Whatever is in a map, no step leaves it: sanitizers see to that. */
static void test_damaged(void **state)
{
    (void)state;
    struct small_vocab v;
    struct map map;
    uint32_t seed = 5;
    make_vocab(&v, false);
    refuse_map(&v, "\4\0\0", 4);
    refuse_map(&v, "\0\0\0\0abc", 8);
    refuse_map(&v, "\3\0\0\0abcdefg", 12);
    refuse_map(&v, "\4\0\0\0abcd", 8);
    refuse_map(&v, "\4\0\0\0abcde", 9);
    for (int i = 0; i < 300; i++) {
        make_map(&map);
        for (int k = 0; k < 200; k++)
            map.bytes[4 + test_random(&seed) % (map.n - 5)] = (char)test_random(&seed);
        char *exact = malloc(map.n);
        assert_non_null(exact);
        memcpy(exact, map.bytes, map.n);
        v.spec.charsmap = exact;
        v.spec.n_charsmap = map.n;
        plmr_tokenizer *t = made(&v);
        int32_t *ids;
        int n;
        must(plmr_tokenizer_encode(t, "e\u0301 \ufb01\t\uff41", 12, false, false, &ids, &n));
        free(ids);
        plmr_tokenizer_destroy(t);
        free(exact);
    }
}

/* ---- tokenizer.json ---- */

#define METASPACE "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\","
#define AROUND                                                                                                         \
    "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\"}},"                   \
    "{\"SpecialToken\":{\"id\":\"</s>\"}}],\"special_tokens\":{\"</s>\":{\"ids\":[1]}}},"

static FILE *open_json(const char *folder)
{
    char path[64];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

/* The folder of a file of this vocabulary with these rules, in which $ stands for the map. */
static void write_json(const char *folder, const struct small_vocab *v, const char *rules, const char *map)
{
    FILE *file = open_json(folder);
    fprintf(file, "{\"added_tokens\":[");
    for (int id = 0, n = 0; id < v->spec.n_tokens; id++)
        if (v->types[id] != PLMR_TOKEN_NORMAL && v->types[id] != PLMR_TOKEN_BYTE)
            fprintf(file, "%s{\"id\":%d,\"content\":\"%s\",\"special\":%s}", n++ ? "," : "", id, v->spelt[id],
                    v->types[id] == PLMR_TOKEN_USER_DEFINED ? "false" : "true");
    fprintf(file, "],");
    for (; *rules; rules++)
        if (*rules == '$')
            fputs(map, file);
        else
            fputc(*rules, file);
    fprintf(file, ",\"model\":{\"type\":\"Unigram\",\"unk_id\":2,\"byte_fallback\":true,\"vocab\":[");
    for (int id = 0; id < v->spec.n_tokens; id++)
        fprintf(file, "%s[\"%s\",%.9g]", id ? "," : "", v->spelt[id], (double)v->scores[id]);
    fprintf(file, "]}}");
    fclose(file);
}

static plmr_status read_json(const char *folder, plmr_tokenizer **t)
{
    static const plmr_hf_config config = {.arch = "llama", .bos = -1, .eos = 1};
    plmr_made made = {0};
    plmr_gguf *gguf;
    plmr_status status = plmr_hf_read_tokenizer(folder, &config, &made);
    must(plmr_made_finish(&made, "made", &gguf));
    if (!status)
        status = plmr_tokenizer_read(gguf, t);
    plmr_gguf_close(gguf);
    return status;
}

static void compare(const plmr_tokenizer *want, const plmr_tokenizer *got, uint32_t seed)
{
    for (int i = 0; i < 400; i++) {
        char text[IDS_MOST] = "";
        int32_t *ids;
        int n;
        add_snippets(&seed, N_SNIPPETS, text);
        must(plmr_tokenizer_encode(want, text, strlen(text), true, i % 2, &ids, &n));
        int32_t *found;
        int n_found;
        must(plmr_tokenizer_encode(got, text, strlen(text), true, i % 2, &found, &n_found));
        if (n != n_found || memcmp(ids, found, (size_t)n * sizeof *ids) != 0)
            fail_msg("other ids for '%s'", text);
        free(found);
        free(ids);
    }
}

static char folder[] = "/tmp/plmr-unigram-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    remove(path);
    return rmdir(folder);
}

/* Where words are cut no piece has a space behind anything else: as a control token none is made. */
static void test_json(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        enum plmr_space_prefix prefix;
        enum plmr_choice merges;
        bool has_map, has_bytes, cuts;
    } kinds[] = {
        {AROUND "\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"$\"},\"pre_tokenizer\":{\"type\":"
                "\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," METASPACE
                "\"prepend_scheme\":\"always\",\"split\":true}]}",
         PLMR_PREFIX_UNSAID, PLMR_YES, true, true, true},
        {AROUND
         "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\",\"precompiled_charsmap\":"
         "\"$\"},{\"type\":\"Strip\",\"strip_right\":true},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},"
         "\"content\":\"\u2581\"}]},\"pre_tokenizer\":" METASPACE "\"prepend_scheme\":\"always\",\"split\":false}",
         PLMR_PREFIX_UNSAID, PLMR_YES, true, false, false},
        {AROUND "\"normalizer\":null,\"pre_tokenizer\":" METASPACE "\"add_prefix_space\":true}",
         PLMR_PREFIX_UNLESS_THERE, PLMR_NO, false, true, true},
        {AROUND "\"pre_tokenizer\":" METASPACE
                "\"add_prefix_space\":true,\"prepend_scheme\":\"never\",\"split\":false}",
         PLMR_PREFIX_NEVER, PLMR_NO, false, false, false},
        {AROUND "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"\u2581\"},"
                "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]}",
         PLMR_PREFIX_ALWAYS, PLMR_NO, false, true, false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct small_vocab v;
        struct map map;
        plmr_tokenizer *got;
        make_vocab(&v, kinds[i].has_bytes);
        make_map(&map);
        char *base64 = plmr_base64((const uint8_t *)map.bytes, map.n);
        write_json(folder, &v, kinds[i].rules, base64);
        free(base64);
        must(read_json(folder, &got));
        v.spec.prefix = kinds[i].prefix;
        v.spec.merge_spaces = kinds[i].merges;
        v.spec.charsmap = map.bytes;
        v.spec.n_charsmap = kinds[i].has_map ? map.n : 0;
        for (int id = 0; id < v.spec.n_tokens; id++)
            if (kinds[i].cuts && strstr(v.spelt[id] + 1, "\u2581"))
                v.types[id] = PLMR_TOKEN_CONTROL;
        plmr_tokenizer *want = made(&v);
        compare(want, got, (uint32_t)i);
        plmr_tokenizer_destroy(want);
        plmr_tokenizer_destroy(got);
    }
}

/* What a file says that is refused, and words of why. */
struct wrong {
    const char *json, *words;
};

static void must_refuse(const char *words)
{
    plmr_tokenizer *t;
    must_fail(read_json(folder, &t), PLMR_ERROR_INPUT, words);
}

static void test_json_refused(void **state)
{
    (void)state;
    static const struct wrong wrong[] = {
        {"\"normalizer\":{\"type\":\"NFKC\"}", "normalizer: 'NFKC' of a Unigram is nothing that plmr does"},
        {"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"}]}",
         "normalizer: 'Lowercase'"},
        {"\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}",
         "normalizer: 'Replace'"},
        {"\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AB!C\"},\"pre_tokenizer\":" METASPACE
         "\"split\":true}",
         "precompiled_charsmap: is no base64"},
        {"\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"ABC=\"},\"pre_tokenizer\":" METASPACE
         "\"split\":true}",
         "map of characters (precompiled_charsmap) is damaged"},
        {"\"pre_tokenizer\":null", "pre_tokenizer: leaves spaces as they are"},
        {"\"pre_tokenizer\":{\"type\":\"ByteLevel\"}", "pre_tokenizer: 'ByteLevel'"},
        {"\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\"}", "pre_tokenizer: marks spaces by '_'"},
    };
    struct small_vocab v;
    make_vocab(&v, false);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_json(folder, &v, wrong[i].json, "");
        must_refuse(wrong[i].words);
    }
}

static void write_model(const char *model)
{
    FILE *file = open_json(folder);
    fprintf(file, "{\"pre_tokenizer\":" METASPACE "\"split\":true},\"model\":{\"type\":\"Unigram\",%s}}", model);
    fclose(file);
}

static void test_json_damaged(void **state)
{
    (void)state;
    static const struct wrong wrong[] = {
        {"\"unk_id\":1,\"vocab\":[[\"a\",0]]", "unk_id: is out of range"},
        {"\"unk_id\":-2,\"vocab\":[[\"a\",0]]", "unk_id: is out of range"},
        {"\"vocab\":[[\"a\",0],[\"b\"]]", "vocab: number 1 is no token with a score"},
        {"\"vocab\":[[\"a\",0],\"b\"]", "vocab: number 1 is no token with a score"},
        {"\"vocab\":[[\"a\",0],[\"a\",-1]]", "tokens 0 and 1 of the vocabulary are the same"},
        {"\"vocab\":[[\"a\",-1e300]]", "score of token 0 of the vocabulary is not finite"},
        {"\"vocab\":[]", "is neither a BPE with a vocabulary and merges nor a Unigram with one"},
        {"\"vocab\":{\"a\":0}", "is neither a BPE with a vocabulary and merges nor a Unigram with one"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_model(wrong[i].json);
        must_refuse(wrong[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),        cmocka_unit_test(test_random_cuts), cmocka_unit_test(test_options),
        cmocka_unit_test(test_damaged),      cmocka_unit_test(test_json),        cmocka_unit_test(test_json_refused),
        cmocka_unit_test(test_json_damaged),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
