#include "run/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/build.h"
#include "base/digest.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/wall.h"
#include "infer/state.h"
#include "plmr/ranks.h"

enum { FORMAT = 1, DIGITS = 16, PIECE_BYTES = 1 << 16 };
#define MOST_STEPS (INT64_C(1) << 53)
static const double pause_s = 60;
static const char interrupted[] = "interrupted";

/* ---- files ---- */

/* The newest, and the one before. */
static char *path_of(const plmr_checkpoint *c, bool before)
{
    return plmr_take_text("%s/%s%s.checkpoint", c->folder, c->command, before ? "-before" : "");
}

/* Whether the file ends with the hash of all that is before. */
static bool is_whole(FILE *file)
{
    char digits[DIGITS + 2] = "", *room = plmr_take(PIECE_BYTES);
    uint64_t hash = PLMR_HASH_START;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1, left = size - DIGITS - 1;
    rewind(file);
    while (left > 0) {
        size_t n = fread(room, 1, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, file);
        hash = plmr_hash_bytes(hash, room, n);
        left -= n ? (long)n : left + 1;
    }
    free(room);
    bool read = left == 0 && fread(digits, 1, DIGITS + 1, file) == DIGITS + 1 && digits[DIGITS] == '\n';
    rewind(file);
    return read && strncmp(digits, plmr_digest_shown(hash).s, DIGITS) == 0;
}

static bool has_all(const json_t *head)
{
    int64_t n_steps = json_integer_value(json_object_get(head, "steps"));
    return json_integer_value(json_object_get(head, "format")) == FORMAT && n_steps >= 0 && n_steps <= MOST_STEPS &&
           json_is_object(json_object_get(head, "state"));
}

/* Its first line, if it is whole and of this format; then the file is left open behind that. */
static json_t *open_one(plmr_checkpoint *c, bool before)
{
    char *path = path_of(c, before), *line = NULL;
    size_t size = 0;
    json_t *head = NULL;
    c->in = fopen(path, "re");
    if (c->in && is_whole(c->in) && getline(&line, &size, c->in) > 0)
        head = json_loads(line, 0, NULL);
    if (!has_all(head)) {
        json_decref(head);
        head = NULL;
    }
    if (c->in && !head) {
        fprintf(stderr, "%s is damaged%s\n", path, before ? "" : ": taking the one before");
        fclose(c->in);
        c->in = NULL;
    }
    free(path);
    free(line);
    return head;
}

/* ---- what it was made with ---- */

static plmr_status compare(const plmr_checkpoint *c, const json_t *were, const json_t *are, bool forth)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)were, key, value)
    {
        const char *a = json_string_value(value), *b = json_string_value(json_object_get(are, key));
        const char *was = forth ? a : b, *is = forth ? b : a;
        PLMR_CHECK(
            b && a && strcmp(a, b) == 0, PLMR_ERROR_INPUT,
            "--checkpoint: %.200s is of a run with another %.60s ('%.60s', here '%.60s'): give the same, or another "
            "folder",
            c->folder, key, was ? was : "none", is ? is : "none");
    }
    return PLMR_OK;
}

static plmr_status open_newest(plmr_checkpoint *c, json_t **state)
{
    json_t *head = open_one(c, false);
    if (!head)
        head = open_one(c, true);
    const json_t *settings = json_object_get(head, "settings");
    plmr_status status = head ? compare(c, settings, c->settings, true) : PLMR_OK;
    if (!status && head)
        status = compare(c, c->settings, settings, false);
    *state = json_incref(json_object_get(head, "state"));
    c->n_steps = json_integer_value(json_object_get(head, "steps"));
    json_decref(head);
    return status;
}

/* ---- opening ---- */

/* "DIR:every N" */
static plmr_status read_option(plmr_checkpoint *c, const char *option)
{
    const char *every = strstr(option, ":every "), *colon = strrchr(option, ':');
    bool is_slip = !every && colon && strncmp(colon + 1 + strspn(colon + 1, " "), "every", strlen("every")) == 0;
    PLMR_CHECK(!is_slip, PLMR_ERROR_INPUT, "--checkpoint: '%.200s' is not DIR:every N, as in cp:every 5", option);
    if (every)
        PLMR_TRY(plmr_parse_count("--checkpoint", every + strlen(":every "), INT64_C(1) << 40, &c->every));
    c->folder = plmr_take_text("%.*s", every ? (int)(every - option) : (int)strlen(option), option);
    return PLMR_OK;
}

static plmr_status open_folder(plmr_checkpoint *c, json_t **state)
{
    char *path = path_of(c, false);
    plmr_status status = plmr_folder_make("--checkpoint", c->folder);
    if (!status)
        status = plmr_lock_take("--checkpoint", c->folder, &c->lock);
    if (!status) {
        plmr_draft_sweep(path);
        status = open_newest(c, state);
    }
    free(path);
    return status;
}

/* Rank 0's, on all; NULL: none. */
static json_t *share_state(json_t *state)
{
    char *text = state ? plmr_take_made(json_dumps(state, JSON_REAL_PRECISION(17))) : NULL;
    size_t n = text ? strlen(text) + 1 : 0;
    plmr_broadcast(&n, sizeof n);
    json_decref(state);
    if (!n)
        return NULL;
    text = text ? text : plmr_take(n);
    plmr_broadcast(text, n);
    state = plmr_take_made(json_loads(text, 0, NULL));
    free(text);
    return state;
}

plmr_status plmr_checkpoint_open(plmr_checkpoint *c, const char *option, const char *command, json_t *settings,
                                 json_t **state)
{
    *c = (plmr_checkpoint){.command = command, .settings = settings, .written_s = plmr_wall_s()};
    *state = NULL;
    plmr_interrupts_watch(SIGUSR1);
    if (!option)
        return PLMR_OK;
    if (settings)
        json_object_set_new(settings, "program", json_sprintf("%s (%s)", PLMR_VERSION, plmr_build_revision));
    PLMR_TRY(read_option(c, option));
    plmr_status status = plmr_agree(plmr_rank() == 0 ? open_folder(c, state) : PLMR_OK);
    if (!status) {
        *state = share_state(*state);
        plmr_broadcast(&c->n_steps, sizeof c->n_steps);
    }
    return status;
}

plmr_status plmr_checkpoint_read(plmr_checkpoint *c, void *bytes, size_t n)
{
    plmr_status status = PLMR_OK;
    if (plmr_rank() == 0 && fread(bytes, 1, n, c->in) != n)
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "cannot read %.300s: %s", c->folder,
                                 ferror(c->in) ? strerror(errno) : "its checkpoint ends early: remove it");
    PLMR_TRY(plmr_agree(status));
    plmr_broadcast(bytes, n);
    return PLMR_OK;
}

plmr_status plmr_checkpoint_damaged(const plmr_checkpoint *c)
{
    return plmr_error_make(PLMR_ERROR_INPUT, "--checkpoint: what lies in %.300s is damaged: remove it", c->folder);
}

plmr_status plmr_checkpoint_number(const plmr_checkpoint *c, const json_t *state, const char *key, int64_t least,
                                   int64_t most, int64_t *number)
{
    const json_t *value = json_object_get(state, key);
    *number = json_integer_value(value);
    return json_is_integer(value) && *number >= least && *number <= most ? PLMR_OK : plmr_checkpoint_damaged(c);
}

/* ---- writing ---- */

static bool is_stop(void)
{
    bool stop = plmr_interrupted;
    plmr_broadcast(&stop, sizeof stop);
    return stop;
}

static bool is_due(const plmr_checkpoint *c, int64_t n_steps)
{
    bool due = c->every ? n_steps - c->n_steps >= c->every : plmr_wall_s() - c->written_s > pause_s;
    if (!c->every)
        plmr_broadcast(&due, sizeof due);
    return due;
}

void plmr_checkpoint_put(plmr_checkpoint *c, const void *bytes, size_t n)
{
    c->hash = plmr_hash_bytes(c->hash, bytes, n);
    fwrite(bytes, 1, n, c->out.file);
}

/* `path` is what the draft will be called; the caller's, as long as it is open. */
static plmr_status begin(plmr_checkpoint *c, int64_t n_steps, json_t *state, const char *path)
{
    json_t *head = plmr_take_made(json_pack("{si sI sO so}", "format", FORMAT, "steps", (json_int_t)n_steps, "settings",
                                            c->settings, "state", state));
    char *text = plmr_take_made(json_dumps(head, JSON_COMPACT | JSON_REAL_PRECISION(17)));
    c->hash = PLMR_HASH_START;
    plmr_status status = plmr_draft_open("--checkpoint", path, &c->out);
    if (!status) {
        plmr_checkpoint_put(c, text, strlen(text));
        plmr_checkpoint_put(c, "\n", 1);
    }
    free(text);
    json_decref(head);
    return status;
}

/* The newest becomes the one before, and the draft the newest: whatever moment a run is killed at, one of them is there. */
static plmr_status end(plmr_checkpoint *c, const char *path, plmr_status status)
{
    char *before = path_of(c, true);
    if (c->out.file)
        fprintf(c->out.file, "%s\n", plmr_digest_shown(c->hash).s);
    if (!status && rename(path, before) != 0 && errno != ENOENT)
        status = plmr_draft_error(&c->out, PLMR_ERROR_SYSTEM, errno);
    free(before);
    return plmr_draft_close(&c->out, status);
}

/* Takes over the state. */
static plmr_status put_down(plmr_checkpoint *c, int64_t n_steps, json_t *state, plmr_checkpoint_bytes *bytes,
                            void *context)
{
    bool is_root = plmr_rank() == 0;
    char *path = path_of(c, false);
    plmr_status status = plmr_agree(is_root ? begin(c, n_steps, state, path) : PLMR_OK);
    if (!status && bytes)
        status = bytes(c, context);
    if (is_root)
        status = end(c, path, status);
    free(path);
    c->n_steps = n_steps;
    c->written_s = plmr_wall_s();
    return plmr_agree(status);
}

plmr_status plmr_checkpoint_keep(plmr_checkpoint *c, int64_t n_steps, plmr_checkpoint_state *state,
                                 plmr_checkpoint_bytes *bytes, void *context)
{
    bool stop = is_stop();
    if (c->folder && (stop || is_due(c, n_steps)))
        PLMR_TRY(put_down(c, n_steps, plmr_rank() ? NULL : state(context), bytes, context));
    c->stopped = stop;
    return stop ? plmr_error_make(PLMR_ERROR_SYSTEM, "%s", interrupted) : PLMR_OK;
}

/* ---- the end ---- */

static void forget(const plmr_checkpoint *c)
{
    for (int before = 0; before < 2; before++) {
        char *path = path_of(c, before);
        unlink(path);
        free(path);
    }
}

plmr_status plmr_checkpoint_close(plmr_checkpoint *c, plmr_status status)
{
    if (c->folder && c->stopped && status && strcmp(plmr_error_text(status), interrupted) == 0) {
        plmr_error_free(status);
        status = PLMR_OK;
    }
    if (c->folder && !status && plmr_rank() == 0) {
        if (c->stopped)
            fprintf(stderr, "interrupted: what is done so far is in %s; to go on, give the same command again\n",
                    c->folder);
        else
            forget(c);
    }
    plmr_lock_release(&c->lock);
    if (c->in)
        fclose(c->in);
    json_decref(c->settings);
    free(c->folder);
    *c = (plmr_checkpoint){0};
    return status;
}

/* ---- a key-value cache ---- */

static void put(void *checkpoint, const void *bytes, size_t n)
{
    plmr_checkpoint_put(checkpoint, bytes, n);
}

plmr_status plmr_checkpoint_put_cache(plmr_checkpoint *checkpoint, void *context)
{
    plmr_state_put_cache(context, put, checkpoint);
    return PLMR_OK;
}

plmr_status plmr_checkpoint_get(void *context, void *bytes, size_t n)
{
    return plmr_checkpoint_read(context, bytes, n);
}
