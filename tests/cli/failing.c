/* Preloaded by failing.py: on one rank something fails that plmr asks for, after MPI has started. The environment says
 * what:
 *   FAIL_RANK     the rank
 *   FAIL_MALLOC   the number of the allocation of plmr's own that fails; 0 counts them
 *   FAIL_READ     the number of the read of FAIL_FILE that fails with EIO
 *   FAIL_SEND     the number of the message that it never sends, nor does anything else
 *   FAIL_MEMORY   bytes of address space that may still be taken
 *   FAIL_NOTE     a file: the moment of the failure, in seconds of the monotonic clock; or the count
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static bool active;                           /* this is the rank, and MPI runs */
static unsigned long program_at, program_end; /* in memory */
static long n_mallocs, n_reads, n_sends;

static long number(const char *name, long none)
{
    const char *text = getenv(name);
    return text ? atol(text) : none;
}

static void note(double value)
{
    FILE *file = fopen(getenv("FAIL_NOTE"), "w");
    if (file) {
        fprintf(file, "%.3f\n", value);
        fclose(file);
    }
}

static void note_failure(void)
{
    struct timespec now;
    active = false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    note((double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
}

/* The first of the loaded objects is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            unsigned long at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = at + info->dlpi_phdr[i].p_memsz;
            program_at = !program_at || at < program_at ? at : program_at;
            program_end = end > program_end ? end : program_end;
        }
    return 1;
}

static void limit_memory(long more)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages;
    if (!file || fscanf(file, "%ld", &pages) != 1)
        abort();
    fclose(file);
    rlim_t most = (rlim_t)(pages * sysconf(_SC_PAGESIZE) + more);
    note_failure(); /* at the latest */
    setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
}

int MPI_Init(int *argc, char ***argv)
{
    int result = PMPI_Init(argc, argv), rank;
    PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank != number("FAIL_RANK", -1))
        return result;
    dl_iterate_phdr(find_program, NULL);
    if (number("FAIL_MEMORY", 0))
        limit_memory(number("FAIL_MEMORY", 0));
    else
        active = true;
    return result;
}

int MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request)
{
    if (active && ++n_sends == number("FAIL_SEND", -1)) {
        sigset_t all_but_end;
        sigfillset(&all_but_end);
        sigdelset(&all_but_end, SIGTERM);
        for (int timer = SIGRTMIN; timer <= SIGRTMAX; timer++)
            signal(timer, SIG_IGN); /* a blocked one would come to another thread, and plmr's own timer would speak */
        note_failure();
        for (;;)
            sigsuspend(&all_but_end);
    }
    return PMPI_Isend(data, n, type, to, tag, comm, request);
}

int MPI_Finalize(void)
{
    if (active && number("FAIL_MALLOC", -1) == 0)
        note((double)n_mallocs);
    return PMPI_Finalize();
}

static bool fails(const void *caller)
{
    if (!active || (unsigned long)caller < program_at || (unsigned long)caller >= program_end)
        return false;
    active = false; /* what is called here allocates as well */
    bool is_it = ++n_mallocs == number("FAIL_MALLOC", -1);
    active = true;
    if (is_it) {
        note_failure();
        errno = ENOMEM;
    }
    return is_it;
}

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **memory, size_t alignment, size_t n)
{
    if (fails(__builtin_return_address(0)))
        return ENOMEM;
    *memory = __libc_memalign(alignment, n);
    return *memory ? 0 : ENOMEM;
}

static bool read_fails(int file)
{
    char link[64], path[PATH_MAX] = "";
    const char *name = getenv("FAIL_FILE");
    if (!active || !name)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) < 0 || strcmp(path, name) != 0 || ++n_reads != number("FAIL_READ", -1))
        return false;
    note_failure();
    errno = EIO;
    return true;
}

/* plmr's own is pread64, as this one is: 64-bit offsets. */
ssize_t pread(int file, void *data, size_t n, off_t at)
{
    static ssize_t (*real)(int, void *, size_t, off_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pread64");
    return read_fails(file) ? -1 : real(file, data, n, at);
}
