#include "base/json_locate.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
    const char *at;
    int line;
};

/* Past white space and `more`. */
static void skip(struct cursor *cursor, const char *more)
{
    for (; *cursor->at && (strchr(" \t\r\n", *cursor->at) || strchr(more, *cursor->at)); cursor->at++)
        cursor->line += *cursor->at == '\n';
}

static void skip_string(struct cursor *cursor)
{
    for (cursor->at++; *cursor->at != '"'; cursor->at++)
        if (*cursor->at == '\\')
            cursor->at++;
    cursor->at++;
}

/* Past a value of any kind. */
static void skip_value(struct cursor *cursor)
{
    int depth = 0;
    do {
        skip(cursor, ",:");
        if (*cursor->at == '"') {
            skip_string(cursor);
        } else if (strchr("{[", *cursor->at)) {
            depth++;
            cursor->at++;
        } else if (strchr("}]", *cursor->at)) {
            depth--;
            cursor->at++;
        } else {
            cursor->at += strcspn(cursor->at, ",:]} \t\r\n");
        }
        skip(cursor, "");
    } while (depth > 0);
}

/* Whether the string literal [from, to) stands for `key`; jansson knows about escapes. */
static bool is_key(const char *from, const char *to, const char *key)
{
    json_t *string = json_loadb(from, (size_t)(to - from), JSON_DECODE_ANY, NULL);
    bool equal = string && strcmp(json_string_value(string), key) == 0;
    json_decref(string);
    return equal;
}

/* From the bracket of an object or array to the value of its member or element `step`; false if it has none. *line
 * becomes that of the key or element. */
static bool enter(struct cursor *cursor, const char *step, int *line)
{
    bool object = *cursor->at == '{';
    if (!object && *cursor->at != '[')
        return false;
    cursor->at++;
    skip(cursor, "");
    for (long i = 0; *cursor->at != '}' && *cursor->at != ']'; i++) {
        const char *from = cursor->at;
        *line = cursor->line;
        if (object)
            skip_string(cursor);
        bool found = object ? is_key(from, cursor->at, step) : strtol(step, NULL, 10) == i;
        skip(cursor, ":");
        if (found)
            return true;
        skip_value(cursor);
        skip(cursor, ",");
    }
    return false;
}

int plmr_json_locate_path(const char *text, const char *const *path, int n_steps)
{
    struct cursor cursor = {text, 1};
    skip(&cursor, "");
    int found = cursor.line, line;
    for (int i = 0; i < n_steps && enter(&cursor, path[i], &line); i++)
        found = line;
    return found;
}
