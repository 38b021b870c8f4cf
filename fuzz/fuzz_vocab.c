/* Fuzzes the reader of tokenizer.json: a vocabulary that encodes text and decodes its own tokens, or an error. */
#include "fuzz.h"

#include "model/hf_internal.h"
#include "text/tokenizer_gguf.h"

#include <string.h>
#include <unistd.h>

static char folder[] = "/dev/shm/plmr-fuzz-XXXXXX", path[sizeof folder + 20];

static void remove_folder(void)
{
    remove(path);
    rmdir(folder);
}

static void put_file(const uint8_t *bytes, size_t n)
{
    if (!*path) {
        if (!mkdtemp(folder))
            abort();
        snprintf(path, sizeof path, "%s/tokenizer.json", folder);
        atexit(remove_folder);
    }
    FILE *file = fopen(path, "w");
    if (!file)
        abort();
    fwrite(bytes, 1, n, file);
    fclose(file);
}

static void use(const plmr_gguf *gguf)
{
    static const char text[] = " the <0x41>\xff story \n\n";
    plmr_tokenizer *tokenizer;
    int32_t *ids;
    int n_ids;
    plmr_status status = plmr_tokenizer_read(gguf, &tokenizer);
    if (!status) {
        status = plmr_tokenizer_encode(tokenizer, text, sizeof text - 1, true, true, &ids, &n_ids);
        if (!status) {
            char *back;
            size_t n_back;
            check_line(plmr_tokenizer_decode_all(tokenizer, ids, n_ids, &back, &n_back));
            free(back);
            free(ids);
        }
        plmr_tokenizer_destroy(tokenizer);
    }
    check_line(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const plmr_hf_config config = {.arch = "llama", .bos = -1, .eos = -1};
    plmr_made made = {0};
    plmr_gguf *gguf;
    put_file(bytes, n);
    plmr_status status = plmr_hf_read_tokenizer(folder, &config, &made);
    plmr_status finished = plmr_made_finish(&made, "fuzz", &gguf);
    if (!status && !finished)
        use(gguf);
    if (!finished)
        plmr_gguf_close(gguf);
    check_line(status);
    check_line(finished);
    return 0;
}
