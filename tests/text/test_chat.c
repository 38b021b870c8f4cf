/* Chat templates: of which family they are, and the prompt that comes of it. */
#include "tests/support.h"

#include "tests/model/gguf_builder.h"
#include "text/chat.h"

static plmr_gguf *file_with(const char *template, struct gguf_builder *b)
{
    plmr_gguf *gguf;
    *b = (struct gguf_builder){0};
    build_start(b, 3, 0, template != NULL);
    if (template)
        build_key_text(b, "tokenizer.chat_template", template);
    build_align(b, 32);
    must(plmr_gguf_parse(b->bytes, b->n, "my.gguf", &gguf));
    return gguf;
}

static void expect(const char *template, const char *system, const char *prompt)
{
    struct gguf_builder b;
    char *text;
    plmr_gguf *gguf = file_with(template, &b);
    must(plmr_chat_prompt(gguf, system, "Hi", &text));
    assert_string_equal(text, prompt);
    free(text);
    plmr_gguf_close(gguf);
    free(b.bytes);
}

static void families(void **state)
{
    (void)state;
    expect("{{ '<|im_start|>' }}", NULL, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    expect("x<|im_start|>", "Be",
           "<|im_start|>system\nBe<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    expect("<|start_header_id|> <|end_header_id|>", NULL,
           "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
    expect("[INST] <<SYS>>", "Be", "[INST] <<SYS>>\nBe\n<</SYS>>\n\nHi [/INST]");
    expect("[INST]", "Be", "[INST] Be\n\nHi [/INST]");
    expect("[INST]", NULL, "[INST] Hi [/INST]");
    expect("<start_of_turn>", NULL, "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n");
    expect("<|user|><|end|><|assistant|>", NULL, "<|user|>\nHi<|end|>\n<|assistant|>\n");
    expect("<|start|><|channel|>", "Be",
           "<|start|>system<|message|>Be<|end|><|start|>user<|message|>Hi<|end|><|start|>assistant");
}

static void expect_refused(const char *template, const char *words)
{
    struct gguf_builder b;
    char *text;
    plmr_gguf *gguf = file_with(template, &b);
    must_fail(plmr_chat_prompt(gguf, NULL, "Hi", &text), PLMR_ERROR_INPUT, words);
    plmr_gguf_close(gguf);
    free(b.bytes);
}

static void refused(void **state)
{
    (void)state;
    expect_refused(NULL, "--chat: my.gguf has no chat template; leave --chat out");
    expect_refused("### Human:\nx", "harmony): '### Human:'; put the prompt yourself, without --chat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(families), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
