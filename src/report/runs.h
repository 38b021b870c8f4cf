/* runs.h - runs from files: records as --json writes them, and reports, which hold records with all that belongs to
 * them.
 */
#pragma once

#include "report/html.h"

/* Adds the runs of a file to a report. What is wrong with the file, or of a version that cannot be read, is
 * PLMR_ERROR_INPUT and says where; records of another version are taken, with a note, and points of a sweep that
 * ended with an error are left out, with one that counts them. Local. */
plmr_status plmr_runs_add(const char *path, plmr_html *html);
