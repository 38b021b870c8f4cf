/* OTF2: a folder with an archive, one location for each core. Timestamps are 64ths of a cycle, and exact. */
#include "report/trace.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <otf2/otf2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/draft.h"
#include "base/memory.h"

enum { TICKS = 64, CHUNK = 1 << 20, DEEPEST = 16 };

struct location {
    char name[48];
    uint64_t n_events;
    uint32_t process;
};

struct archive {
    const plmr_trace_about *about;
    const char *path;
    char *part; /* the folder until it is complete */
    OTF2_Archive *otf2;
    struct location *locations;
    uint32_t n_locations;
    char **names; /* of regions of code, as OTF2 calls what enters and leaves */
    uint32_t n_names;
    uint64_t end;
};

/* ---- opening ---- */

static plmr_status cannot_write(const struct archive *a, enum plmr_code code, const char *why)
{
    return plmr_error_make(code, "--trace: cannot write %s: %s", a->path, why);
}

static plmr_status check(const struct archive *a, OTF2_ErrorCode code)
{
    return code == OTF2_SUCCESS ? PLMR_OK : cannot_write(a, PLMR_ERROR_SYSTEM, OTF2_Error_GetDescription(code));
}

static OTF2_FlushType before_flush(void *data, OTF2_FileType type, OTF2_LocationRef location, void *caller, bool final)
{
    (void)data, (void)type, (void)location, (void)caller, (void) final;
    return OTF2_FLUSH;
}

/* Errors are told once, by the one line that ends the program. */
static OTF2_ErrorCode keep_silent(void *data, const char *file, uint64_t line, const char *function,
                                  OTF2_ErrorCode code, const char *format, va_list args)
{
    (void)data, (void)file, (void)line, (void)function, (void)format, (void)args;
    return code;
}

static plmr_status make_archive(struct archive *a)
{
    static const OTF2_FlushCallbacks flush = {.otf2_pre_flush = before_flush};
    struct stat status;
    if (stat(a->path, &status) == 0)
        return cannot_write(a, PLMR_ERROR_INPUT, "it is there already; name a new one");
    if (plmr_draft_make(a->path, true, &a->part) < 0)
        return cannot_write(a, PLMR_ERROR_INPUT, strerror(errno));
    OTF2_Error_RegisterCallback(keep_silent, NULL);
    a->otf2 = OTF2_Archive_Open(a->part, "traces", OTF2_FILEMODE_WRITE, CHUNK, CHUNK, OTF2_SUBSTRATE_POSIX,
                                OTF2_COMPRESSION_NONE);
    if (!a->otf2)
        return cannot_write(a, PLMR_ERROR_SYSTEM, "OTF2 makes no archive");
    PLMR_TRY(check(a, OTF2_Archive_SetFlushCallbacks(a->otf2, &flush, NULL)));
    PLMR_TRY(check(a, OTF2_Archive_SetSerialCollectiveCallbacks(a->otf2)));
    PLMR_TRY(check(a, OTF2_Archive_SetCreator(a->otf2, "plmr " PLMR_VERSION)));
    return check(a, OTF2_Archive_OpenEvtFiles(a->otf2));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

/* With PLMR_OK gives the archive its name, else removes it; returns the status, or what goes wrong now. */
static plmr_status end(struct archive *a, plmr_status status)
{
    OTF2_ErrorCode closed = a->otf2 ? OTF2_Archive_Close(a->otf2) : OTF2_SUCCESS;
    if (!status)
        status = check(a, closed);
    int failed = status ? 0 : plmr_draft_rename(a->part, a->path);
    if (failed)
        status = cannot_write(a, PLMR_ERROR_SYSTEM, strerror(failed));
    if (status && a->part)
        nftw(a->part, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (uint32_t i = 0; i < a->n_names; i++)
        free(a->names[i]);
    free(a->names);
    free(a->locations);
    free(a->part);
    free(a);
    return status;
}

static plmr_status open_archive(const char *path, const plmr_trace_about *about, void **out)
{
    struct archive *a = plmr_take_zeroed(1, sizeof *a);
    a->about = about;
    a->path = path;
    plmr_status status = make_archive(a);
    if (status)
        return end(a, status);
    *out = a;
    return PLMR_OK;
}

/* ---- events ---- */

/* The region of code that an event stands for; names have no numbers. */
static OTF2_RegionRef find_region(struct archive *a, const plmr_trace *trace, const plmr_trace_event *event)
{
    char text[96];
    plmr_trace_event plain = *event;
    plain.count = event->kind == PLMR_TRACE_GROUP ? -1 : 2;
    plmr_trace_event_name(trace, &plain, text, sizeof text);
    const char *name = text + (text[0] == '2' ? 2 : 0);
    for (OTF2_RegionRef region = 0; region < a->n_names; region++)
        if (strcmp(a->names[region], name) == 0)
            return region;
    a->names = plmr_take_more(a->names, (a->n_names + 1) * sizeof *a->names);
    a->names[a->n_names] = plmr_take_copy(name);
    return a->n_names++;
}

/* What has been entered and not left. */
struct entered {
    OTF2_RegionRef region[DEEPEST];
    uint64_t until[DEEPEST];
    int n;
};

static plmr_status leave(struct archive *a, OTF2_EvtWriter *writer, struct entered *entered, uint64_t now)
{
    while (entered->n > 0 && entered->until[entered->n - 1] <= now) {
        entered->n--;
        uint64_t until = entered->until[entered->n];
        PLMR_TRY(check(a, OTF2_EvtWriter_Leave(writer, NULL, until, entered->region[entered->n])));
        a->end = until > a->end ? until : a->end;
    }
    return PLMR_OK;
}

static plmr_status enter(struct archive *a, OTF2_EvtWriter *writer, struct entered *entered, const plmr_trace *trace,
                         const plmr_trace_event *event)
{
    uint64_t start = (uint64_t)llround(event->start * TICKS);
    PLMR_TRY(leave(a, writer, entered, start));
    PLMR_ASSERT(entered->n < DEEPEST);
    OTF2_RegionRef region = find_region(a, trace, event);
    entered->region[entered->n] = region;
    entered->until[entered->n++] = start + (uint64_t)llround(event->cycles * TICKS);
    return check(a, OTF2_EvtWriter_Enter(writer, NULL, start, region));
}

static plmr_status write_track(void *file, const plmr_trace_process *process, const plmr_trace *trace,
                               const plmr_trace_track *track)
{
    struct archive *a = file;
    a->locations = plmr_take_more(a->locations, (a->n_locations + 1) * sizeof *a->locations);
    struct location *location = &a->locations[a->n_locations++];
    *location = (struct location){.n_events = 2 * (uint64_t)track->n_events, .process = (uint32_t)process->id - 1};
    snprintf(location->name, sizeof location->name, "core (%d, %d)", track->core.row, track->core.col);
    OTF2_EvtWriter *writer = OTF2_Archive_GetEvtWriter(a->otf2, a->n_locations - 1);
    if (!writer)
        return cannot_write(a, PLMR_ERROR_SYSTEM, "OTF2 has no writer");
    struct entered entered = {.n = 0};
    for (int64_t i = 0; i < track->n_events; i++)
        PLMR_TRY(enter(a, writer, &entered, trace, &track->events[i]));
    PLMR_TRY(leave(a, writer, &entered, UINT64_MAX));
    return check(a, OTF2_Archive_CloseEvtWriter(a->otf2, writer));
}

/* ---- definitions, at the end ---- */

struct strings {
    OTF2_GlobalDefWriter *writer;
    uint32_t n;
};

static OTF2_StringRef define_string(struct strings *strings, const char *text)
{
    OTF2_GlobalDefWriter_WriteString(strings->writer, strings->n, text);
    return strings->n++;
}

static plmr_status define_regions(struct archive *a, struct strings *s)
{
    OTF2_StringRef none = define_string(s, "");
    for (uint32_t i = 0; i < a->n_names; i++) {
        OTF2_StringRef name = define_string(s, a->names[i]);
        PLMR_TRY(check(a, OTF2_GlobalDefWriter_WriteRegion(s->writer, i, name, name, none, OTF2_REGION_ROLE_CODE,
                                                           OTF2_PARADIGM_USER, OTF2_REGION_FLAG_NONE, none, 0, 0)));
    }
    return PLMR_OK;
}

static plmr_status define_cores(struct archive *a, struct strings *s, const plmr_trace_process *processes,
                                int n_processes)
{
    OTF2_GlobalDefWriter_WriteSystemTreeNode(s->writer, 0, define_string(s, a->about->device),
                                             define_string(s, "device"), OTF2_UNDEFINED_SYSTEM_TREE_NODE);
    for (int i = 0; i < n_processes; i++)
        PLMR_TRY(check(a, OTF2_GlobalDefWriter_WriteLocationGroup(
                              s->writer, (uint32_t)i, define_string(s, processes[i].name),
                              OTF2_LOCATION_GROUP_TYPE_PROCESS, 0, OTF2_UNDEFINED_LOCATION_GROUP)));
    for (uint32_t i = 0; i < a->n_locations; i++)
        PLMR_TRY(check(a, OTF2_GlobalDefWriter_WriteLocation(s->writer, i, define_string(s, a->locations[i].name),
                                                             OTF2_LOCATION_TYPE_CPU_THREAD, a->locations[i].n_events,
                                                             a->locations[i].process)));
    return PLMR_OK;
}

static plmr_status define_all(struct archive *a, const plmr_trace_process *processes, int n_processes)
{
    PLMR_TRY(check(a, OTF2_Archive_CloseEvtFiles(a->otf2)));
    PLMR_TRY(check(a, OTF2_Archive_OpenDefFiles(a->otf2)));
    for (uint32_t i = 0; i < a->n_locations; i++)
        PLMR_TRY(check(a, OTF2_Archive_CloseDefWriter(a->otf2, OTF2_Archive_GetDefWriter(a->otf2, i))));
    PLMR_TRY(check(a, OTF2_Archive_CloseDefFiles(a->otf2)));
    struct strings strings = {.writer = OTF2_Archive_GetGlobalDefWriter(a->otf2)};
    if (!strings.writer)
        return cannot_write(a, PLMR_ERROR_SYSTEM, "OTF2 has no writer of definitions");
    PLMR_TRY(check(a, OTF2_GlobalDefWriter_WriteClockProperties(strings.writer, (uint64_t)(TICKS * a->about->clock), 0,
                                                                a->end, OTF2_UNDEFINED_TIMESTAMP)));
    PLMR_TRY(define_regions(a, &strings));
    return define_cores(a, &strings, processes, n_processes);
}

static plmr_status close_archive(void *file, const plmr_trace_process *processes, int n_processes, plmr_status status)
{
    return end(file, status ? status : define_all(file, processes, n_processes));
}

/* Processes are defined at the end, like all else. */
const plmr_trace_format plmr_trace_otf2 = {.open = open_archive, .track = write_track, .close = close_archive};
