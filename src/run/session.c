#include "run/session.h"

#include "base/text_file.h"
#include "base/wall.h"

plmr_status plmr_session_open(plmr_session *session, const char *command, const char *device, bool quiet)
{
    *session = (plmr_session){.command = command, .provenance = plmr_provenance_now()};
    session->shows = plmr_rank() == 0 && !quiet && plmr_on_terminal(stderr);
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_error_of_input(plmr_device_load(device, &session->device)) : PLMR_OK));
    plmr_broadcast(&session->device, sizeof session->device);
    return PLMR_OK;
}

plmr_status plmr_session_start_ranks(plmr_session *session, int rank_rows, int rank_cols, int rows, int cols,
                                     bool warns)
{
    PLMR_TRY(plmr_ranks_create(rank_rows, rank_cols, rows, cols, &session->ranks));
    plmr_rank_map_gather(session->ranks, &session->topology);
    if (warns && plmr_rank() == 0)
        plmr_ranks_warn(&session->topology);
    return PLMR_OK;
}

static plmr_status open_files(plmr_session *session, const char *json, const char *report, const char *trace)
{
    PLMR_TRY(plmr_jsonl_open(json, &session->jsonl));
    PLMR_TRY(plmr_html_open("--report", report, &session->html));
    return plmr_trace_file_open(trace, &session->about, &session->trace);
}

plmr_status plmr_session_open_files(plmr_session *session, const char *json, const char *report, const char *trace,
                                    const char *model)
{
    session->about = (plmr_trace_about){.command = session->command,
                                        .device = session->device.name,
                                        .model = model,
                                        .clock = session->device.clock,
                                        .ranks = plmr_rank_count(),
                                        .provenance = session->provenance};
    return plmr_agree(plmr_rank() == 0 ? open_files(session, json, report, trace) : PLMR_OK);
}

void plmr_session_measure(plmr_session *session)
{
    plmr_barrier();
    session->before = plmr_ranks_times_now(session->ranks);
    session->before_s = plmr_wall_s();
}

void plmr_session_measured(plmr_session *session)
{
    double own_s = plmr_wall_s() - session->before_s;
    plmr_ranks_usage_since(session->ranks, &session->before, own_s, &session->usage);
}

plmr_status plmr_session_close(plmr_session *session, plmr_status status)
{
    plmr_status closed = plmr_trace_file_close(&session->trace, status);
    closed = plmr_html_close(&session->html, closed);
    closed = plmr_draft_close(&session->jsonl, closed);
    if (!status)
        status = plmr_agree(closed);
    plmr_rank_map_free(&session->topology);
    plmr_ranks_destroy(session->ranks);
    return status;
}

void plmr_session_tell(void *progress, double share)
{
    plmr_progress_step(progress, (int64_t)(share * 1000));
}
