/* A run ends well also where a thread of MPI's own got no processor while it lasted. Open MPI's waits in poll, which here
 * keeps it for longer than the run takes. Without the wait in plmr_finalize this ends by a signal. */
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wall.h"
#include "ranks/ranks.h"

enum { SKIPPED = 77 };
static volatile bool was_late;

int poll(struct pollfd *files, nfds_t n, int timeout_ms)
{
    int found = (int)syscall(SYS_poll, files, n, timeout_ms);
    if (found > 0 && gettid() != getpid()) {
        was_late = true;
        for (double end_s = plmr_wall_s() + 0.5; plmr_wall_s() < end_s;)
            continue; /* as one that waits for a processor, it counts as running */
    }
    return found;
}

int main(int argc, char **argv)
{
    if (plmr_init(&argc, &argv))
        return 1;
    plmr_finalize();
    return was_late ? 0 : SKIPPED; /* this MPI has no such thread */
}
