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
    expect("<start_of_turn>", NULL, "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n");
    expect("<|user|><|end|><|assistant|>", NULL, "<|user|>\nHi<|end|>\n<|assistant|>\n");
    expect("<|start|><|channel|>", "Be",
           "<|start|>system<|message|>Be<|end|><|start|>user<|message|>Hi<|end|><|start|>assistant");
}

/* As published, but for what tools and checks of roles add, and the prompts that they make of one question. */
static void published(void **state)
{
    (void)state;
    static const char phi4[] =
        "{% for message in messages %}{% if (message['role'] == 'system') %}{{'<|im_start|>system<|im_sep|>' + "
        "message['content'] + '<|im_end|>'}}{% elif (message['role'] == 'user') %}{{'<|im_start|>user<|im_sep|>' + "
        "message['content'] + '<|im_end|><|im_start|>assistant<|im_sep|>'}}{% endif %}{% endfor %}";
    static const char phi4_mini[] =
        "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message %}{{ '<|' + "
        "message['role'] "
        "+ '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + "
        "message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt "
        "%}{{ '<|assistant|>' }}{% endif %}";
    static const char phi3[] =
        "{% for message in messages %}{{'<|' + message['role'] + '|>' + '\n' + message['content'] "
        "+ '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
    static const char v1[] =
        "{% if loop.first and system_message is defined %}{{- ' [INST] ' + system_message + '\\n\\n' + "
        "message['content'] + ' [/INST]' }}{% else %}{{- ' [INST] ' + message['content'] + ' [/INST]' }}";
    static const char v3[] =
        "{{- \"[AVAILABLE_TOOLS] [\" }}{%- if loop.last and system_message is defined %}{{- \"[INST] \" + "
        "system_message + \"\\n\\n\" + message[\"content\"] + \"[/INST]\" }}";
    static const char v3_tekken[] = "{{- \"[AVAILABLE_TOOLS][\" }}{%- if loop.last and system_message is defined %}{{- "
                                    "\"[INST]\" + system_message + "
                                    "\"\\n\\n\" + message[\"content\"] + \"[/INST]\" }}";
    static const char v7[] =
        "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}{% elif "
        "message['role'] == 'system' %}{{ '[SYSTEM_PROMPT] ' + message['content'] + '[/SYSTEM_PROMPT]' }}";
    static const char v7_tekken[] = "{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' }}{{- '[INST]' + "
                                    "message['content'] + '[/INST]' }}";
    expect(phi4, NULL, "<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>");
    expect(phi4, "Be",
           "<|im_start|>system<|im_sep|>Be<|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_"
           "sep|>");
    expect(phi4_mini, "Be", "<|system|>Be<|end|><|user|>Hi<|end|><|assistant|>");
    expect(phi3, "Be", "<|system|>\nBe<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n");
    expect(v1, "Be", "[INST] Be\n\nHi [/INST]"); /* the first blank is the tokenizer's */
    expect(v1, NULL, "[INST] Hi [/INST]");
    expect(v3, "Be", "[INST] Be\n\nHi[/INST]");
    expect(v3, NULL, "[INST] Hi[/INST]");
    expect(v3_tekken, "Be", "[INST]Be\n\nHi[/INST]");
    expect(v3_tekken, NULL, "[INST]Hi[/INST]");
    expect(v7, "Be", "[SYSTEM_PROMPT] Be[/SYSTEM_PROMPT][INST] Hi[/INST]");
    expect(v7, NULL, "[INST] Hi[/INST]");
    expect(v7_tekken, "Be", "[SYSTEM_PROMPT]Be[/SYSTEM_PROMPT][INST]Hi[/INST]");
    expect(v7_tekken, NULL, "[INST]Hi[/INST]");
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
    expect_refused("'<|im_start|>' + '<end_of_utterance>'", "of no kind that plmr knows");
    expect_refused("'[SYSTEM_PROMPT]' + '[INST] ' + ' [/INST]'", "of no kind that plmr knows");
    expect_refused("'[INST]' + ' [/INST]'", "of no kind that plmr knows");
    expect_refused("### Human:\nx", "harmony): '### Human:'; put the prompt yourself, without --chat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(families), cmocka_unit_test(published),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
