#include "report/trace.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "report/table.h"

/* ---- names ---- */

/* "verb of: kind"; most names of a file, so without printf. */
static void join(char *text, size_t size, const char *verb, const char *of, enum plmr_trace_kind kind)
{
    bool bare = kind == PLMR_TRACE_GROUP || kind == PLMR_TRACE_COMPUTE;
    const char *parts[] = {verb, of ? " " : "", of ? of : "", bare ? "" : ": ", bare ? "" : plmr_trace_kind_name(kind)};
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *at = parts[i]; *at && n + 1 < size; at++)
            text[n++] = *at;
    text[n] = '\0';
}

void plmr_trace_event_name(const plmr_trace *trace, const plmr_trace_event *event, char *text, size_t size)
{
    const char *verb, *of;
    plmr_trace_label(trace, event->label, &verb, &of);
    long long n = (long long)event->count;
    if (event->kind == PLMR_TRACE_LEFT_OUT)
        snprintf(text, size, "%lld %s left out", n, n == 1 ? "event" : "events");
    else if (event->kind == PLMR_TRACE_SKIPPED)
        snprintf(text, size, "%lld more %s%s", n, verb, n == 1 ? "" : "s");
    else if (event->kind == PLMR_TRACE_GROUP && n >= 0)
        snprintf(text, size, "%s %lld", verb, n);
    else
        join(text, size, verb, of, event->kind);
}

/* ---- files ---- */

static bool ends_in(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n >= m && strcmp(path + n - m, extension) == 0;
}

plmr_status plmr_trace_file_open(const char *path, const plmr_trace_about *about, plmr_trace_file *file)
{
    *file = (plmr_trace_file){.path = path};
    if (!path)
        return PLMR_OK;
    const plmr_trace_format *format = ends_in(path, ".otf2") ? &plmr_trace_otf2 : &plmr_trace_chrome;
    PLMR_TRY(format->open(path, about, &file->file));
    file->format = format;
    return PLMR_OK;
}

static plmr_status write_track(void *context, const plmr_trace *trace, const plmr_trace_track *track)
{
    plmr_trace_file *file = context;
    plmr_trace_process *process = &file->process[file->n_processes - 1];
    process->n_cores++;
    for (int64_t i = 0; i < track->n_events; i++) {
        const plmr_trace_event *event = &track->events[i];
        double end = event->start + event->cycles;
        process->cycles = end > process->cycles ? end : process->cycles;
        process->n_left_out += event->kind == PLMR_TRACE_LEFT_OUT ? event->count : 0;
    }
    process->n_events += track->n_events;
    return file->format->track(file->file, process, trace, track);
}

plmr_status plmr_trace_file_add(plmr_trace_file *file, plmr_region *region, const char *name)
{
    if (!region || !region->trace)
        return PLMR_OK;
    plmr_status status = PLMR_OK;
    if (file->format) {
        PLMR_ASSERT(file->n_processes < PLMR_TRACE_PROCESSES);
        plmr_trace_process *process = &file->process[file->n_processes++];
        *process = (plmr_trace_process){
            .name = name, .rows = region->extent[PLMR_Y], .cols = region->extent[PLMR_X], .id = file->n_processes};
        if (file->format->process)
            status = file->format->process(file->file, process);
    }
    PLMR_TRY(plmr_agree(status));
    return plmr_trace_gather(region, write_track, file);
}

plmr_status plmr_trace_file_close(plmr_trace_file *file, plmr_status status)
{
    const plmr_trace_format *format = file->format;
    file->format = NULL;
    return format ? format->close(file->file, file->process, file->n_processes, status) : status;
}

/* ---- telling ---- */

static int64_t left_out(const plmr_trace_file *file)
{
    int64_t n = 0;
    for (int i = 0; i < file->n_processes; i++)
        n += file->process[i].n_left_out;
    return n;
}

void plmr_trace_file_print(const plmr_trace_file *file, FILE *out)
{
    int64_t n_events = 0, n_cores = 0, n_all = 0;
    if (!file->format)
        return;
    for (int i = 0; i < file->n_processes; i++) {
        n_events += file->process[i].n_events;
        n_cores += file->process[i].n_cores;
        n_all += (int64_t)file->process[i].rows * file->process[i].cols;
    }
    plmr_table_fact(out, "trace", "%s: %s events of %s of %s cores%s", file->path, plmr_format_count(n_events).s,
                    plmr_format_count(n_cores).s, plmr_format_count(n_all).s,
                    file->n_processes > 1 ? " in all regions" : "");
    int64_t n = left_out(file);
    if (n)
        fprintf(stderr, "plmr: --trace: %s events are left out of %s; --trace-events N has room for more\n",
                plmr_format_count(n).s, file->path);
}
