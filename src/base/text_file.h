/* text_file.h - reads a user's text file whole, without a byte order mark, and with LF for CR LF at the ends of lines. */
#pragma once

#include <stddef.h>

#include "plmr/status.h"

/* Reads a regular file of at most 1 MiB without 0 bytes, which is to hold `what` ("a device") as JSON. *text ends in a
 * 0 byte and is for the caller to free. A file that cannot be opened or read is a failure of the system. Local. */
plmr_status plmr_text_file_read(const char *path, const char *what, char **text);

/* Reads any file that the user named, of 1 to `most` bytes, none of them 0, behind which there is one in *text. That is for the
 * caller to free, also where it fails. Local. */
plmr_status plmr_file_read(const char *path, size_t most, char **text, size_t *n);

/* Of a file that the user named: what the system says of it becomes PLMR_ERROR_FILE. Takes over the error. */
plmr_status plmr_error_of_input(plmr_status error);
