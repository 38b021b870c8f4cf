/* Encodes texts with the vocabulary of a GGUF file: `vocab_tool FILE.gguf FLAGS < TEXTS`.
 *
 * The texts end with a line of __ggml_vocab_test__ each. For every one a line of ids is printed. FLAGS: "b" adds what
 * belongs to the front and end, "s" reads special tokens. Fails if a text does not come back from its ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer_gguf.h"

static const char separator[] = "\n__ggml_vocab_test__\n";

static void die(const char *what)
{
    fprintf(stderr, "vocab_tool: %s\n", what);
    exit(1);
}

static void must(plmr_status status)
{
    if (status)
        die(plmr_error_text(status));
}

static char *read_all(FILE *file, size_t *n_bytes)
{
    size_t room = 1 << 16, n = 0;
    char *data = malloc(room);
    while (data && (n += fread(data + n, 1, room - n, file)) == room)
        data = realloc(data, room *= 2);
    if (!data)
        die("no memory");
    *n_bytes = n;
    return data;
}

static plmr_tokenizer *load(const char *path)
{
    plmr_gguf *gguf;
    plmr_tokenizer *tokenizer;
    must(plmr_gguf_open(path, &gguf));
    must(plmr_tokenizer_read(gguf, &tokenizer));
    plmr_gguf_close(gguf);
    return tokenizer;
}

static void encode(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, const char *flags)
{
    int32_t *ids;
    int n_ids;
    size_t n_back;
    char *back;
    bool parse_special = strchr(flags, 's');
    must(plmr_tokenizer_encode(tokenizer, text, n_bytes, strchr(flags, 'b'), parse_special, &ids, &n_ids));
    must(plmr_tokenizer_decode_all(tokenizer, ids, n_ids, &back, &n_back));
    if (!parse_special && (n_back != n_bytes || memcmp(back, text, n_bytes) != 0))
        die("a text does not come back from its ids");
    for (int i = 0; i < n_ids; i++)
        printf("%s%d", i ? " " : "", ids[i]);
    printf("\n");
    free(ids);
    free(back);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: vocab_tool FILE.gguf FLAGS < TEXTS");
    plmr_tokenizer *tokenizer = load(argv[1]);
    size_t n_bytes, n_separator = sizeof separator - 1;
    char *texts = read_all(stdin, &n_bytes), *end = texts + n_bytes;
    for (char *at = texts, *next; (next = memmem(at, (size_t)(end - at), separator, n_separator));
         at = next + n_separator)
        encode(tokenizer, at, (size_t)(next - at), argv[2]);
    free(texts);
    plmr_tokenizer_destroy(tokenizer);
    return 0;
}
