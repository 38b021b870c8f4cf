/* use_tokenizer.h - what is done with a vocabulary, wherever it came from. */
#pragma once

#include "fuzz.h"

#include "text/tokenizer_gguf.h"

/* It encodes text and decodes its own tokens, or there is an error. */
static inline plmr_status use_tokenizer(const plmr_gguf *gguf)
{
    static const char text[] = " the <0x41>\xff story \n\n";
    plmr_tokenizer *tokenizer;
    int32_t *ids;
    int n_ids;
    plmr_status status = plmr_tokenizer_read(gguf, &tokenizer);
    if (status)
        return status;
    status = plmr_tokenizer_encode(tokenizer, text, sizeof text - 1, true, true, &ids, &n_ids);
    if (!status) {
        char *back;
        size_t n_back;
        check_line(plmr_tokenizer_decode_all(tokenizer, ids, n_ids, &back, &n_back));
        free(back);
        free(ids);
    }
    plmr_tokenizer_destroy(tokenizer);
    return status;
}
