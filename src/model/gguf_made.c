#include "model/gguf_made.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { HEADER_BYTES = 4 + 4 + 8 + 8, VERSION = 3 };

void plmr_made_put(plmr_made *made, const void *bytes, size_t n_bytes)
{
    size_t start = made->n_bytes ? made->n_bytes : HEADER_BYTES;
    if (start + n_bytes > made->room) {
        made->room = 2 * (start + n_bytes);
        made->bytes = plmr_take_more(made->bytes, made->room);
    }
    if (n_bytes)
        memcpy(made->bytes + start, bytes, n_bytes);
    made->n_bytes = start + n_bytes;
}

void plmr_made_put_text(plmr_made *made, const char *text, size_t n_bytes)
{
    plmr_made_put(made, &(uint64_t){n_bytes}, sizeof(uint64_t));
    plmr_made_put(made, text, n_bytes);
}

static void begin(plmr_made *made, const char *key, enum plmr_gguf_value_type type)
{
    plmr_made_put_text(made, key, strlen(key));
    plmr_made_put(made, &(uint32_t){type}, sizeof(uint32_t));
    made->n_keys++;
}

void plmr_made_int(plmr_made *made, const char *key, int64_t value)
{
    begin(made, key, PLMR_GGUF_I64);
    plmr_made_put(made, &value, sizeof value);
}

void plmr_made_real(plmr_made *made, const char *key, double value)
{
    begin(made, key, PLMR_GGUF_F64);
    plmr_made_put(made, &value, sizeof value);
}

void plmr_made_truth(plmr_made *made, const char *key, bool value)
{
    begin(made, key, PLMR_GGUF_BOOL);
    plmr_made_put(made, &(char){value}, 1);
}

void plmr_made_text(plmr_made *made, const char *key, const char *value)
{
    begin(made, key, PLMR_GGUF_TEXT);
    plmr_made_put_text(made, value, strlen(value));
}

void plmr_made_array(plmr_made *made, const char *key, enum plmr_gguf_value_type type, uint64_t n)
{
    begin(made, key, PLMR_GGUF_ARRAY);
    plmr_made_put(made, &(uint32_t){type}, sizeof(uint32_t));
    plmr_made_put(made, &n, sizeof n);
}

plmr_status plmr_made_finish(plmr_made *made, const char *path, plmr_gguf **gguf)
{
    plmr_made_put(made, NULL, 0); /* there is a header, if nothing else */
    made->bytes = plmr_take_more(made->bytes, made->n_bytes);
    memcpy(made->bytes, "GGUF", 4);
    memcpy(made->bytes + 4, &(uint32_t){VERSION}, 4);
    memcpy(made->bytes + 8, &(uint64_t){0}, 8);
    memcpy(made->bytes + 16, &made->n_keys, 8);
    plmr_status status = plmr_gguf_parse(made->bytes, made->n_bytes, path, gguf);
    if (status)
        free(made->bytes);
    else
        (*gguf)->made = made->bytes;
    return status;
}
