/* Chrome's trace event format, as a JSON object: https://ui.perfetto.dev and chrome://tracing open it.
 *
 * Viewers count in nanoseconds. Starts and ends are rounded by themselves, so that events which touch or enclose each
 * other still do; the cycles beside them are exact. */
#include "report/trace.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/memory.h"
#include "base/one_line.h"
#include "report/jsonl.h"

struct chrome {
    plmr_draft draft;
    const plmr_trace_about *about;
    bool started; /* an event has been written */
};

static plmr_status open_file(const char *path, const plmr_trace_about *about, void **out)
{
    struct chrome *file = plmr_take_zeroed(1, sizeof *file);
    file->about = about;
    plmr_status status = plmr_draft_open("--trace", path, &file->draft);
    if (status) {
        free(file);
        return status;
    }
    fputs("{\"displayTimeUnit\":\"ns\",\n\"traceEvents\":[", file->draft.file);
    *out = file;
    return PLMR_OK;
}

static FILE *next_event(struct chrome *file)
{
    fputs(file->started ? ",\n" : "\n", file->draft.file);
    file->started = true;
    return file->draft.file;
}

static int thread_of(const plmr_trace_process *process, plmr_trace_core core)
{
    return core.row * process->cols + core.col + 1;
}

static plmr_status write_process(void *context, const plmr_trace_process *p)
{
    struct chrome *file = context;
    json_t *name = plmr_json_name(p->name);
    json_t *shown = json_sprintf("%s, %dx%d cores", json_string_value(name), p->rows, p->cols);
    fprintf(next_event(file), "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,\"args\":{\"name\":", p->id);
    json_dumpf(shown, file->draft.file, JSON_ENCODE_ANY);
    fputs("}}", file->draft.file);
    json_decref(shown);
    json_decref(name);
    fprintf(next_event(file), "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%d,\"args\":{\"sort_index\":%d}}",
            p->id, p->id);
    return plmr_draft_check(&file->draft);
}

static void write_thread(struct chrome *file, const plmr_trace_process *p, plmr_trace_core core)
{
    int id = thread_of(p, core);
    fprintf(next_event(file),
            "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"core (%d, %d)\"}}",
            p->id, id, core.row, core.col);
    fprintf(next_event(file),
            "{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":%d,\"tid\":%d,\"args\":{\"sort_index\":%d}}", p->id,
            id, id);
}

static const char *category(enum plmr_trace_kind kind)
{
    if (kind < PLMR_TRACE_N_KINDS)
        return plmr_trace_kind_name(kind);
    return kind == PLMR_TRACE_GROUP ? "group" : kind == PLMR_TRACE_SKIPPED ? "skipped" : "left out";
}

/* An event's line, put together by hand: printf would take most of a trace's time. */
struct line {
    char text[1280]; /* with a name of which every byte is escaped */
    size_t n;
};

static void add_bytes(struct line *line, const char *bytes, size_t n)
{
    PLMR_ASSERT(line->n + n <= sizeof line->text);
    memcpy(line->text + line->n, bytes, n);
    line->n += n;
}

static void add_text(struct line *line, const char *text)
{
    add_bytes(line, text, strlen(text));
}

/* How many bytes there are up to the first that JSON does not have as they are. */
static size_t plain(const char *text)
{
    size_t n = 0;
    while ((unsigned char)text[n] >= ' ' && (unsigned char)text[n] < 0x80 && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

/* A name may hold anything, and is cut anywhere. Returns what is left of it. */
static const char *add_special(struct line *line, const char *name)
{
    char escaped[8];
    int n = plmr_character(name);
    if (n > 1)
        add_bytes(line, name, (size_t)n);
    else if (n == 0)
        add_text(line, "?");
    else {
        snprintf(escaped, sizeof escaped, (unsigned char)*name < ' ' ? "\\u%04x" : "\\%c", *name);
        add_text(line, escaped);
    }
    return name + (n ? n : 1);
}

static void add_name(struct line *line, const char *name)
{
    while (*name) {
        size_t n = plain(name);
        add_bytes(line, name, n);
        name = name[n] ? add_special(line, name + n) : name + n;
    }
}

/* value / 10^decimals, without zeros at the end. */
static void add_decimal(struct line *line, int64_t value, int decimals)
{
    char digits[24];
    int at = sizeof digits;
    bool shown = false;
    PLMR_ASSERT(value >= 0);
    digits[--at] = '\0';
    for (; decimals > 0; decimals--, value /= 10) {
        shown = shown || value % 10 != 0;
        if (shown)
            digits[--at] = (char)('0' + value % 10);
    }
    if (shown)
        digits[--at] = '.';
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    add_text(line, digits + at);
}

static void add_key(struct line *line, const char *key)
{
    add_text(line, line->text[line->n - 1] == '{' ? "\"" : ",\"");
    add_text(line, key);
    add_text(line, "\":");
}

static void add_count(struct line *line, const char *key, int64_t value)
{
    add_key(line, key);
    add_decimal(line, value, 0);
}

/* What is too large to be told in whole parts, exactly, is rare. */
static void add_real(struct line *line, const char *key, double value, int decimals)
{
    char text[64];
    double parts = round(value * (decimals == 3 ? 1e3 : 1e6));
    add_key(line, key);
    if (parts < 0x1p51)
        add_decimal(line, (int64_t)parts, decimals);
    else {
        snprintf(text, sizeof text, "%.*f", decimals, value);
        add_text(line, text);
    }
}

/* 64ths of a cycle have six decimals. */
static void add_cycles(struct line *line, const char *key, double cycles)
{
    add_real(line, key, cycles, 6);
}

/* To the nanosecond; after 23 days, where doubles begin to leave those out, to the microsecond. */
static double us_of(double cycles, double clock)
{
    double ns = round(cycles / clock * 1e9);
    return ns < 2e15 ? ns / 1e3 : round(cycles / clock * 1e6);
}

static void add_parts(struct line *line, const plmr_trace_event *e)
{
    add_count(line, "count", e->count);
    for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
        if (e->by_kind[kind] > 0)
            add_cycles(line, plmr_trace_kind_name((enum plmr_trace_kind)kind), e->by_kind[kind]);
}

static void write_event(struct chrome *file, const plmr_trace_process *p, int thread, const plmr_trace *trace,
                        const plmr_trace_event *e)
{
    char name[96];
    struct line line = {.n = 0};
    double start_us = us_of(e->start, file->about->clock), end_us = us_of(e->start + e->cycles, file->about->clock);
    plmr_trace_event_name(trace, e, name, sizeof name);
    add_text(&line, "{\"ph\":\"X\",\"cat\":\"");
    add_text(&line, category(e->kind));
    add_text(&line, "\",\"name\":\"");
    add_name(&line, name);
    add_text(&line, "\"");
    add_count(&line, "pid", p->id);
    add_count(&line, "tid", thread);
    add_real(&line, "ts", start_us, 3);
    add_real(&line, "dur", end_us - start_us, 3);
    add_text(&line, ",\"args\":{");
    add_cycles(&line, "cycles", e->cycles);
    if (e->kind == PLMR_TRACE_SKIPPED || e->kind == PLMR_TRACE_LEFT_OUT)
        add_parts(&line, e);
    add_text(&line, "}}");
    fwrite(line.text, 1, line.n, next_event(file));
}

static plmr_status write_track(void *context, const plmr_trace_process *process, const plmr_trace *trace,
                               const plmr_trace_track *track)
{
    struct chrome *file = context;
    write_thread(file, process, track->core);
    for (int64_t i = 0; i < track->n_events; i++)
        write_event(file, process, thread_of(process, track->core), trace, &track->events[i]);
    return plmr_draft_check(&file->draft);
}

/* ---- the end ---- */

static json_t *describe_process(const plmr_trace_process *p)
{
    return json_pack("{s:i, s:o, s:i, s:i, s:I, s:I, s:I, s:f}", "pid", p->id, "name", plmr_json_name(p->name), "rows",
                     p->rows, "cols", p->cols, "traced_cores", (json_int_t)p->n_cores, "events",
                     (json_int_t)p->n_events, "left_out_events", (json_int_t)p->n_left_out, "cycles", p->cycles);
}

static json_t *describe_run(const struct chrome *file, const plmr_trace_process *processes, int n_processes)
{
    const plmr_trace_about *about = file->about;
    json_t *regions = json_array();
    int64_t n_left_out = 0;
    for (int i = 0; i < n_processes; i++) {
        json_array_append_new(regions, describe_process(&processes[i]));
        n_left_out += processes[i].n_left_out;
    }
    /* A file's name need not be UTF-8, as JSON must be. */
    return json_pack("{s:o, s:o?, s:o?, s:f, s:s, s:s, s:o}", "command", plmr_json_name(about->command), "device",
                     json_string(about->device), "model", json_string(about->model), "clock_hz", about->clock, "time",
                     "virtual: ts and dur in microseconds of the device's clock, cycles in args", "left_out",
                     n_left_out ? "all cores but the traced ones, and events that --trace-events has no room for: a "
                                  "core's last event stands for them"
                                : "all cores but the traced ones",
                     "regions", regions);
}

static plmr_status write_end(struct chrome *file, const plmr_trace_process *processes, int n_processes)
{
    const plmr_trace_about *about = file->about;
    json_t *run = plmr_take_made(describe_run(file, processes, n_processes));
    json_t *provenance = json_pack("{s:s, s:s, s:s, s:i}", "version", PLMR_VERSION, "host", about->provenance.host,
                                   "date", about->provenance.date, "ranks", about->ranks);
    fputs("\n],\n\"otherData\":{\"run\":", file->draft.file);
    json_dumpf(run, file->draft.file, JSON_COMPACT);
    fputs(",\n\"provenance\":", file->draft.file);
    json_dumpf(provenance, file->draft.file, JSON_COMPACT);
    fputs("}\n}\n", file->draft.file);
    json_decref(run);
    json_decref(provenance);
    fflush(file->draft.file);
    return plmr_draft_check(&file->draft);
}

static plmr_status close_file(void *context, const plmr_trace_process *processes, int n_processes, plmr_status status)
{
    struct chrome *file = context;
    if (!status)
        status = write_end(file, processes, n_processes);
    status = plmr_draft_close(&file->draft, status);
    free(file);
    return status;
}

const plmr_trace_format plmr_trace_chrome = {open_file, write_process, write_track, close_file};
