#include "text/chat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A template is of the first family that it fits: it has both words, and not the one that it must be without. */
struct family {
    const char *name, *word[2], *without; /* NULL: nothing */
    const char *system[2];                /* around what the model is to be, */
    const char *alone;                    /* or in its place */
    const char *user[2];                  /* around what the user says: the answer follows */
};

/* Mistral's differ in blanks, which its templates spell out. */
static const struct family families[] = {
    {"phi4",
     {"<|im_start|>", "<|im_sep|>"},
     NULL,
     {"<|im_start|>system<|im_sep|>", "<|im_end|>"},
     "",
     {"<|im_start|>user<|im_sep|>", "<|im_end|><|im_start|>assistant<|im_sep|>"}},
    {"chatml",
     {"<|im_start|>", ""},
     "<end_of_utterance>",
     {"<|im_start|>system\n", "<|im_end|>\n"},
     "",
     {"<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"}},
    {"llama3",
     {"<|start_header_id|>", "<|end_header_id|>"},
     NULL,
     {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
     "",
     {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"}},
    {"mistral v7",
     {"[SYSTEM_PROMPT] ", "[INST] "},
     " [/INST]",
     {"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"},
     "",
     {"[INST] ", "[/INST]"}},
    {"mistral v7-tekken",
     {"[SYSTEM_PROMPT]", "[INST]"},
     "[INST] ",
     {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"},
     "",
     {"[INST]", "[/INST]"}},
    {"llama2", {"[INST]", "<<SYS>>"}, NULL, {"[INST] <<SYS>>\n", "\n<</SYS>>\n\n"}, "[INST] ", {"", " [/INST]"}},
    {"mistral", {"[INST] ", " [/INST]"}, "[SYSTEM_PROMPT]", {"[INST] ", "\n\n"}, "[INST] ", {"", " [/INST]"}},
    {"mistral v3", {"[INST] ", "[/INST]"}, "[SYSTEM_PROMPT]", {"[INST] ", "\n\n"}, "[INST] ", {"", "[/INST]"}},
    {"mistral v3-tekken", {"[INST]", "[/INST]"}, " [/INST]", {"[INST]", "\n\n"}, "[INST]", {"", "[/INST]"}},
    {"gemma",
     {"<start_of_turn>", ""},
     NULL,
     {"<start_of_turn>user\n", "\n\n"},
     "<start_of_turn>user\n",
     {"", "<end_of_turn>\n<start_of_turn>model\n"}},
    {"harmony",
     {"<|start|>", "<|channel|>"},
     NULL,
     {"<|start|>system<|message|>", "<|end|>"},
     "",
     {"<|start|>user<|message|>", "<|end|><|start|>assistant"}},
    {"phi4-mini",
     {"<|assistant|>", "<|tool|>"},
     "|>\\n",
     {"<|system|>", "<|end|>"},
     "",
     {"<|user|>", "<|end|><|assistant|>"}},
    {"phi3",
     {"<|assistant|>", "<|end|>"},
     "<|tool|>",
     {"<|system|>\n", "<|end|>\n"},
     "",
     {"<|user|>\n", "<|end|>\n<|assistant|>\n"}},
};

enum { N_FAMILIES = sizeof families / sizeof *families };

static bool has(plmr_gguf_text text, const char *word)
{
    return memmem(text.bytes, text.n_bytes, word, strlen(word)) != NULL;
}

static bool fits(const struct family *family, plmr_gguf_text text)
{
    return has(text, family->word[0]) && has(text, family->word[1]) && !(family->without && has(text, family->without));
}

static plmr_status find(const plmr_gguf *gguf, const struct family **family)
{
    static const char key[] = "tokenizer.chat_template";
    plmr_gguf_text text;
    char shown[80];
    PLMR_CHECK(plmr_gguf_has(gguf, key), PLMR_ERROR_INPUT, "--chat: %.500s has no chat template; leave --chat out",
               plmr_gguf_path(gguf));
    PLMR_TRY(plmr_gguf_get_text(gguf, key, &text));
    for (int i = 0; i < N_FAMILIES; i++)
        if (fits(&families[i], text)) {
            *family = &families[i];
            return PLMR_OK;
        }
    const char *end = memchr(text.bytes, '\n', text.n_bytes);
    text.n_bytes = end ? (size_t)(end - text.bytes) : text.n_bytes;
    return plmr_gguf_fault(gguf,
                           "has a chat template of no kind that plmr knows (chatml, llama2, llama3, gemma, mistral, "
                           "phi3, phi4, harmony): '%s'; put the prompt yourself, without --chat",
                           plmr_gguf_show(text, shown, sizeof shown));
}

plmr_status plmr_chat_prompt(const plmr_gguf *gguf, const char *system, const char *user, char **text)
{
    const struct family *f = NULL;
    PLMR_TRY(find(gguf, &f));
    *text = plmr_take_text("%s%s%s%s%s%s", system ? f->system[0] : f->alone, system ? system : "",
                           system ? f->system[1] : "", f->user[0], user, f->user[1]);
    return PLMR_OK;
}
