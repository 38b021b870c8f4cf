#include "base/json_locate.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* The byte after the string literal that starts at text. */
static const char *string_end(const char *text)
{
    for (text++; *text != '"'; text++)
        if (*text == '\\')
            text++;
    return text + 1;
}

/* Whether the string literal [from, to) stands for `key`; jansson knows about escapes. */
static bool is_key(const char *from, const char *to, const char *key)
{
    json_t *string = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
    bool equal = string && strcmp(json_string_value(string), key) == 0;
    json_decref(string);
    return equal;
}

/* Whether the next byte that is not white space is a colon, so that the string just read was a key. */
static bool colon_follows(const char *text)
{
    return text[strspn(text, " \t\r\n")] == ':';
}

int plmr_json_locate(const char *text, const char *key, const char *sub)
{
    int line = 1, depth = 0, found = 0;
    bool inside = false; /* in the member `key` of the root object */
    while (*text) {
        if (*text == '"') {
            const char *end = string_end(text);
            if (depth == 1 && colon_follows(end)) {
                inside = is_key(text, end, key);
                found = inside ? line : found;
            } else if (depth == 2 && inside && sub && colon_follows(end) && is_key(text, end, sub)) {
                return line;
            }
            text = end;
            continue;
        }
        if (*text == '{' && depth == 0)
            found = line;
        depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
        line += *text == '\n';
        text++;
    }
    return found;
}
