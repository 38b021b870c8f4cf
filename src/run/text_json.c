#include "run/text_json.h"

#include <stdlib.h>

#include "base/memory.h"
#include "text/utf8.h"

json_t *plmr_text_json(const char *bytes, size_t n)
{
    plmr_utf8_stream stream = {0};
    char *text = plmr_take(PLMR_UTF8_ROOM(n) + PLMR_UTF8_ROOM(0));
    size_t n_text = plmr_utf8_push(&stream, bytes, n, text);
    n_text += plmr_utf8_flush(&stream, text + n_text);
    json_t *json = json_stringn(text, n_text);
    free(text);
    return json;
}
