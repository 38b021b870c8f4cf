#include "serve/prompts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "ranks/ranks.h"
#include "serve/arrivals.h"

enum { MOST_BYTES = 1 << 26 };

/* Rank 0's file, on all ranks. */
static plmr_status read_file(const char *path, char **text)
{
    size_t n = 0;
    char *own = NULL;
    PLMR_TRY(plmr_agree(plmr_rank() ? PLMR_OK : plmr_file_read(path, MOST_BYTES, &own, &n)));
    plmr_broadcast(&n, sizeof n);
    *text = own ? own : plmr_take(n + 1);
    plmr_broadcast(*text, n);
    (*text)[n] = 0;
    return PLMR_OK;
}

/* The text's lines that are not empty, which it is cut into; *n of them, for the caller to free. */
static char **cut(char *text, int64_t *n)
{
    char **lines = NULL;
    *n = 0;
    for (char *rest = text, *line; (line = strtok_r(rest, "\r\n", &rest));) {
        lines = plmr_take_more(lines, (size_t)(*n + 1) * sizeof *lines);
        lines[(*n)++] = line;
    }
    return lines;
}

static plmr_status take_lines(plmr_serve_texts *texts, plmr_tokenizer *tokenizer, char *const *lines, int64_t n_lines,
                              plmr_request *requests, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t *ids;
        int n_ids;
        const char *line = lines[i % n_lines];
        PLMR_TRY(plmr_tokenizer_encode(tokenizer, line, strlen(line), true, true, &ids, &n_ids));
        plmr_serve_texts_add(texts, ids, n_ids);
        PLMR_CHECK(n_ids > requests[i].n_prefix, PLMR_ERROR_INPUT,
                   "request %lld is to share %d tokens, but its prompt has %d", (long long)i, requests[i].n_prefix,
                   n_ids);
        requests[i].n_prompt = n_ids;
    }
    return PLMR_OK;
}

/* A token of a request, or of the prefix that it has. */
static int32_t make_up(int n_vocab, int64_t seed, const plmr_request *r, int64_t i, int k)
{
    double random = plmr_serve_random(k < r->n_prefix ? ~seed : seed, k < r->n_prefix ? r->prefix : i,
                                      (uint32_t)(1 << 24) + (uint32_t)k);
    return (int32_t)((1 - random) * n_vocab);
}

static void make_up_all(plmr_serve_texts *texts, int n_vocab, int64_t seed, const plmr_request *requests, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        int32_t *ids = plmr_take((size_t)requests[i].n_prompt * sizeof *ids);
        for (int k = 0; k < requests[i].n_prompt; k++)
            ids[k] = make_up(n_vocab, seed, &requests[i], i, k);
        plmr_serve_texts_add(texts, ids, requests[i].n_prompt);
    }
}

plmr_status plmr_serve_prompts_make(plmr_serve_texts *texts, plmr_tokenizer *tokenizer, const char *path, int n_vocab,
                                    int64_t seed, plmr_request *requests, int64_t n)
{
    char *text, **lines;
    int64_t n_lines;
    if (!path) {
        make_up_all(texts, n_vocab, seed, requests, n);
        return PLMR_OK;
    }
    PLMR_CHECK(tokenizer, PLMR_ERROR_INPUT, "--prompts: the model has no vocabulary, so texts are no tokens to it");
    PLMR_TRY(read_file(path, &text));
    lines = cut(text, &n_lines);
    plmr_status status = n_lines ? take_lines(texts, tokenizer, lines, n_lines, requests, n)
                                 : plmr_error_make(PLMR_ERROR_INPUT, "--prompts: %s has no lines", path);
    free(lines);
    free(text);
    return status;
}
