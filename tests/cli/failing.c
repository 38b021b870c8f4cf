/* Preloaded by failing.py and faults.py: on one rank something fails that plmr asks for. The environment says what:
 *   FAIL_RANK     the rank; FAIL_RANKS how many there are
 *   FAIL_MALLOC   the number of the allocation of plmr's own that fails; 0 counts them
 *   FAIL_READ     the number of the read of FAIL_FILE that fails with EIO
 *   FAIL_SEND     the number of the message that it never sends, nor does anything else
 *   FAIL_MESSAGE  the number of the call that sends, to one rank or to all, and that fails; 0 counts them
 *   FAIL_CALL     the number of the system call about a file below FAIL_FOLDER that fails; 0 counts them
 *   FAIL_SIGNAL   and this one does not fail, but the process gets that signal when it is done
 *   FAIL_UNSEEN   on all ranks: a new file below FAIL_FOLDER is there for others only once it has been closed or renamed,
 *                 and what others see of its size is 0: files that are consistent from close to open, as on NFS
 *   FAIL_MEMORY   bytes of address space that may still be taken
 *   FAIL_NOTE     a file: the moment of the failure, in seconds of the monotonic clock; or the count
 *
 * System calls are caught by a filter of the kernel's: what the C library itself does for a FILE has no name to stand
 * in for.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static bool active;                           /* this is the rank, and nothing has failed yet */
static unsigned long program_at, program_end; /* in memory */
static long n_mallocs, n_reads, n_sends, n_messages, n_calls;

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
    int result = PMPI_Init(argc, argv);
    if (active && number("FAIL_MEMORY", 0))
        limit_memory(number("FAIL_MEMORY", 0));
    return result;
}

/* A call of MPI's that sends something, all of whose arguments these are. */
static bool message_fails(void)
{
    if (!active || ++n_messages != number("FAIL_MESSAGE", -1))
        return false;
    note_failure();
    return true;
}

#define SENDS(name, parameters, arguments)                                                                             \
    int MPI_##name parameters                                                                                          \
    {                                                                                                                  \
        return message_fails() ? MPI_ERR_INTERN : PMPI_##name arguments;                                               \
    }
SENDS(Send, (const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm),
      (data, n, type, to, tag, comm))
SENDS(Bcast, (void *data, int n, MPI_Datatype type, int root, MPI_Comm comm), (data, n, type, root, comm))
SENDS(Ibcast, (void *data, int n, MPI_Datatype type, int root, MPI_Comm comm, MPI_Request *request),
      (data, n, type, root, comm, request))
SENDS(Barrier, (MPI_Comm comm), (comm))
SENDS(Ibarrier, (MPI_Comm comm, MPI_Request *request), (comm, request))
SENDS(Allreduce, (const void *data, void *out, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
      (data, out, n, type, op, comm))
SENDS(Iallreduce,
      (const void *data, void *out, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm, MPI_Request *request),
      (data, out, n, type, op, comm, request))
SENDS(Allgather, (const void *data, int n, MPI_Datatype type, void *out, int m, MPI_Datatype as, MPI_Comm comm),
      (data, n, type, out, m, as, comm))
SENDS(Alltoall, (const void *data, int n, MPI_Datatype type, void *out, int m, MPI_Datatype as, MPI_Comm comm),
      (data, n, type, out, m, as, comm))
SENDS(Gather, (const void *data, int n, MPI_Datatype type, void *out, int m, MPI_Datatype as, int root, MPI_Comm comm),
      (data, n, type, out, m, as, root, comm))

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
    if (message_fails())
        return MPI_ERR_INTERN;
    return PMPI_Isend(data, n, type, to, tag, comm, request);
}

/* ---- allocations ---- */

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

/* ---- reads ---- */

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

/* ---- system calls ---- */

#if defined(__x86_64__)
long direct(long number, long a, long b, long c, long d, long e, long f);
extern const char direct_begin[], direct_end[];
__asm__(
    ".text\n.globl direct, direct_begin, direct_end\n"
    "direct_begin:\ndirect:\n"
    "mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\nmov %r9, %r8\nmov 8(%rsp), %r9\n"
    "syscall\nret\ndirect_end:\n");

static const struct {
    int number, error;
    int file, path; /* which argument is its descriptor, or its path; -1: none */
} caught[] = {
    {SYS_read, EIO, 0, -1},        {SYS_pread64, EIO, 0, -1},      {SYS_write, ENOSPC, 0, -1},
    {SYS_pwrite64, ENOSPC, 0, -1}, {SYS_openat, EACCES, -1, 1},    {SYS_fsync, EIO, 0, -1},
    {SYS_close, EIO, 0, -1},       {SYS_rename, EACCES, -1, 0},    {SYS_mkdir, EACCES, -1, 0},
    {SYS_ftruncate, EFBIG, 0, -1}, {SYS_fallocate, ENOSPC, 0, -1}, {SYS_mmap, ENOMEM, 4, -1},
    {SYS_newfstatat, EIO, 0, -1}, /* of a descriptor; of a path it may say that there is none */
};
enum { N_CAUGHT = sizeof caught / sizeof *caught };
static char folder[PATH_MAX];

static bool is_below(const char *path)
{
    return *folder && strncmp(path, folder, strlen(folder)) == 0;
}

static bool path_of(long file, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%ld", file);
    long n = direct(SYS_readlink, (long)link, (long)path, PATH_MAX - 1, 0, 0, 0);
    path[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

static bool is_about_folder(int i, const long args[6])
{
    char path[PATH_MAX];
    if (caught[i].path >= 0)
        return is_below((const char *)args[caught[i].path]);
    if (caught[i].number == SYS_mmap && args[3] & MAP_ANONYMOUS)
        return false;
    if (caught[i].number == SYS_newfstatat && *(const char *)args[1])
        return false;
    return path_of(args[caught[i].file], path) && is_below(path);
}

/* A new file has another name until it is closed. */
static long unseen(int i, const long args[6])
{
    char path[PATH_MAX], *end;
    long number = caught[i].number;
    if (number == SYS_openat && args[2] & O_CREAT) {
        snprintf(path, sizeof path, "%s.unseen", (const char *)args[1]);
        return direct(number, args[0], (long)path, args[2], args[3], 0, 0);
    }
    bool is_new = caught[i].file == 0 && path_of(args[0], path) && (end = strstr(path, ".unseen"));
    long result = direct(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (number == SYS_close && is_new) {
        char seen[PATH_MAX];
        snprintf(seen, sizeof seen, "%.*s", (int)(end - path), path);
        direct(SYS_rename, (long)path, (long)seen, 0, 0, 0, 0);
    }
    if (number == SYS_newfstatat && result == 0 && !is_new && strstr(path, ".part"))
        ((struct stat *)args[2])->st_size = 0;
    return result;
}

static void on_call(int signal, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    long args[6] = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10], regs[REG_R8], regs[REG_R9]};
    int i = 0, was = errno;
    (void)signal;
    while (caught[i].number != info->si_syscall)
        i++;
    bool counts = (active || getenv("FAIL_UNSEEN")) && is_about_folder(i, args);
    if (counts && getenv("FAIL_UNSEEN")) {
        regs[REG_RAX] = unseen(i, args);
    } else if (counts && ++n_calls == number("FAIL_CALL", -1) && getenv("FAIL_SIGNAL")) {
        regs[REG_RAX] = direct(info->si_syscall, args[0], args[1], args[2], args[3], args[4], args[5]);
        note_failure();
        raise((int)number("FAIL_SIGNAL", 0));
    } else if (counts && n_calls == number("FAIL_CALL", -1)) {
        if (caught[i].number == SYS_close)
            direct(SYS_close, args[0], 0, 0, 0, 0, 0);
        regs[REG_RAX] = -caught[i].error;
        note_failure();
    } else {
        regs[REG_RAX] = direct(info->si_syscall, args[0], args[1], args[2], args[3], args[4], args[5]);
    }
    errno = was;
}

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))

static void catch_calls(void)
{
    struct sock_filter code[3 * N_CAUGHT + 16];
    unsigned short n = 0;
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    const char *below = getenv("FAIL_FOLDER");
    unsigned long from = (unsigned long)direct_begin, to = (unsigned long)direct_end;
    snprintf(folder, sizeof folder, "%s", below ? below : "");
    code[n++] = (struct sock_filter)LOAD(instruction_pointer); /* of what stands in for them: its lower half will do */
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (unsigned)from, 0, 2);
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (unsigned)to, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)LOAD(nr);
    for (int i = 0; i < N_CAUGHT; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)caught[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        abort();
}
#else
static void catch_calls(void)
{
    abort(); /* faults.py runs where this is written for */
}
#endif

__attribute__((constructor)) static void start(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank && number("FAIL_RANKS", 1) > 1)
        return; /* this is mpirun */
    dl_iterate_phdr(find_program, NULL);
    if (getenv("FAIL_CALL") || getenv("FAIL_UNSEEN"))
        catch_calls();
    active = (rank ? atol(rank) : 0) == number("FAIL_RANK", -1);
}

__attribute__((destructor)) static void finish(void)
{
    if (active && number("FAIL_MALLOC", -1) == 0)
        note((double)n_mallocs);
    if (active && number("FAIL_MESSAGE", -1) == 0)
        note((double)n_messages);
    if (active && number("FAIL_CALL", -1) == 0)
        note((double)n_calls);
}
