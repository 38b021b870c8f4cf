/* session.h - what surrounds a run, whatever is run: the device, the ranks, the files that it writes, how far it has
 * come, and where the ranks' wall time goes. All functions are collective.
 */
#pragma once

#include "device/standing.h"
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
    plmr_progress progress;
    bool shows;              /* progress is drawn: on rank 0, on a terminal */
    plmr_ranks_times before; /* of this rank, when measuring began */
    double before_s;
    plmr_ranks_usage usage; /* of what was measured last; wall_s 0: nothing was */
    plmr_draft jsonl;       /* rank 0's, as is what follows */
    plmr_html html;
    plmr_trace_about about;
    plmr_trace_file trace;
    plmr_standing standing; /* of the times of what was run last */
} plmr_session;

/* Starts one: loads the device, whose file need be on rank 0's machine only. A quiet one draws no progress. It must
 * stay where it is, for others point into it. */
plmr_status plmr_session_open(plmr_session *session, const char *command, const char *device, bool quiet);

/* Makes the grid of ranks (see plmr_ranks_create), and looks where they run; warns of what is amiss there. */
plmr_status plmr_session_start_ranks(plmr_session *session, int rank_rows, int rank_cols, int rows, int cols,
                                     bool warns);

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
