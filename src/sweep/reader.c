#include "sweep/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_locate.h"
#include "base/suggest.h"

static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

plmr_status plmr_reader_load(const plmr_reader *reader, const char *what, json_t **root)
{
    json_error_t error;
    *root = json_loads(reader->text, JSON_REJECT_DUPLICATES, &error);
    if (!*root) {
        make_printable(error.text);
        return plmr_error_make(PLMR_ERROR_INPUT, "%s:%d: not valid JSON: %s", reader->file,
                               error.line > 0 ? error.line : 1, error.text);
    }
    if (json_is_object(*root))
        return PLMR_OK;
    plmr_status status = plmr_error_make(PLMR_ERROR_INPUT, "%s:1: is %s, expected an object that describes %s",
                                         reader->file, plmr_reader_state(*root), what);
    json_decref(*root);
    return status;
}

void plmr_reader_enter(plmr_reader *reader, const char *step)
{
    PLMR_ASSERT(reader->depth < PLMR_READER_DEPTH - 1);
    reader->path[reader->depth++] = step;
}

void plmr_reader_leave(plmr_reader *reader)
{
    reader->depth--;
}

/* "runs.gemm.vary.m: " */
static void show_place(const char *const *path, int depth, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < depth && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%.40s%s", path[i], i + 1 < depth ? "." : ": ");
}

plmr_status plmr_reader_fault(const plmr_reader *reader, const char *key, const char *format, ...)
{
    char place[200], what[400];
    plmr_reader at = *reader;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (key)
        plmr_reader_enter(&at, key);
    show_place(at.path, at.depth, place, sizeof place);
    make_printable(place);
    make_printable(what);
    return plmr_error_make(PLMR_ERROR_INPUT, "%.300s:%d: %s%s", reader->file,
                           plmr_json_locate_path(reader->text, at.path, at.depth), place, what);
}

const char *plmr_reader_state(const json_t *json)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",    [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number",  [JSON_TRUE] = "a truth value",
        [JSON_FALSE] = "a truth value", [JSON_NULL] = "null"};
    return json ? names[json_typeof(json)] : "missing";
}

static bool contains(const char *const *words, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

plmr_status plmr_reader_check_keys(const plmr_reader *reader, json_t *object, const char *const *known, int n)
{
    const char *key;
    json_t *unused;
    json_object_foreach(object, key, unused)
    {
        const char *near = contains(known, n, key) ? NULL : plmr_suggest(key, known, n);
        if (!contains(known, n, key))
            return plmr_reader_fault(reader, key, "is an unknown key%s%s%s", near ? ", did you mean \"" : "",
                                     near ? near : "", near ? "\"?" : "");
    }
    return PLMR_OK;
}

plmr_status plmr_reader_check_word(const plmr_reader *reader, const char *key, const char *word, const char *what,
                                   const char *const *known, int n)
{
    if (contains(known, n, word))
        return PLMR_OK;
    const char *near = plmr_suggest(word, known, n);
    return plmr_reader_fault(reader, key, "'%.60s' is no %s%s%s%s", word, what, near ? ": did you mean '" : "",
                             near ? near : "", near ? "'?" : "");
}

static bool is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

plmr_status plmr_reader_text(const plmr_reader *reader, const json_t *object, const char *key, bool needed,
                             const char **text)
{
    const json_t *member = json_object_get(object, key);
    *text = json_string_value(member);
    if (!member && !needed)
        return PLMR_OK;
    if (!*text || !**text || !is_line(*text))
        return plmr_reader_fault(reader, key, "is %s, expected one line of text",
                                 *text ? "empty or several lines" : plmr_reader_state(member));
    return PLMR_OK;
}

plmr_status plmr_reader_object(const plmr_reader *reader, const json_t *object, const char *key, json_t **member)
{
    *member = json_object_get(object, key);
    if (!json_is_object(*member) || json_object_size(*member) == 0)
        return plmr_reader_fault(reader, key, "is %s, expected an object with members",
                                 json_is_object(*member) ? "empty" : plmr_reader_state(*member));
    return PLMR_OK;
}

plmr_status plmr_reader_array(const plmr_reader *reader, const json_t *object, const char *key, json_t **member)
{
    *member = json_object_get(object, key);
    if (!json_is_array(*member) || json_array_size(*member) == 0)
        return plmr_reader_fault(reader, key, "is %s, expected an array with elements",
                                 json_is_array(*member) ? "empty" : plmr_reader_state(*member));
    return PLMR_OK;
}

plmr_status plmr_reader_truth(const plmr_reader *reader, const json_t *object, const char *key, bool *truth)
{
    const json_t *member = json_object_get(object, key);
    *truth = json_is_true(member);
    if (member && !json_is_boolean(member))
        return plmr_reader_fault(reader, key, "is %s, expected true or false", plmr_reader_state(member));
    return PLMR_OK;
}
