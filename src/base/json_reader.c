#include "base/json_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_locate.h"
#include "base/suggest.h"

/* What comes out of a hostile file is shown as plain ASCII: no line breaks, no terminal escapes. */
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
        bool has_nul = json_error_code(&error) == json_error_null_character;
        make_printable(error.text);
        return plmr_error_make(PLMR_ERROR_INPUT, "%.500s:%d: not valid JSON: %s", reader->file,
                               reader->lines_before + (error.line > 0 ? error.line : 1),
                               has_nul ? "a text with a zero byte (\\u0000) in it" : error.text);
    }
    if (json_is_object(*root))
        return PLMR_OK;
    plmr_status status = plmr_error_make(PLMR_ERROR_INPUT, "%.500s:%d: is %s, expected an object that describes %s",
                                         reader->file, reader->lines_before + 1, plmr_reader_state(*root), what);
    json_decref(*root);
    *root = NULL;
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
    return plmr_error_make(PLMR_ERROR_INPUT, "%.500s:%d: %s%s", reader->file,
                           reader->lines_before + plmr_json_locate_path(reader->text, at.path, at.depth), place, what);
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

/* Whether text holds a control character: of ASCII, or of the second block, U+0080 to U+009F in UTF-8. */
static bool has_control(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return true;
    }
    return false;
}

plmr_status plmr_reader_text(const plmr_reader *reader, const json_t *object, const char *key, size_t most,
                             const char **text)
{
    const json_t *member = json_object_get(object, key);
    *text = json_string_value(member);
    if (!*text)
        return plmr_reader_fault(reader, key, "is %s, expected text of 1 to %zu bytes", plmr_reader_state(member),
                                 most);
    size_t length = strlen(*text);
    if (length == 0 || length > most)
        return plmr_reader_fault(reader, key, "is %zu bytes long, expected text of 1 to %zu bytes", length, most);
    if (has_control(*text))
        return plmr_reader_fault(reader, key, "has a control character, expected one line of plain text");
    return PLMR_OK;
}

plmr_status plmr_reader_choice(const plmr_reader *reader, const json_t *object, const char *key,
                               const char *const *known, int n, const char *expected, int *index)
{
    const json_t *member = json_object_get(object, key);
    const char *text = json_string_value(member);
    for (*index = 0; text && *index < n; ++*index)
        if (strcmp(known[*index], text) == 0)
            return PLMR_OK;
    return plmr_reader_fault(reader, key, "%s%.60s%s, expected %s", text ? "\"" : "is ",
                             text ? text : plmr_reader_state(member), text ? "\" is unknown" : "", expected);
}

plmr_status plmr_reader_number(const plmr_reader *reader, const json_t *object, const char *key, double least,
                               double most, double *number)
{
    const json_t *member = json_object_get(object, key);
    *number = json_number_value(member);
    if (!json_is_number(member))
        return plmr_reader_fault(reader, key, "is %s, expected a number (%g to %g)", plmr_reader_state(member), least,
                                 most);
    if (!(*number >= least && *number <= most))
        return plmr_reader_fault(reader, key, "%g is out of range, expected a number (%g to %g)", *number, least, most);
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

plmr_status plmr_reader_truth(const plmr_reader *reader, const json_t *object, const char *key, bool needed,
                              bool *truth)
{
    const json_t *member = json_object_get(object, key);
    *truth = json_is_true(member);
    if ((member || needed) && !json_is_boolean(member))
        return plmr_reader_fault(reader, key, "is %s, expected true or false", plmr_reader_state(member));
    return PLMR_OK;
}
