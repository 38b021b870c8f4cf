/* Fuzzes the reader of safetensors files: as they are, and what config.json says. */
#include "fuzz.h"

#include "model/hf.h"
#include "model/safetensors.h"
#include "model/shape.h"

#include <string.h>

/* The first and the last element of every tensor. */
static void read_tensors(const plmr_gguf *gguf)
{
    size_t n;
    float value;
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(gguf, &n);
    for (size_t i = 0; i < n; i++) {
        plmr_gguf_read(&tensors[i], 0, 1, 0, 1, &value, 1);
        plmr_gguf_read(&tensors[i], tensors[i].rows - 1, 1, tensors[i].cols - 1, 1, &value, 1);
    }
}

/* Also as a config.json, which a text of that kind may be. */
static void read_config(const uint8_t *bytes, size_t n)
{
    plmr_model *model = NULL;
    char *text = malloc(n + 1);
    if (!text)
        return;
    memcpy(text, bytes, n);
    text[n] = '\0';
    if (plmr_hf_is_config(text))
        check_error(plmr_model_parse_json(text, "config.json", &model));
    plmr_model_close(model);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_gguf *gguf;
    plmr_status status = plmr_safetensors_parse(bytes, n, "fuzz.safetensors", &gguf);
    if (!status) {
        read_tensors(gguf);
        plmr_gguf_close(gguf);
    }
    check_error(status);
    read_config(bytes, n);
    return 0;
}
