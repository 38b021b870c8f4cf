/* tokenizer.json: ids that Hugging Face's tokenizers (its Rust library, by npm, 0.23.2) gave for three small vocabularies and
 * the steps around them; steps and options that are refused; chat templates by name. */
#include "../support.h"

#include <unistd.h>

#include "model/hf_internal.h"
#include "text/tokenizer_gguf.h"

#define MARK "\u2581"

/* Written with ` for ", and $ for an expression. */
#define BYTES                                                                                                          \
    "`type`:`BPE`,`byte_fallback`:false,`vocab`:{`<s>`:0,`</s>`:1,`a`:2,`b`:3,`c`:4,`1`:5,`2`:6,`\u0120`:7,"           \
    "`\u010a`:8,`ab`:9,`\u0120a`:10,`\u0120ab`:11,`b1`:12,`12`:13,`abc`:14,`\u0120c`:15,`\u0120\u0120`:16},"           \
    "`merges`:[`a b`,`\u0120 a`,`\u0120a b`,`b 1`,`1 2`,`\u0120 c`,`\u0120 \u0120`]"
#define FALLBACK                                                                                                       \
    "`type`:`BPE`,`unk_token`:`<s>`,`byte_fallback`:true,`vocab`:{`<s>`:0,`</s>`:1,`" MARK "`:2,`a`:3,`b`:4,`c`:5,"    \
    "`" MARK "a`:6,`ab`:7,`" MARK MARK "`:8,`" MARK "a" MARK "`:9,`" MARK MARK "a`:10,`bc`:11,`\\n`:12,`cc`:13},"      \
    "`merges`:[`" MARK " a`,`a b`,`" MARK " " MARK "`,`" MARK "a " MARK "`,`" MARK MARK " a`]"
#define UNIGRAM                                                                                                        \
    "`type`:`Unigram`,`unk_id`:0,`byte_fallback`:false,`vocab`:[[`<s>`,0],[`</s>`,0],[`" MARK "`,-2],[`a`,-3],"        \
    "[`b`,-3],[`c`,-3],[`" MARK "a`,-4],[`" MARK MARK "`,-3.5],[`a" MARK "`,-4.5],[`\\t`,-5],[`\u00a0`,-5]]"

#define PRE(steps) "`pre_tokenizer`:{`type`:`Sequence`,`pretokenizers`:[" steps "]}"
#define NORMAL(steps) "`normalizer`:{`type`:`Sequence`,`normalizers`:[" steps "]}"
#define POST(steps) "`post_processor`:{`type`:`Sequence`,`processors`:[" steps "]}"
#define LEVEL(options) "{`type`:`ByteLevel`,`trim_offsets`:true," options "}"
#define PLAIN LEVEL("`add_prefix_space`:false,`use_regex`:false")
#define GPT2 LEVEL("`add_prefix_space`:false,`use_regex`:true")
#define SPLIT(options) "{`type`:`Split`,`pattern`:{`Regex`:`$`}," options "}"
#define ISOLATED SPLIT("`behavior`:`Isolated`,`invert`:false")
#define DIGITS(each) "{`type`:`Digits`,`individual_digits`:" each "}"
#define METASPACE(scheme, split)                                                                                       \
    "{`type`:`Metaspace`,`replacement`:`" MARK "`,`prepend_scheme`:`" scheme "`,`split`:" split "}"
#define REPLACE "{`type`:`Replace`,`pattern`:{`String`:` `},`content`:`" MARK "`}"
#define PREPEND "{`type`:`Prepend`,`prepend`:`" MARK "`}"
#define SEVERAL(to) "{`type`:`Replace`,`pattern`:{`Regex`:` {2,}`},`content`:`" to "`}"
#define STRIP(left) "{`type`:`Strip`,`strip_left`:" left ",`strip_right`:true}"
#define TOKEN(text) "{`SpecialToken`:{`id`:`" text "`,`type_id`:0}}"
#define TEXT "{`Sequence`:{`id`:`A`,`type_id`:0}}"
#define TEMPLATE(parts)                                                                                                \
    "{`type`:`TemplateProcessing`,`single`:[" parts "],`special_tokens`:{`<s>`:{`ids`:[0]},`</s>`:{`ids`:[1]}}}"
#define ROBERTA "{`type`:`RobertaProcessing`,`sep`:[`</s>`,1],`cls`:[`<s>`,0]}"

static char folder[] = "/tmp/plmr-json-XXXXXX";
static const char *const names[] = {"tokenizer.json", "tokenizer_config.json"};

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[64];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    return rmdir(folder);
}

static void put(FILE *file, const char *text)
{
    static const char expression[] =
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| "
        "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+";
    for (; *text; text++)
        if (*text == '$')
            fputs(expression, file);
        else
            fputc(*text == '`' ? '"' : *text, file);
}

static void write_file(const char *name, const char *const *parts)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *parts; parts++)
        put(file, *parts);
    assert_int_equal(fclose(file), 0);
}

static plmr_status read_folder(plmr_gguf **gguf, plmr_tokenizer **t)
{
    static const plmr_hf_config config = {.arch = "llama", .bos = -1, .eos = 1};
    plmr_made made = {0};
    plmr_status status = plmr_hf_read_tokenizer(folder, &config, &made);
    must(plmr_made_finish(&made, "made", gguf));
    return status ? status : plmr_tokenizer_read(*gguf, t);
}

static plmr_status read_json(const char *model, const char *options, const char *steps, plmr_tokenizer **t)
{
    plmr_gguf *gguf;
    write_file(names[0],
               (const char *[]){"{`truncation`:{`max_length`:2},`added_tokens`:[{`id`:0,`content`:`<s>`,`special`:"
                                "true},{`id`:1,`content`:`</s>`,`special`:true}],`model`:{",
                                model, options, "},", steps, "}", NULL});
    plmr_status status = read_folder(&gguf, t);
    plmr_gguf_close(gguf);
    return status;
}

static void expect(const plmr_tokenizer *t, const char *text, const char *want)
{
    char found[200] = "";
    int32_t *ids;
    int n;
    must(plmr_tokenizer_encode(t, text, strlen(text), true, true, &ids, &n));
    for (int i = 0; i < n; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%d", i ? " " : "", ids[i]);
    free(ids);
    if (strcmp(found, want) != 0)
        fail_msg("'%s' is %s, not %s", text, found, want);
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *model, *options, *steps, *text, *ids, *text2, *ids2;
    } cases[] = {
        {BYTES, "", PRE(LEVEL("`add_prefix_space`:true,`use_regex`:true")), "ab</s>ab c</s> a", "7 9 1 7 9 15 1 10", "",
         ""},
        {BYTES, "", PRE(PLAIN), "ab1 12", "9 5 7 13", "", ""},
        {BYTES, ",`ignore_merges`:true", PRE(GPT2), "abc ab1 12", "14 11 5 7 13", "", ""},
        {BYTES, "", NORMAL("{`type`:`NFC`}") "," PRE(SPLIT("`behavior`:`Removed`,`invert`:true") "," PLAIN), "abc  abc",
         "9 4 7 7 9 4", "", ""},
        {BYTES, ",`ignore_merges`:true",
         PRE(ISOLATED "," PLAIN) "," POST(TEMPLATE(TOKEN("<s>") "," TOKEN("</s>") "," TEXT "," TOKEN("<s>"))),
         "abc  abc", "0 1 14 7 7 9 4 0", "", "0 1 0"},
        {BYTES, "", PRE(GPT2) "," POST(GPT2 "," ROBERTA), "ab", "0 9 1", "", "0 1"},
        {FALLBACK, "", PRE(METASPACE("first", "false")), "a</s>a</s> a", "6 1 3 1 6", " a  a", "9 6"},
        {FALLBACK, "", PRE(METASPACE("always", "false")), "a</s>a</s> a", "6 1 6 1 6", " a  a", "9 6"},
        {FALLBACK, "", PRE(METASPACE("never", "true")), "a</s> a", "3 1 6", "  a a", "2 6 6"},
        {FALLBACK, "", NORMAL(PREPEND "," REPLACE), "a</s> a</s>a", "6 1 2 6 1 6", "bc\nabcc", "2 4 5 12 7 5 5"},
        {FALLBACK, "",
         NORMAL(REPLACE) "," PRE("{`type`:`Split`,`pattern`:{`String`:` `},`behavior`:`MergedWithPrevious`}"),
         "a</s> a a", "3 1 6 6", "", ""},
        {UNIGRAM, "", NORMAL(SEVERAL(" ")) "," PRE(METASPACE("always", "false")), "a   a ", "6 6 2", "a </s>  a",
         "6 2 1 6"},
        {UNIGRAM, "", NORMAL(STRIP("false") "," SEVERAL(MARK)) "," PRE(METASPACE("never", "false")), "a  a \n", "3 6",
         "   b", "2 4"},
        {UNIGRAM, "", PRE("{`type`:`WhitespaceSplit`}," METASPACE("always", "true")), "a\tb\u00a0 a\n", "6 2 4 6",
         "\t" MARK "a " MARK "b", "6 2 4"},
        {UNIGRAM, "", PRE(METASPACE("first", "false")), "a</s>a  a", "6 1 8 6", " a", "6"},
        {UNIGRAM, "", NORMAL(PREPEND "," REPLACE), " a</s>a", "2 6 1 6", "  ", "2 7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plmr_tokenizer *t;
        must(read_json(cases[i].model, cases[i].options, cases[i].steps, &t));
        expect(t, cases[i].text, cases[i].ids);
        expect(t, cases[i].text2, cases[i].ids2);
        plmr_tokenizer_destroy(t);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *options, *steps, *words;
    } cases[] = {
        {BYTES, "", NORMAL("{`type`:`NFC`},{`type`:`Lowercase`}") "," PRE(GPT2), "normalizer: 'Lowercase'"},
        {BYTES, "", PRE(SPLIT("`behavior`:`Removed`") "," PLAIN), "'Removed' of a Split"},
        {BYTES, "", PRE(SPLIT("`behavior`:`Isolated`,`invert`:true") "," PLAIN), "'Isolated', inverted, of a Split"},
        {BYTES, "", PRE(ISOLATED "," ISOLATED "," PLAIN), "'Split' behind what cuts words"},
        {BYTES, "", PRE(ISOLATED "," GPT2), "'use_regex' of a ByteLevel behind a Split"},
        {BYTES, "", PRE(ISOLATED "," LEVEL("`add_prefix_space`:true,`use_regex`:false")), "'add_prefix_space' of"},
        {BYTES, "", PRE(DIGITS("false") "," GPT2), "'Digits' of several digits"},
        {BYTES, "", PRE(DIGITS("true") "," PLAIN), "'use_regex' false of a ByteLevel behind Digits"},
        {BYTES, "", PRE(GPT2 "," DIGITS("true")), "'Digits' behind what cuts words"},
        {BYTES, "", PRE("{`type`:`WhitespaceSplit`}," GPT2), "'WhitespaceSplit' of a byte-level BPE"},
        {BYTES, ",`end_of_word_suffix`:`</w>`", PRE(GPT2), "model: 'end_of_word_suffix'"},
        {BYTES, ",`dropout`:0.1", PRE(GPT2), "model: 'dropout'"},
        {BYTES, "", PRE(GPT2) "," POST(TEMPLATE(TEXT) "," ROBERTA), "'RobertaProcessing' behind another one"},
        {BYTES, "", PRE(GPT2) "," POST(TEMPLATE(TOKEN("<x>") "," TEXT)), "post_processor: '<x>' of a template"},
        {BYTES, "", PRE(GPT2) "," POST(TEMPLATE(TOKEN("<s>"))), "'TemplateProcessing' without a text"},
        {BYTES, "", PRE(GPT2) "," POST("{`type`:`RobertaProcessing`,`sep`:[`</s>`,99],`cls`:[`<s>`,0]}"),
         "puts token 99 behind texts"},
        {"`type`:`BPE`,`byte_fallback`:true,`vocab`:{`a`:0},`merges`:[[`a`,` `],7]", "", NORMAL(REPLACE),
         "merges: number 1 is no pair of tokens"},
        {FALLBACK, ",`ignore_merges`:true", NORMAL(REPLACE), "'ignore_merges' with byte_fallback"},
        {FALLBACK, ",`fuse_unk`:true", NORMAL(REPLACE), "'fuse_unk' without a token for each byte"},
        {FALLBACK, "", NORMAL("{`type`:`NFKC`}," REPLACE), "'NFKC' of a BPE with byte_fallback"},
        {FALLBACK, "", NORMAL("{`type`:`Prepend`,`prepend`:`x`}," REPLACE), "'Prepend' of a BPE"},
        {FALLBACK, "", NORMAL(SEVERAL(" ") "," REPLACE), "'Replace' of a BPE"},
        {FALLBACK, "", NORMAL(PREPEND), "leaves spaces as they are"},
        {FALLBACK, "", NORMAL(REPLACE) "," PRE(GPT2), "'ByteLevel' of a BPE with byte_fallback"},
        {UNIGRAM, "", NORMAL(SEVERAL(" ") "," STRIP("true")) "," PRE(METASPACE("always", "true")), "'Strip' of a"},
        {UNIGRAM, "", NORMAL(STRIP("true")) "," PRE(METASPACE("first", "true")), "'Metaspace' of a Unigram"},
        {UNIGRAM, "", PRE("{`type`:`WhitespaceSplit`}," METASPACE("never", "true")), "'Metaspace' of a Unigram"},
        {UNIGRAM, "", NORMAL(SEVERAL(MARK)) "," PRE("{`type`:`WhitespaceSplit`}," METASPACE("always", "true")),
         "'WhitespaceSplit' of a Unigram"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plmr_tokenizer *t;
        plmr_status status = read_json(cases[i].model, cases[i].options, cases[i].steps, &t);
        if (!status)
            fail_msg("'%s' is not refused", cases[i].words);
        must_fail(status, PLMR_ERROR_INPUT, cases[i].words);
    }
}

static void test_templates(void **state)
{
    (void)state;
    static const struct {
        const char *said, *want;
    } cases[] = {
        {"`one`", "one"},
        {"[{`name`:`tool_use`,`template`:`tools`},{`name`:`default`,`template`:`one`}]", "one"},
        {"[{`name`:`other`,`template`:`one`}]", "one"},
        {"[{`name`:`tool_use`,`template`:`tools`},{`name`:`rag`,`template`:`texts`}]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plmr_gguf *gguf;
        plmr_tokenizer *t;
        plmr_gguf_text text = {NULL, 0};
        write_file(names[1], (const char *[]){"{`chat_template`:", cases[i].said, "}", NULL});
        must(read_json(BYTES, "", PRE(GPT2), &t));
        plmr_tokenizer_destroy(t);
        must(read_folder(&gguf, &t));
        plmr_tokenizer_destroy(t);
        assert_int_equal(plmr_gguf_has(gguf, "tokenizer.chat_template"), cases[i].want != NULL);
        if (cases[i].want) {
            must(plmr_gguf_get_text(gguf, "tokenizer.chat_template", &text));
            assert_true(plmr_gguf_text_is(text, cases[i].want));
        }
        plmr_gguf_close(gguf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_templates),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
