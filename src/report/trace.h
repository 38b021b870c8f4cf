/* trace.h - files of traces (see time/trace.h), in one of several formats.
 *
 * A file holds one process for each region, with a thread for each chosen core. It appears under its name when it is
 * complete. Nothing in it but the provenance depends on the number of ranks.
 */
#pragma once

#include "report/record.h"
#include "time/trace.h"

/* What a file says of the run. Texts must outlive the file. */
typedef struct plmr_trace_about {
    const char *command, *device;
    const char *model; /* NULL: none */
    double clock;      /* of the device, in Hz */
    int ranks;
    plmr_provenance provenance;
} plmr_trace_about;

/* A region in a file, and what has been written of it. */
typedef struct plmr_trace_process {
    const char *name;
    int rows, cols, id; /* id: from 1 */
    int64_t n_cores, n_events, n_left_out;
    double cycles; /* where its last event ends */
} plmr_trace_process;

/* A way of writing files. All functions are local to rank 0; after an error the next one is close. */
typedef struct plmr_trace_format {
    plmr_status (*open)(const char *path, const plmr_trace_about *about, void **file);
    plmr_status (*process)(void *file, const plmr_trace_process *process); /* NULL: nothing is written then */
    plmr_status (*track)(void *file, const plmr_trace_process *process, const plmr_trace *trace,
                         const plmr_trace_track *track);
    /* With PLMR_OK writes the end and gives the file its name, else removes it. Frees it, also on failure. */
    plmr_status (*close)(void *file, const plmr_trace_process *processes, int n_processes, plmr_status status);
} plmr_trace_format;

/* Chrome's JSON, which Perfetto opens; and OTF2, where the build has it. */
extern const plmr_trace_format plmr_trace_chrome, plmr_trace_otf2;

/* The name of an event, as a person reads it: "shift A: send", "27 more layers". */
void plmr_trace_event_name(const plmr_trace *trace, const plmr_trace_event *event, char *text, size_t size);

enum { PLMR_TRACE_PROCESSES = 32 };

typedef struct plmr_trace_file {
    const plmr_trace_format *format; /* NULL: closed, or there was none */
    void *file;
    const char *path;
    plmr_trace_process process[PLMR_TRACE_PROCESSES];
    int n_processes;
} plmr_trace_file;

/* Opens for writing, in OTF2 if the name ends in .otf2; a path of NULL is no file. Local: on rank 0. */
plmr_status plmr_trace_file_open(const char *path, const plmr_trace_about *about, plmr_trace_file *file);

/* Writes what the region's trace holds as a process. The name must outlive the file. Does nothing where the region has
 * no trace. Collective; the file is rank 0's. */
plmr_status plmr_trace_file_add(plmr_trace_file *file, plmr_region *region, const char *name);

/* With PLMR_OK gives the file its name, else removes it. Does nothing without a file. Returns the status, or what goes
 * wrong now. Local. */
plmr_status plmr_trace_file_close(plmr_trace_file *file, plmr_status status);

/* What it holds, as a line of a table; and on standard error what it had no room for. Nothing without a file. */
void plmr_trace_file_print(const plmr_trace_file *file, FILE *out);
