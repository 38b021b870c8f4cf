/* Encodes texts with a vocabulary that vocab_dump.py made: `vocab_tool VOCAB FLAGS < TEXTS`.
 *
 * The texts end with a line of __ggml_vocab_test__ each. For every one a line of ids is printed. FLAGS: "b" adds what
 * belongs to the front and end, "s" reads special tokens. Fails if a text does not come back from its ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm/tokenizer.h"

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

struct input {
    const char *at, *end;
};

static const char *take(struct input *input, size_t n_bytes)
{
    if (n_bytes > (size_t)(input->end - input->at))
        die("the vocabulary is cut");
    input->at += n_bytes;
    return input->at - n_bytes;
}

static int64_t take_number(struct input *input)
{
    int64_t number;
    memcpy(&number, take(input, sizeof number), sizeof number);
    return number;
}

static plmr_token_text *take_strings(struct input *input, int64_t *n)
{
    *n = take_number(input);
    plmr_token_text *texts = calloc((size_t)*n + 1, sizeof *texts);
    for (int64_t i = 0; texts && i < *n; i++) {
        texts[i].n_bytes = (size_t)take_number(input);
        texts[i].bytes = take(input, texts[i].n_bytes);
    }
    return texts ? texts : (die("no memory"), NULL);
}

static void *take_array(struct input *input, size_t element_size, int64_t *n)
{
    *n = take_number(input);
    size_t n_bytes = element_size * (size_t)*n;
    void *array = malloc(n_bytes + 1);
    if (!array)
        die("no memory");
    return memcpy(array, take(input, n_bytes), n_bytes);
}

static plmr_tokenizer *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        die("no such vocabulary");
    size_t n_bytes;
    char *data = read_all(file, &n_bytes), kind[40], pre[40];
    fclose(file);
    struct input input = {data, data + n_bytes};
    plmr_vocab_spec spec = plmr_vocab_spec_none();
    int64_t two;
    plmr_token_text *names = take_strings(&input, &two);
    snprintf(kind, sizeof kind, "%.*s", (int)names[0].n_bytes, names[0].bytes);
    snprintf(pre, sizeof pre, "%.*s", (int)names[1].n_bytes, names[1].bytes);
    spec.kind = kind;
    spec.pre = pre;
    void *lists[] = {names, NULL, NULL, NULL, NULL, data};
    spec.tokens = lists[1] = take_strings(&input, &spec.n_tokens);
    spec.scores = lists[2] = take_array(&input, sizeof(float), &spec.n_scores);
    spec.types = lists[3] = take_array(&input, sizeof(int64_t), &spec.n_types);
    spec.merges = lists[4] = take_strings(&input, &spec.n_merges);
    int64_t *ids[] = {&spec.bos, &spec.eos, &spec.eot, &spec.eom, &spec.unk};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        *ids[i] = take_number(&input);
    spec.add_bos = (enum plmr_choice)take_number(&input);
    spec.add_eos = (enum plmr_choice)take_number(&input);
    spec.add_space_prefix = (enum plmr_choice)take_number(&input);
    plmr_tokenizer *tokenizer;
    must(plmr_tokenizer_create(&spec, &tokenizer));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]);
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
        die("usage: vocab_tool VOCAB FLAGS < TEXTS");
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
