#include "base/suggest.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/larger.h"

enum { LONGEST_WORD = 63, SHORTEST_PREFIX = 3 };

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits that turn a into b, neither longer than LONGEST_WORD: row i of the usual table, from the two rows before it. */
static int edit_distance(const char *a, const char *b)
{
    int n_a = (int)strlen(a), n_b = (int)strlen(b);
    int rows[3][LONGEST_WORD + 1] = {{0}};
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (int j = 0; j <= n_b; j++)
        above[j] = j;
    for (int i = 1; i <= n_a; i++) {
        row[0] = i;
        for (int j = 1; j <= n_b; j++) {
            row[j] = above[j - 1] + !same(a[i - 1], b[j - 1]);
            row[j] = plmr_smaller(row[j], 1 + plmr_smaller(above[j], row[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = plmr_smaller(row[j], before[j - 2] + 1);
        }
        int *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[n_b];
}

static const char *first_with_prefix(const char *word, const char *const *words, int n)
{
    size_t length = strlen(word);
    for (int i = 0; length >= SHORTEST_PREFIX && i < n; i++)
        if (strncasecmp(words[i], word, length) == 0)
            return words[i];
    return NULL;
}

const char *plmr_suggest(const char *word, const char *const *words, int n)
{
    size_t length = strlen(word);
    if (length > LONGEST_WORD)
        return NULL;
    int nearest = 1 + (int)length / 4;
    const char *found = NULL;
    for (int i = 0; i < n; i++) {
        int distance = strlen(words[i]) <= LONGEST_WORD ? edit_distance(word, words[i]) : INT_MAX;
        if (distance <= nearest && distance < (int)length) {
            nearest = distance;
            found = words[i];
        }
    }
    return found ? found : first_with_prefix(word, words, n);
}
