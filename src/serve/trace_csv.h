/* trace_csv.h - requests from a file: a line of titles, then one request a line, with commas between; what stands in quotes may have
 * commas, and a quote as two. Columns are known by
 * their titles, in any order and case; others are passed over:
 *
 *   arrival    arrival, arrival_s, arrived_at, timestamp (seconds, or a date with a time: 2023-11-16 18:17:03.9799600)
 *   prompt     prompt, prompt_tokens, num_prefill_tokens, ContextTokens (Azure), Request tokens (BurstGPT)
 *   output     output, output_tokens, num_decode_tokens, GeneratedTokens (Azure), Response tokens (BurstGPT)
 *   priority   priority; may be missing
 *   prefix     prefix, prefix_id, and how long it is: prefix_tokens, prefix_length; both may be missing
 *
 * Times count from the first arrival. Local.
 */
#pragma once

#include "plmr/status.h"
#include "serve/request.h"

/* Reads at most `most` of them (0: all), sorted by their arrivals, with times in seconds, for the caller to free. An error
 * names the file and its line. */
plmr_status plmr_trace_csv_read(const char *path, int64_t most, plmr_request **requests, int64_t *n);

/* The same of a text that ends in a 0 byte, which it changes; `path` is for errors. */
plmr_status plmr_trace_csv_parse(const char *path, char *text, int64_t most, plmr_request **requests, int64_t *n);
