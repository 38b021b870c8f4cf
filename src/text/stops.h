/* stops.h - strings at which a text ends, found in a text that comes in pieces.
 *
 *     n = plmr_stops_push(&stops, piece, n_piece);   // for each piece
 *     fwrite(stops.text, 1, n, stdout);              // what is sure to lie before a stop string
 *     if (stops.found) ...                           // the string itself, and what is behind it, is dropped
 *     n = plmr_stops_flush(&stops);                  // the text ends without one: what was held back
 *
 * All functions are local.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* That string counts which ends first, of several the longest. Starts with the strings alone, of which none is empty. */
typedef struct plmr_stops {
    const char *const *strings; /* the caller's */
    int n_strings;
    char *text; /* what goes out, and behind it what is held back */
    size_t n_out, n_held;
    bool found;
} plmr_stops;

/* Takes a piece of the text. Of ->text so many bytes as it returns go out; they are valid until the next call. */
size_t plmr_stops_push(plmr_stops *stops, const char *piece, size_t n_piece);

/* The same at the end of the text. */
size_t plmr_stops_flush(plmr_stops *stops);

void plmr_stops_free(plmr_stops *stops);
