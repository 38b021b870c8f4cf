/* parse.h - strict readers of values that a user types. `option` is how errors name it, "--cores"; where it is "", an
 * unknown word is told of without. Local. */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

/* A whole number from 1 to `most`; from 0. */
plmr_status plmr_parse_count(const char *option, const char *text, int64_t most, int64_t *value);
plmr_status plmr_parse_whole(const char *option, const char *text, int64_t most, int64_t *value);

/* Whether the text is a decimal number and nothing else: no blanks, no 0x10, no nan. One too large is infinity. */
bool plmr_is_decimal(const char *text, double *value);

/* Of a form with several parts, each reads its own at *at and moves it behind; where it is not there, they return false and leave
 * *at: digits, of a number up to `most`; a decimal number; these characters. */
bool plmr_scan_whole(const char **at, int64_t most, int64_t *value);
bool plmr_scan_real(const char **at, double *value);
bool plmr_scan_text(const char **at, const char *text);

/* A number from least to most. */
plmr_status plmr_parse_real(const char *option, const char *text, double least, double most, double *value);

/* "360x360". `form` is what the error says it should be: "HxW, e.g. 360x360". */
plmr_status plmr_parse_pair(const char *option, const char *text, const char *form, int *first, int *second);

/* One of n words: its index. */
plmr_status plmr_parse_word(const char *option, const char *text, const char *const *words, int n, int *index);

/* Words with commas between them, each once, or "all": their indices, into room for n + 1. */
plmr_status plmr_parse_words(const char *option, const char *text, const char *const *words, int n, int *indices,
                             int *n_indices);

/* Token ids from 0 with a comma or white space between them, perhaps none; *ids is for the caller to free. */
plmr_status plmr_parse_ids(const char *option, const char *text, int32_t **ids, int *n_ids);

/* "1,2,4": at most `room` positive numbers, each at most `most`. */
plmr_status plmr_parse_counts(const char *option, const char *text, int64_t most, int room, int *numbers, int *n);
