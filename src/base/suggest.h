/* suggest.h - "did you mean ...?" for anything a user can mistype. */
#pragma once

/* The one of n words that `word` is most likely a slip of, or NULL if none is near: nearest in edits (a character more,
 * less, other, or two swapped; case does not count), at most one edit plus one for every four characters; failing that,
 * a word that begins with `word`. Of equally near words the last, which in a sorted list is the newest version. */
const char *plmr_suggest(const char *word, const char *const *words, int n);
