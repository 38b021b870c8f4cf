#include "base/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

plmr_status plmr_draft_error(const plmr_draft *draft, enum plmr_code code, int number)
{
    bool to_stdout = strcmp(draft->path, "-") == 0;
    return plmr_error_make(code, "%s: cannot write %s: %s", draft->option,
                           to_stdout ? "to standard output" : draft->path, strerror(number));
}

/* ---- those that are there ---- */

enum { MOST_OPEN = 64 }; /* more stay behind, as all do when a process is killed */

/* A handler of signals is given nothing else. */
static const char *volatile open_parts[MOST_OPEN];

void plmr_draft_note(const char *part)
{
    for (int i = 0; i < MOST_OPEN; i++)
        if (!open_parts[i]) {
            open_parts[i] = part;
            return;
        }
}

static void forget(const char *part)
{
    for (int i = 0; i < MOST_OPEN; i++)
        if (open_parts[i] == part)
            open_parts[i] = NULL;
}

void plmr_draft_remove(const char *part)
{
    forget(part);
    unlink(part);
}

void plmr_drafts_drop(void)
{
    for (int i = 0; i < MOST_OPEN; i++)
        if (open_parts[i])
            unlink(open_parts[i]);
}

void plmr_drafts_end(int number)
{
    plmr_drafts_drop();
    signal(number, SIG_DFL);
    raise(number);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction old, action = {.sa_handler = handler};
    if (sigaction(number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
        sigaction(number, &action, NULL);
}

void plmr_drafts_watch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGXCPU, SIGUSR1, SIGUSR2, SIGALRM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        handle(numbers[i], plmr_drafts_end);
    handle(SIGXFSZ, SIG_IGN);
}

/* ---- making one ---- */

enum { MOST_LINKS = 40 }; /* as the system follows */

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

char *plmr_draft_final(const char *path)
{
    char *at = plmr_take_copy(path), to[PATH_MAX];
    for (int i = 0; i < MOST_LINKS; i++) {
        ssize_t n = readlink(at, to, sizeof to - 1);
        if (n < 0)
            break;
        to[n] = '\0';
        char *next = plmr_take_text("%.*s%s", to[0] == '/' ? 0 : (int)folder_length(at), at, to);
        free(at);
        at = next;
    }
    return at;
}

int plmr_draft_forbidden(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return 0;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    return S_ISREG(status.st_mode) && !(status.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) ? EACCES : 0;
}

char *plmr_draft_name(const char *path)
{
    char room[PATH_MAX];
    const char *real = realpath(path, room);
    if (real || strcmp(path, ".") == 0)
        return plmr_take_copy(real ? real : path);
    char *final = plmr_draft_final(path);
    size_t n = folder_length(final), n_folder = n;
    while (n_folder > 1 && final[n_folder - 1] == '/')
        n_folder--;
    char *folder = plmr_take_text("%.*s", (int)(n ? n_folder : 1), n ? final : ".");
    char *upper = plmr_draft_name(folder), *name = plmr_take_text("%s/%s", upper, final + n);
    free(upper);
    free(folder);
    free(final);
    return name;
}

bool plmr_draft_is_open(const char *final)
{
    bool is_open = false;
    char *name = plmr_draft_name(final), *start = plmr_take_text("%s.%ld-", name, (long)getpid());
    for (int i = 0; i < MOST_OPEN && !is_open; i++) {
        const char *part = open_parts[i];
        char *other = part ? plmr_draft_name(part) : NULL;
        is_open = other && strncmp(other, start, strlen(start)) == 0;
        free(other);
    }
    free(start);
    free(name);
    return is_open;
}

int plmr_draft_make(const char *path, bool folder, char **part)
{
    int made = -1;
    *part = NULL;
    for (int n = 0; made < 0 && (n == 0 || errno == EEXIST || errno == EINTR); n++) {
        free(*part);
        *part = plmr_take_text("%s.%ld-%d.part", path, (long)getpid(), n);
        if (!folder)
            plmr_draft_note(*part); /* before it is there, for a signal may come as soon as it is */
        made = folder ? mkdir(*part, 0777) : open(*part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
        if (made < 0)
            forget(*part);
    }
    if (made < 0) {
        free(*part);
        *part = NULL;
    }
    return made;
}

/* A file system that cannot do it has no more to give. */
static void sync_folder_of(const char *path)
{
    size_t n = folder_length(path);
    char *folder = n ? strndup(path, n) : strdup(".");
    int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

int plmr_draft_rename(const char *part, const char *path)
{
    if (rename(part, path) != 0)
        return errno;
    forget(part);
    sync_folder_of(path);
    return 0;
}

/* "PID-N.part" */
static bool ends_draft(const char *text)
{
    size_t n_pid = strspn(text, "0123456789");
    if (!n_pid || text[n_pid] != '-')
        return false;
    text += n_pid + 1;
    size_t n = strspn(text, "0123456789");
    return n && strcmp(text + n, ".part") == 0;
}

static void sweep_folder(int folder, DIR *names, const char *name)
{
    size_t n = strlen(name);
    for (struct dirent *entry; (entry = readdir(names));)
        if (strncmp(entry->d_name, name, n) == 0 && entry->d_name[n] == '.' && ends_draft(entry->d_name + n + 1))
            unlinkat(folder, entry->d_name, 0);
}

void plmr_draft_sweep(const char *path)
{
    char *final = plmr_draft_final(path);
    size_t n = folder_length(final);
    char *folder = plmr_take_text("%.*s", (int)(n ? n : 1), n ? final : ".");
    DIR *names = opendir(folder);
    if (names) {
        sweep_folder(dirfd(names), names, final + n);
        closedir(names);
    }
    free(folder);
    free(final);
}

/* ---- through a FILE ---- */

/* Where a stream's bytes go. A stream knows that a write has failed, and not why, as soon as another call has set errno. */
struct plmr_draft_sink {
    int descriptor, failed; /* failed: 0, or the errno of the first write that has */
};

/* As a stream asks for it: 0 is a failure. */
static ssize_t write_sink(void *context, const char *bytes, size_t n)
{
    struct plmr_draft_sink *sink = context;
    for (size_t at = 0; at < n;) {
        ssize_t put = write(sink->descriptor, bytes + at, n - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            sink->failed = sink->failed ? sink->failed : put < 0 ? errno : ENOSPC;
            return 0;
        }
        at += (size_t)put;
    }
    return (ssize_t)n;
}

static int close_sink(void *context)
{
    return close(((struct plmr_draft_sink *)context)->descriptor);
}

static void open_stream(plmr_draft *draft, int descriptor)
{
    if (descriptor < 0)
        return;
    draft->sink = plmr_take_zeroed(1, sizeof *draft->sink);
    draft->sink->descriptor = descriptor;
    draft->file = fopencookie(draft->sink, "w", (cookie_io_functions_t){.write = write_sink, .close = close_sink});
    if (!draft->file)
        close(descriptor);
}

/* Opened again, a file would be written to from its beginning twice over. */
static int share_stdout(void)
{
    fflush(stdout);
    return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static bool is_stdout(const struct stat *status)
{
    struct stat out;
    return fstat(STDOUT_FILENO, &out) == 0 && out.st_dev == status->st_dev && out.st_ino == status->st_ino;
}

bool plmr_draft_is_direct(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && (is_stdout(&status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)));
}

static plmr_status open_draft(plmr_draft *draft)
{
    draft->final = plmr_draft_final(draft->path);
    PLMR_CHECK(!plmr_draft_is_open(draft->final), PLMR_ERROR_INPUT, "%s: %s: " PLMR_DRAFT_TWICE, draft->option,
               draft->path);
    open_stream(draft, plmr_draft_make(draft->final, false, &draft->part));
    return PLMR_OK;
}

static plmr_status open_file(plmr_draft *draft)
{
    struct stat status;
    bool exists = stat(draft->path, &status) == 0;
    int forbidden = plmr_draft_forbidden(draft->path);
    if (forbidden)
        return plmr_draft_error(draft, PLMR_ERROR_FILE, forbidden);
    if (exists && is_stdout(&status))
        open_stream(draft, share_stdout());
    else if (exists && !S_ISREG(status.st_mode))
        open_stream(draft, open(draft->path, O_WRONLY | O_CLOEXEC | O_NOCTTY));
    else
        PLMR_TRY(open_draft(draft));
    return draft->file ? PLMR_OK : plmr_draft_error(draft, PLMR_ERROR_FILE, errno);
}

static void forget_names(plmr_draft *draft)
{
    free(draft->sink);
    free(draft->part);
    free(draft->final);
    draft->sink = NULL;
    draft->part = draft->final = NULL;
}

plmr_status plmr_draft_open(const char *option, const char *path, plmr_draft *draft)
{
    *draft = (plmr_draft){.option = option, .path = path};
    plmr_status status = open_file(draft);
    if (status) {
        if (draft->part)
            plmr_draft_remove(draft->part);
        forget_names(draft);
        *draft = (plmr_draft){0};
    }
    return status;
}

plmr_status plmr_draft_try(const char *option, const char *path)
{
    plmr_draft draft;
    PLMR_TRY(plmr_draft_open(option, path, &draft));
    plmr_error_free(plmr_draft_close(&draft, plmr_error_make(PLMR_ERROR_INPUT, "it is only tried")));
    return PLMR_OK;
}

plmr_status plmr_draft_check(const plmr_draft *draft)
{
    int failed = draft->sink ? draft->sink->failed : 0;
    return failed ? plmr_draft_error(draft, PLMR_ERROR_SYSTEM, failed) : PLMR_OK;
}

/* Returns 0, or an errno. A file that could not be written in full must not get its name, so a write that failed before
 * counts. */
static int close_file(plmr_draft *draft, bool keeps)
{
    FILE *file = draft->file;
    draft->file = NULL;
    if (!file || file == stdout)
        return 0;
    int number = !keeps || fflush(file) == 0 ? 0 : errno;
    if (keeps && !number && draft->part && fsync(draft->sink->descriptor) != 0)
        number = errno;
    if (fclose(file) != 0 && !number)
        number = errno;
    return draft->sink->failed ? draft->sink->failed : number;
}

plmr_status plmr_draft_flush_stdout(void)
{
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    PLMR_CHECK(!lost, PLMR_ERROR_SYSTEM, "cannot write all of the output: is the disk full?");
    return PLMR_OK;
}

plmr_status plmr_draft_close(plmr_draft *draft, plmr_status status)
{
    if (!status && draft->part)
        status = plmr_draft_flush_stdout();
    int failed = close_file(draft, !status);
    if (!status && !failed && draft->part)
        failed = plmr_draft_rename(draft->part, draft->final);
    if (!status && failed)
        status = plmr_draft_error(draft, PLMR_ERROR_SYSTEM, failed);
    if (status && draft->part)
        plmr_draft_remove(draft->part);
    forget_names(draft);
    return status;
}

plmr_status plmr_draft_write(const char *option, const char *path, const char *text)
{
    plmr_draft draft;
    PLMR_TRY(plmr_draft_open(option, path, &draft));
    fputs(text, draft.file);
    return plmr_draft_close(&draft, PLMR_OK);
}
