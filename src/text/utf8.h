/* utf8.h - finds the characters of a text, and prints a text whose characters come in pieces.
 *
 * Well-formed is what the Unicode standard calls so: no overlong forms, no surrogates, nothing above U+10FFFF. Where a
 * replacement character (U+FFFD) is put, one stands for the longest run of bytes that could have begun a character,
 * else for one byte. All functions are local.
 */
#pragma once

#include <stddef.h>

#define PLMR_UTF8_REPLACEMENT "\xef\xbf\xbd"

enum plmr_utf8_state {
    PLMR_UTF8_WHOLE,  /* a well-formed character of *n_bytes bytes */
    PLMR_UTF8_BROKEN, /* *n_bytes bytes that no character begins with: one replacement character */
    PLMR_UTF8_CUT,    /* all *n_bytes == n bytes begin a character that may go on */
};

/* Looks at the first of n >= 1 bytes and those that belong to it. */
enum plmr_utf8_state plmr_utf8_scan(const char *text, size_t n, int *n_bytes);

/* Bytes of the character of white space that a text begins, or ends, with; 0: it does not. */
size_t plmr_utf8_space_at_start(const char *text, size_t n);
size_t plmr_utf8_space_at_end(const char *text, size_t n);

/* A text that comes in pieces, such as the tokens of a model. Starts as {0}. */
typedef struct plmr_utf8_stream {
    char held[4]; /* a character that has begun */
    int n_held;
} plmr_utf8_stream;

/* Bytes that plmr_utf8_push may write for a piece of n_bytes, and plmr_utf8_flush for one of 0. */
#define PLMR_UTF8_ROOM(n_bytes) (3 * ((size_t)(n_bytes) + 3))

/* Takes a piece; puts the whole characters that this completes into out, of PLMR_UTF8_ROOM(n_bytes) bytes, and returns
 * how many bytes these are. What cannot become a character any more is replaced. */
size_t plmr_utf8_push(plmr_utf8_stream *stream, const char *bytes, size_t n_bytes, char *out);

/* The end of the text: a character that is still cut is replaced. Afterwards the stream is as new. */
size_t plmr_utf8_flush(plmr_utf8_stream *stream, char *out);
