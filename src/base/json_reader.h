/* json_reader.h - takes a user's JSON apart; errors say "file:line: place: what is wrong". Local. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "plmr/status.h"

enum { PLMR_READER_DEPTH = 8 };

/* A text, and the way from its root to what is being read: keys, and indices as digits. */
typedef struct plmr_reader {
    const char *text, *file;
    int lines_before; /* of the file, where the text is not all of it */
    const char *path[PLMR_READER_DEPTH];
    int depth;
} plmr_reader;

/* The text as JSON, an object at its root, for the caller to free; NULL on errors. */
plmr_status plmr_reader_load(const plmr_reader *reader, const char *what, json_t **root);

/* One step down, and back. After a fault nothing more is read, so none need go back. */
void plmr_reader_enter(plmr_reader *reader, const char *step);
void plmr_reader_leave(plmr_reader *reader);

/* An error about the place, or about its member `key` (NULL: none). What a file says is shown as plain ASCII. */
plmr_status plmr_reader_fault(const plmr_reader *reader, const char *key, const char *format, ...) PLMR_PRINTF(3, 4);

/* What a value is: "a string", "missing". */
const char *plmr_reader_state(const json_t *json);

/* Fails if the object at the place has other keys than the n known ones. */
plmr_status plmr_reader_check_keys(const plmr_reader *reader, json_t *object, const char *const *known, int n);

/* Fails if word is none of the n known ones: "KEY: 'word' is no WHAT: did you mean ...?" */
plmr_status plmr_reader_check_word(const plmr_reader *reader, const char *key, const char *word, const char *what,
                                   const char *const *known, int n);

/* Members of the object at the place; they belong to `object`. A text of one line, of 1 to `most` bytes. Which of n
 * known texts it is; `expected` names them in the error. A number in [least, most]. An object or array that is not
 * empty. A truth value; false where there is none and it is not needed. */
plmr_status plmr_reader_text(const plmr_reader *reader, const json_t *object, const char *key, size_t most,
                             const char **text);
plmr_status plmr_reader_choice(const plmr_reader *reader, const json_t *object, const char *key,
                               const char *const *known, int n, const char *expected, int *index);
plmr_status plmr_reader_number(const plmr_reader *reader, const json_t *object, const char *key, double least,
                               double most, double *number);
plmr_status plmr_reader_object(const plmr_reader *reader, const json_t *object, const char *key, json_t **member);
plmr_status plmr_reader_array(const plmr_reader *reader, const json_t *object, const char *key, json_t **member);
plmr_status plmr_reader_truth(const plmr_reader *reader, const json_t *object, const char *key, bool needed,
                              bool *truth);
