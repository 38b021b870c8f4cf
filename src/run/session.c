#include "run/session.h"

#include <limits.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/one_line.h"
#include "base/share.h"
#include "base/text_file.h"
#include "base/wall.h"
#include "device/identity.h"

/* ---- what results come from ---- */

/* A file's name need not be UTF-8, as JSON must be. */
static char *shown(const char *word)
{
    char *text = plmr_take_copy(word);
    json_t *json = json_string(word);
    if (!json)
        plmr_make_line(text);
    json_decref(json);
    return text;
}

static json_t *words_of(const plmr_words *line)
{
    json_t *words = plmr_take_made(json_array());
    for (int i = 0; i < line->n; i++) {
        char *word = shown(line->at[i]);
        json_array_append_new(words, json_string(word));
        free(word);
    }
    return words;
}

static void add_file(json_t *source, const char *path, uint64_t digest)
{
    char *name = plmr_share_shown(path), *text = shown(name);
    json_object_set_new(json_object_get(source, "files"), text, json_string(plmr_digest_shown(digest).s));
    free(text);
    free(name);
}

static plmr_status note_device(plmr_session *session, const plmr_words *line, const char *device)
{
    char room[PATH_MAX];
    const char *path;
    uint64_t digest;
    PLMR_TRY(plmr_device_file(device, room, sizeof room, &path));
    PLMR_TRY(plmr_digest_file(path, &digest));
    uint64_t numbers = plmr_device_hash(PLMR_HASH_START, &session->device);
    session->source = plmr_take_made(json_pack("{so ss ss ss s{}}", "line", words_of(line), "revision",
                                               session->provenance.revision, "build", session->provenance.build.hex,
                                               "device", plmr_digest_shown(numbers).s, "files"));
    add_file(session->source, path, digest);
    return PLMR_OK;
}

plmr_status plmr_session_note(plmr_session *session, const char *path)
{
    uint64_t digest;
    if (!path || !session->source)
        return PLMR_OK;
    PLMR_TRY(plmr_error_of_input(plmr_digest_file(path, &digest)));
    add_file(session->source, path, digest);
    return PLMR_OK;
}

static plmr_status digest_all(plmr_session *session, const char *const *paths, int n, uint64_t *all)
{
    *all = PLMR_HASH_START;
    for (int i = 0; i < n; i++) {
        uint64_t digest;
        PLMR_TRY(plmr_error_of_input(plmr_digest_file(paths[i], &digest)));
        *all = plmr_hash_bytes(*all, &digest, sizeof digest);
        if (session->source)
            add_file(session->source, paths[i], digest);
    }
    return PLMR_OK;
}

plmr_status plmr_session_note_all(plmr_session *session, const char *const *paths, int n)
{
    uint64_t mine, first;
    PLMR_TRY(plmr_agree(digest_all(session, paths, n, &mine)));
    first = mine;
    plmr_broadcast(&first, sizeof first);
    plmr_status other = PLMR_OK;
    if (mine != first)
        other = plmr_error_make(PLMR_ERROR_SYSTEM, "%.300s is not the file that rank 0 has: give all hosts the same",
                                paths[0]);
    return plmr_agree(other);
}

void plmr_session_sign(const plmr_session *session, json_t *record)
{
    json_object_set(record, "provenance", session->source);
}

/* ---- opening ---- */

static plmr_status load_device(plmr_session *session, const plmr_words *line, const char *device)
{
    PLMR_TRY(plmr_error_of_input(plmr_device_load(device, &session->device)));
    PLMR_TRY(plmr_evidence_read(&session->device, &session->evidence));
    return note_device(session, line, device);
}

plmr_status plmr_session_open(plmr_session *session, const char *command, const plmr_words *line, const char *device,
                              bool quiet)
{
    *session = (plmr_session){.command = command, .provenance = plmr_provenance_now()};
    session->shows = plmr_rank() == 0 && !quiet && plmr_on_terminal(stderr);
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? load_device(session, line, device) : PLMR_OK));
    plmr_broadcast(&session->device, sizeof session->device);
    return PLMR_OK;
}

plmr_status plmr_session_start_ranks(plmr_session *session, int rank_rows, int rank_cols, int rows, int cols,
                                     const plmr_rank_traffic *traffic, bool warns)
{
    PLMR_TRY(plmr_ranks_create_for(rank_rows, rank_cols, rows, cols, traffic, &session->ranks));
    plmr_rank_map_gather(session->ranks, &session->topology);
    if (warns && plmr_rank() == 0)
        plmr_ranks_warn(&session->topology);
    return PLMR_OK;
}

static plmr_status open_files(plmr_session *session, const char *json, const char *report, const char *trace)
{
    PLMR_TRY(plmr_jsonl_open("--json", json, &session->jsonl));
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
    json_decref(session->source);
    free(session->evidence.at);
    plmr_rank_map_free(&session->topology);
    plmr_ranks_destroy(session->ranks);
    return status;
}

void plmr_session_tell(void *progress, double share)
{
    plmr_progress_step(progress, (int64_t)(share * 1000));
}
