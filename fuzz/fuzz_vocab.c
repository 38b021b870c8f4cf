/* Fuzzes the reader of tokenizer.json: a vocabulary that encodes text and decodes its own tokens, or an error. */
#include "fuzz.h"

#include "fuzz_file.h"
#include "model/hf_internal.h"
#include "use_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const plmr_hf_config config = {.arch = "llama", .bos = -1, .eos = -1};
    plmr_made made = {0};
    plmr_gguf *gguf;
    const char *folder = fuzz_folder("tokenizer.json", bytes, n, "");
    plmr_status status = plmr_hf_read_tokenizer(folder, &config, &made);
    plmr_status finished = plmr_made_finish(&made, "fuzz", &gguf);
    if (!status && !finished)
        check_line(use_tokenizer(gguf));
    if (!finished)
        plmr_gguf_close(gguf);
    check_line(status);
    check_line(finished);
    return 0;
}
