#include "text/stops.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The longest stop string that the n bytes end with, in bytes; or, `cut`, whether they are the beginning of one. */
static size_t find(const plmr_stops *stops, const char *bytes, size_t n, bool cut)
{
    size_t longest = 0;
    for (int i = 0; i < stops->n_strings; i++) {
        size_t length = strlen(stops->strings[i]);
        bool is_there = cut ? length > n && memcmp(bytes, stops->strings[i], n) == 0
                            : length <= n && memcmp(bytes + (n - length), stops->strings[i], length) == 0;
        longest = is_there && length > longest ? length : longest;
    }
    return longest;
}

/* What is held back, with room for more behind it. */
static void begin(plmr_stops *stops, size_t more)
{
    if (stops->n_held)
        memmove(stops->text, stops->text + stops->n_out, stops->n_held);
    stops->text = plmr_take_more(stops->text, stops->n_held + more);
}

size_t plmr_stops_push(plmr_stops *stops, const char *piece, size_t n_piece)
{
    size_t n = stops->n_held + n_piece, at = 0;
    begin(stops, n_piece);
    memcpy(stops->text + stops->n_held, piece, n_piece);
    for (size_t end = stops->n_held + 1; end <= n && !stops->found; end++) {
        size_t length = find(stops, stops->text, end, false);
        stops->found = length > 0;
        at = end - length;
    }
    for (at = stops->found ? at : 0; at < n && !stops->found && !find(stops, stops->text + at, n - at, true);)
        at++;
    stops->n_out = at;
    stops->n_held = stops->found ? 0 : n - at;
    return at;
}

size_t plmr_stops_flush(plmr_stops *stops)
{
    begin(stops, 0);
    stops->n_out = stops->n_held;
    stops->n_held = 0;
    return stops->n_out;
}

void plmr_stops_free(plmr_stops *stops)
{
    free(stops->text);
}
