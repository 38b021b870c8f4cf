/* journal.h - the folder of a sweep's results, in which what is done stays done.
 *
 *   records.jsonl     a line for each point that is done: "key", "run", "point" (what is varied there), and the record
 *   experiment.json   the experiment as it was
 *   provenance.json   experiment, its hash, version, host, ranks, date
 *   table.csv         when all points are done
 *
 * A line is on the disk, whole, before the next point starts. What a killed sweep leaves half written is dropped when
 * the folder is opened again. All other files appear when they are complete. Local: call it on one rank.
 */
#pragma once

#include "base/lock.h"
#include "sweep/experiment.h"

typedef struct plmr_journal {
    char *folder;
    plmr_lock lock;
    int directory, file;  /* descriptors: of the folder, of records.jsonl; -1: not open */
    const uint64_t *keys; /* of the points; the caller's */
    char **lines;         /* of the points, without newlines; NULL: not done */
    int64_t n_points, n_done;
    int64_t n_dropped; /* lines that were there and are no point's */
} plmr_journal;

/* Opens the folder, which is made if need be, for an experiment called `name` with these points. `again`: forgets what
 * is done. Fails if another run is at work there (base/lock.h), or if it holds other results. */
plmr_status plmr_journal_open(const char *folder, const char *name, const uint64_t *keys, int64_t n_points, bool again,
                              plmr_journal *journal);

/* Writes experiment.json and provenance.json, before points are added; but nothing if no points are left to do and the
 * experiment, whose text is given, is the same as before. */
plmr_status plmr_journal_describe(const plmr_journal *journal, const char *name, const char *text, int n_ranks);

/* Adds a point's line, which it takes over. Returns when it is on the disk. */
plmr_status plmr_journal_add(plmr_journal *journal, int64_t i, char *line);

/* When all points are done: puts the lines into the order of the points, and writes table.csv. */
plmr_status plmr_journal_finish(plmr_journal *journal, const plmr_experiment *experiment);

void plmr_journal_close(plmr_journal *journal);

/* A point's line: of its record, as plmr printed it; or with record NULL, of the error. For the caller to free. */
char *plmr_journal_line(const plmr_sweep_point *point, uint64_t key, const char *record, const char *error);
