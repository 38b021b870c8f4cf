#include "run/logprobs.h"

#include <math.h>
#include <stdlib.h>

#include "run/text_json.h"
#include "text/likely.h"

/* A token that is part of a character has replacements in its place. */
static json_t *text_of(const plmr_tokenizer *tokenizer, int32_t id)
{
    enum { IN_A_TEXT = INT32_MAX }; /* behind some token, so that a space stays */
    const char *bytes;
    size_t n;
    plmr_status status = plmr_tokenizer_decode(tokenizer, IN_A_TEXT, id, &bytes, &n);
    if (status) { /* a row of the model beyond its vocabulary */
        plmr_error_free(status);
        return json_null();
    }
    return plmr_text_json(bytes, n);
}

/* One that cannot be picked has a probability of 0: null. */
static json_t *one(int32_t id, double logprob, const plmr_tokenizer *tokenizer)
{
    json_t *json =
        json_pack("{s:i, s:o}", "id", (int)id, "logprob", isfinite(logprob) ? json_real(logprob) : json_null());
    if (tokenizer)
        json_object_set_new(json, "token", text_of(tokenizer, id));
    return json;
}

void plmr_logprobs_add(json_t *list, const float *logits, int n_logits, int32_t id, int n_top,
                       const plmr_tokenizer *tokenizer)
{
    int32_t ids[PLMR_MOST_LOGPROBS];
    double log_sum = plmr_likely_log_sum(logits, n_logits);
    json_t *picked = one(id, (double)logits[id] - log_sum, tokenizer), *top = json_array();
    n_top = n_top < n_logits ? n_top : n_logits;
    plmr_likely_find(logits, n_logits, n_top, ids);
    for (int i = 0; i < n_top; i++)
        json_array_append_new(top, one(ids[i], (double)logits[ids[i]] - log_sum, tokenizer));
    json_object_set_new(picked, "top", top);
    json_array_append_new(list, picked);
}
