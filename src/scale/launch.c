#include "scale/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include "base/memory.h"
#include "plmr/types.h"

enum { MOST_WORDS = 256, NOT_FOUND = 127 };

const char *plmr_launch_template(void)
{
    const char *own = getenv("PLMR_LAUNCHER");
    if (own && *own)
        return own;
    if (getenv("SLURM_JOB_ID"))
        return "srun --mpi=pmix -n {n}";
    return getenv("OMPI_MCA_hwloc_base_binding_policy") ? "mpirun -n {n}" : "mpirun --bind-to core -n {n}";
}

/* ---- the environment ---- */

/* What this process was started with: MPI has since added what would mislead another mpirun. *list's strings are in
 * *text. */
static plmr_status first_environment(char **text, char ***list)
{
    size_t size = 0, capacity = 0;
    char *one = NULL;
    int n = 0;
    FILE *file = fopen("/proc/self/environ", "re");
    PLMR_CHECK(file, PLMR_ERROR_SYSTEM, "cannot open /proc/self/environ: %s", strerror(errno));
    *text = NULL;
    *list = NULL;
    for (ssize_t got; (got = getdelim(&one, &capacity, 0, file)) > 0; n++) {
        *text = plmr_take_more(*text, size + (size_t)got + 1);
        memcpy(*text + size, one, (size_t)got + 1);
        size += (size_t)got;
    }
    free(one);
    fclose(file);
    PLMR_CHECK(*text, PLMR_ERROR_SYSTEM, "cannot read /proc/self/environ");
    *list = plmr_take_zeroed((size_t)n + 2, sizeof **list);
    n = 0;
    for (char *at = *text; at < *text + size; at += strlen(at) + 1)
        (*list)[n++] = at;
    return PLMR_OK;
}

static bool has(char *const *list, const char *name)
{
    size_t length = strlen(name);
    for (; *list; list++)
        if (strncmp(*list, name, length) == 0 && (*list)[length] == '=')
            return true;
    return false;
}

plmr_status plmr_launch_check(void)
{
    char *text, **list;
    plmr_status status = first_environment(&text, &list);
    if (!status && (has(list, "OMPI_COMM_WORLD_SIZE") || has(list, "PMIX_RANK")))
        status = plmr_error_make(PLMR_ERROR_INPUT, "it starts mpirun or srun itself: start it without them");
    free(list);
    free(text);
    return status;
}

/* ---- the words ---- */

/* A number at {n}, {A}, {A+B} or {A-B}; returns the characters that it takes, 0: there is none. */
static int read_number(const char *at, int n_ranks, int64_t *number)
{
    int64_t factor = 0, more = 0;
    char sign[2] = "+";
    int length = 0;
    if (strncmp(at, "{n}", 3) == 0) {
        *number = n_ranks;
        return 3;
    }
    if (sscanf(at, "{%9" SCNd64 "}%n", &factor, &length) < 1)
        return 0;
    if (length == 0)
        sscanf(at, "{%9" SCNd64 "%1[+-]%9" SCNd64 "}%n", &factor, sign, &more, &length);
    *number = factor * n_ranks + (*sign == '-' ? -more : more);
    return length;
}

char *plmr_launch_expand(const char *word, int n_ranks)
{
    char *text;
    size_t size;
    FILE *out = plmr_take_stream(&text, &size);
    for (const char *at = word; *at;) {
        int64_t number;
        int length = read_number(at, n_ranks, &number);
        if (length)
            fprintf(out, "%" PRId64, number);
        else
            fputc(*at, out);
        at += length ? length : 1;
    }
    plmr_stream_end(out);
    return text;
}

static bool find_on_path(char *path, size_t size)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t n = strcspn(at, ":");
        snprintf(path, size, "%.*s/plmr", (int)n, at);
        if (access(path, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

/* The program plmr: this process's, or, in one that has libplmr alone, what PATH has. */
static plmr_status find_program(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    PLMR_CHECK(length > 0, PLMR_ERROR_SYSTEM, "cannot tell where this program lies");
    path[length] = '\0';
    if (strcmp(strrchr(path, '/') + 1, "plmr") == 0)
        return PLMR_OK;
    PLMR_CHECK(find_on_path(path, size), PLMR_ERROR_INPUT,
               "it starts the program plmr, which no folder of PATH has: put it there");
    return PLMR_OK;
}

/* The launcher's words, the program plmr, and its own. Strings beyond the launcher's are the caller's. */
struct command {
    wordexp_t launcher;
    char number[16], self[4096];
    char *words[MOST_WORDS + 1];
};

/* As a shell would split them, so that a path may have blanks, but no command is run for them. */
static plmr_status split_launcher(const char *launcher, int n_ranks, wordexp_t *words)
{
    PLMR_CHECK(strstr(launcher, "{n}"), PLMR_ERROR_INPUT,
               "PLMR_LAUNCHER lacks {n}, for which the number of ranks is put: it should be like 'mpirun -n {n}'");
    char *line = plmr_launch_expand(launcher, n_ranks);
    int failed = wordexp(line, words, WRDE_NOCMD);
    free(line);
    if (failed)
        *words = (wordexp_t){0}; /* of what was split before the fault nothing is used */
    PLMR_CHECK(
        !failed, PLMR_ERROR_INPUT,
        "PLMR_LAUNCHER is '%s', which cannot be split into words as by a shell, with its quotes: it should be like "
        "'mpirun -n {n}'",
        launcher);
    return PLMR_OK;
}

static plmr_status make_command(const char *launcher, int n_ranks, const char *const *words, struct command *c)
{
    int n = 0;
    snprintf(c->number, sizeof c->number, "%d", n_ranks);
    PLMR_TRY(find_program(c->self, sizeof c->self));
    PLMR_TRY(split_launcher(launcher, n_ranks, &c->launcher));
    for (size_t i = 0; i < c->launcher.we_wordc && n < MOST_WORDS; i++)
        c->words[n++] = c->launcher.we_wordv[i];
    if (n < MOST_WORDS)
        c->words[n++] = c->self;
    for (; *words && n < MOST_WORDS; words++)
        c->words[n++] = (char *)*words;
    c->words[n] = NULL;
    PLMR_CHECK(!*words, PLMR_ERROR_INPUT, "the command has more than %d words", MOST_WORDS);
    return PLMR_OK;
}

/* ---- the process ---- */

/* The child dies with this process, lest a run goes on that nobody waits for. */
static pid_t start(const struct command *c, char *const *environment, const int out[2], const int err[2])
{
    pid_t child = fork();
    if (child != 0)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int nothing = open("/dev/null", O_RDONLY);
    if (dup2(nothing, STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0 || dup2(err[1], STDERR_FILENO) < 0)
        _exit(NOT_FOUND);
    execvpe(c->words[0], c->words, environment);
    _exit(NOT_FOUND);
}

/* Copies what has come; returns whether more may come. */
static bool copy_some(int from, FILE *to)
{
    char buffer[4096];
    ssize_t n = read(from, buffer, sizeof buffer);
    if (n > 0)
        fwrite(buffer, 1, (size_t)n, to);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void copy_all(const int from[2], FILE *const to[2])
{
    struct pollfd polls[2] = {{.fd = from[0], .events = POLLIN}, {.fd = from[1], .events = POLLIN}};
    while (polls[0].fd >= 0 || polls[1].fd >= 0) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return;
        for (int i = 0; i < 2; i++)
            if (polls[i].fd >= 0 && polls[i].revents && !copy_some(polls[i].fd, to[i]))
                polls[i].fd = -1;
    }
}

/* Returns the wait status in *ended. */
static plmr_status run(const struct command *c, char *const *environment, FILE *const to[2], int *ended)
{
    int out[2], err[2];
    PLMR_CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, PLMR_ERROR_SYSTEM, "cannot make a pipe: %s",
               strerror(errno));
    pid_t child = start(c, environment, out, err);
    close(out[1]);
    close(err[1]);
    if (child > 0)
        copy_all((int[]){out[0], err[0]}, to);
    close(out[0]);
    close(err[0]);
    PLMR_CHECK(child > 0, PLMR_ERROR_SYSTEM, "cannot start a process: %s", strerror(errno));
    while (waitpid(child, ended, 0) < 0)
        PLMR_CHECK(errno == EINTR, PLMR_ERROR_SYSTEM, "lost a process: %s", strerror(errno));
    return PLMR_OK;
}

/* What says most: a line of plmr's own, else the first that is no ruler. */
static const char *telling_line(const char *text)
{
    const char *best = "";
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, "plmr ", 5) == 0)
            return line;
        if (!*best && line[strspn(line, "- \t\n")] && *line != '\n' && *line != '-')
            best = line;
    }
    return best;
}

/* plmr says what it says in a line; a launcher breaks it over several, up to an empty one or a ruler. */
static size_t telling_bytes(const char *line)
{
    size_t n = strcspn(line, "\n");
    while (strncmp(line, "plmr ", 5) != 0 && line[n] && line[n + 1] && !strchr("\n-", line[n + 1]))
        n += 1 + strcspn(line + n + 1, "\n");
    return n;
}

/* With one blank between words. */
static void squeeze(const char *text, size_t n, char *to, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < n && at + 1 < size; i++) {
        bool is_blank = strchr(" \t\r\n", text[i]);
        if (!is_blank || (at && to[at - 1] != ' '))
            to[at++] = is_blank ? ' ' : text[i];
    }
    to[at - (at && to[at - 1] == ' ')] = '\0';
}

static plmr_status judge(const struct command *c, int ended, const char *err)
{
    char line[1024];
    int code = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    const char *telling = telling_line(err);
    squeeze(telling, telling_bytes(telling), line, sizeof line);
    PLMR_CHECK(code != NOT_FOUND || *line, PLMR_ERROR_SYSTEM,
               "cannot start %s: is it installed? PLMR_LAUNCHER='... -n {n}' names another launcher", c->words[0]);
    PLMR_CHECK(code == 0, code == 2 ? PLMR_ERROR_INPUT : PLMR_ERROR_SYSTEM, "on %s %s: %s", c->number,
               strcmp(c->number, "1") ? "ranks" : "rank", *line ? line : "the run ends without saying why");
    return PLMR_OK;
}

plmr_status plmr_launch(const char *launcher, int n_ranks, const char *const *words, char **out, char **err)
{
    struct command command = {.launcher = {0}};
    char *text = NULL, **list = NULL;
    size_t sizes[2];
    int ended = 0;
    FILE *to[2] = {plmr_take_stream(out, &sizes[0]), plmr_take_stream(err, &sizes[1])};
    plmr_status status = make_command(launcher, n_ranks, words, &command);
    if (!status)
        status = first_environment(&text, &list);
    if (!status)
        status = run(&command, list, to, &ended);
    plmr_stream_end(to[0]);
    plmr_stream_end(to[1]);
    if (!status)
        status = judge(&command, ended, *err);
    if (status) {
        free(*out);
        free(*err);
    }
    free(list);
    free(text);
    wordfree(&command.launcher);
    return status;
}
