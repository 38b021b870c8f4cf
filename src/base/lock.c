#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/memory.h"

/* Who has it. */
struct holder {
    char host[256];
    long pid;
};

static struct holder read_holder(int file)
{
    struct holder holder = {"", 0};
    char text[320] = "";
    if (pread(file, text, sizeof text - 1, 0) > 0 && sscanf(text, "%255s %ld", holder.host, &holder.pid) != 2)
        holder = (struct holder){"", 0};
    return holder;
}

static struct holder this_run(void)
{
    struct holder holder = {.pid = (long)getpid()};
    if (gethostname(holder.host, sizeof holder.host - 1) != 0)
        snprintf(holder.host, sizeof holder.host, "unknown");
    return holder;
}

static plmr_status refuse(const plmr_lock *lock, const char *option, const struct holder *holder, bool elsewhere)
{
    int n = (int)(strrchr(lock->path, '/') - lock->path);
    return plmr_error_make(
        PLMR_ERROR_INPUT, "another run is at work in %.*s, process %ld on %s: wait for it, or choose another %s%s%s", n,
        lock->path, holder->pid, holder->host, option,
        elsewhere ? "; if there is no such process any more, remove " : "", elsewhere ? lock->path : "");
}

static void sign(int file, const struct holder *me)
{
    char text[320];
    int n = snprintf(text, sizeof text, "%s %ld\n", me->host, me->pid);
    if (ftruncate(file, 0) == 0 && pwrite(file, text, (size_t)n, 0) == n)
        fsync(file);
}

/* Whether the open file is still the one of that name: its holder may have removed it. */
static bool is_there(const plmr_lock *lock)
{
    struct stat open_file, named;
    return fstat(lock->file, &open_file) == 0 && stat(lock->path, &named) == 0 && open_file.st_ino == named.st_ino;
}

/* Opens and locks the file; *there: it is still the one of that name. */
static plmr_status try_once(plmr_lock *lock, const char *option, const struct holder *me, bool *there)
{
    lock->file = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    PLMR_CHECK(lock->file >= 0, PLMR_ERROR_INPUT, "%s: cannot write %.400s: %s", option, lock->path, strerror(errno));
    struct holder holder = read_holder(lock->file);
    bool busy = flock(lock->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    bool elsewhere = !busy && *holder.host && strcmp(holder.host, me->host) != 0;
    *there = is_there(lock);
    return (busy || elsewhere) && *there ? refuse(lock, option, &holder, elsewhere) : PLMR_OK;
}

plmr_status plmr_lock_take(const char *option, const char *folder, plmr_lock *lock)
{
    struct holder me = this_run();
    plmr_status status = PLMR_OK;
    *lock = (plmr_lock){plmr_take_text("%s/.plmr-lock", folder), -1};
    for (bool there = false; !there && !status;) {
        status = try_once(lock, option, &me, &there);
        if ((status || !there) && lock->file >= 0)
            close(lock->file);
    }
    if (!status) {
        plmr_draft_note(lock->path);
        sign(lock->file, &me);
        return PLMR_OK;
    }
    free(lock->path);
    *lock = (plmr_lock){NULL, -1};
    return status;
}

void plmr_lock_release(plmr_lock *lock)
{
    if (!lock->path)
        return;
    plmr_draft_remove(lock->path);
    close(lock->file);
    free(lock->path);
    *lock = (plmr_lock){NULL, -1};
}
