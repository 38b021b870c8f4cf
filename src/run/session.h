/* session.h - what surrounds a run, whatever is run: the device, the ranks, the files that it writes, how far it has
 * come, and where the ranks' wall time goes. All functions are collective.
 */
#pragma once

#include "base/option.h"
#include "device/standing.h"
#include "plmr/device.h"
#include "ranks/ranks.h"
#include "report/html.h"
#include "report/jsonl.h"
#include "report/progress.h"
#include "report/rank_map.h"
#include "report/trace.h"

typedef struct plmr_session {
    const char *command;
    plmr_device device;
    plmr_ranks *ranks;
    plmr_rank_map topology; /* rank 0 */
    plmr_provenance provenance;
    json_t *source; /* rank 0's: "provenance" of its records, see plmr_session_sign */
    plmr_progress progress;
    bool shows;              /* progress is drawn: on rank 0, on a terminal */
    plmr_ranks_times before; /* of this rank, when measuring began */
    double before_s;
    plmr_ranks_usage usage; /* of what was measured last; wall_s 0: nothing was */
    plmr_draft jsonl;       /* rank 0's, as is what follows */
    plmr_html html;
    plmr_trace_about about;
    plmr_trace_file trace;
    plmr_evidence_list evidence; /* of the device: what `standing` counts */
    plmr_standing standing;      /* of the times of what was run last */
} plmr_session;

/* Starts one: loads the device, whose file need be on rank 0's machine only. `line` is what the user has said. A quiet one
 * draws no progress. It must stay where it is, for others point into it. */
plmr_status plmr_session_open(plmr_session *session, const char *command, const plmr_words *line, const char *device,
                              bool quiet);

/* Notes a file that results depend on and rank 0 reads; NULL: none. Local. */
plmr_status plmr_session_note(plmr_session *session, const char *path);

/* The same of n files that each rank reads: one that is not rank 0's is an error. */
plmr_status plmr_session_note_all(plmr_session *session, const char *const *paths, int n);

/* Gives a record that lies on rank 0 its last key, "provenance", which tells how to have the same again:
 *
 *   "line"      the command line, word for word: ["gemm", "--m", "64"]
 *   "revision"  of the sources that the program was built from; "build": the linker's mark of the program
 *   "device"    a hash of the device's numbers
 *   "files"     {path: digest} of the files that were read: see base/digest.h
 *
 * Local. */
void plmr_session_sign(const plmr_session *session, json_t *record);

/* Makes the grid of ranks (see plmr_ranks_create_for), and looks where they run; warns of what is amiss there. */
plmr_status plmr_session_start_ranks(plmr_session *session, int rank_rows, int rank_cols, int rows, int cols,
                                     const plmr_rank_traffic *traffic, bool warns);

/* Opens the files of records, report and trace, so that a wrong name is known before anything runs; NULL: none. The
 * trace tells of the model, if that is not NULL. */
plmr_status plmr_session_open_files(plmr_session *session, const char *json, const char *report, const char *trace,
                                    const char *model);

/* Measures what lies between on all ranks. */
void plmr_session_measure(plmr_session *session);
void plmr_session_measured(plmr_session *session);

/* With PLMR_OK gives the files their names, else removes them; returns the status, or what goes wrong now. */
plmr_status plmr_session_close(plmr_session *session, plmr_status status);

/* For progress callbacks that tell of a share: the context is the session's progress of a thousand steps. */
void plmr_session_tell(void *progress, double share);
