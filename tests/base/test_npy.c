/* Reads and writes .npy files of its own making; npy_numpy.py does the same against NumPy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/npy.h"
#include "base/npy_header.h"
#include "tests/drafts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/plmr_npy_XXXXXX";
static char path[64];

/* A system whose reads and writes are short and interrupted, when `hostile` is set. Linked in place of the real ones.
 */
static bool hostile;
static int n_calls;

ssize_t __real_pread64(int fd, void *to, size_t n, off_t at);
ssize_t __real_pwrite64(int fd, const void *from, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pread64(int fd, void *to, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off_t at);

static bool interrupted(size_t *n)
{
    if (!hostile)
        return false;
    if (*n > 3)
        *n = 3;
    errno = EINTR;
    return n_calls++ % 2 == 0;
}

ssize_t __wrap_pread64(int fd, void *to, size_t n, off_t at)
{
    return interrupted(&n) ? -1 : __real_pread64(fd, to, n, at);
}

ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off_t at)
{
    return interrupted(&n) ? -1 : __real_pwrite64(fd, from, n, at);
}

ssize_t __wrap_pread(int fd, void *to, size_t n, off_t at)
{
    return __wrap_pread64(fd, to, n, at);
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t n, off_t at)
{
    return __wrap_pwrite64(fd, from, n, at);
}

static void write_file(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* A file of this format version with `text` as its header and n_data bytes 0, 1, 2, ... behind it. */
static void write_npy(int version, const char *text, size_t n_data)
{
    unsigned char bytes[20000];
    size_t n_text = strlen(text), at = version > 1 ? 12 : 10;
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[7] = 0;
    for (size_t i = 8; i < at; i++)
        bytes[i] = (unsigned char)(n_text >> 8 * (i - 8));
    memcpy(bytes + at, text, n_text);
    for (size_t i = 0; i < n_data; i++)
        bytes[at + n_text + i] = (unsigned char)i;
    write_file(bytes, at + n_text + n_data);
}

static void must(plmr_status error)
{
    if (error)
        fail_msg("%s", plmr_error_text(error));
}

/* The error is there, is one line, and says `what`. */
static void must_fail(plmr_status error, const char *what)
{
    assert_non_null(error);
    const char *text = plmr_error_text(error);
    if (!strstr(text, what) || strchr(text, '\n') || strlen(text) < 15)
        fail_msg("\"%s\" is not one line that says \"%s\"", text, what);
    plmr_error_free(error);
}

static void must_refuse(const char *what)
{
    plmr_npy npy;
    plmr_status error = plmr_npy_open(path, &npy);
    if (!error)
        fail_msg("accepted, but should say \"%s\"", what);
    assert_int_equal(strncmp(plmr_error_text(error), path, strlen(path)), 0);
    must_fail(error, what);
    assert_int_equal(npy.fd, -1);
    assert_null(npy.path);
}

#define HEADER(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

static const struct {
    const char *text, *what;
    int version;
    size_t n_data;
} refused[] = {
    {HEADER("'<f8'", "False", "(2, 3)"), "'<f8'", 1, 48},
    {HEADER("'<i4'", "False", "(2, 3)"), "arr.astype('float32'", 1, 24},
    {HEADER("'|b1'", "False", "(2, 3)"), "'|b1'", 1, 6},
    {HEADER("'<V2'", "False", "(2, 3)"), "'<V2'", 1, 12},
    {HEADER("'|O'", "False", "(2, 3)"), "'|O'", 1, 48},
    {HEADER("'f4'", "False", "(2, 3)"), "'f4'", 1, 24},
    {HEADER("''", "False", "(2, 3)"), "''", 1, 24},
    {HEADER("'>f4'", "False", "(2, 3)"), "big-endian", 1, 24},
    {HEADER("[('x', '<f4')]", "False", "(2, 3)"), "structured", 1, 24},
    {HEADER("'<f4'", "True", "(2, 3)"), "Fortran order", 1, 24},
    {HEADER("'<f4'", "Maybe", "(2, 3)"), "fortran_order", 1, 24},
    {HEADER("'<f4'", "False", "()"), "0 dimensions", 1, 4},
    {HEADER("'<f4'", "False", "(2, 3, 1)"), "3 dimensions", 1, 24},
    {HEADER("'<f4'", "False", "(0, 3)"), "empty", 1, 0},
    {HEADER("'<f4'", "False", "(0,)"), "empty", 1, 0},
    {HEADER("'<f4'", "False", "(-2, -3)"), "shape", 1, 24},
    {HEADER("'<f4'", "False", "(2 3)"), "shape", 1, 24},
    {HEADER("'<f4'", "False", "(,)"), "shape", 1, 24},
    {HEADER("'<f4'", "False", "2"), "shape", 1, 8},
    {HEADER("'<f4'", "False", "(2.0, 3)"), "shape", 1, 24},
    {HEADER("'<f4'", "False", "(99999999999999999999, 3)"), "too large", 1, 24},
    {HEADER("'<f4'", "False", "(9223372036854775807, 3)"), "more than a file can hold", 1, 24},
    {HEADER("'<f4'", "False", "(4294967296, 4294967296)"), "more than a file can hold", 1, 24},
    {HEADER("'<f4'", "False", "(2305843009213693951,)"), "more than a file can hold", 1, 24},
    {HEADER("'<f4'", "False", "(1000000000, 1000000000)"), "missing from its end", 1, 24},
    {HEADER("'<f4'", "False", "(2, 3)"), "1 bytes are missing", 1, 23},
    {HEADER("'<f2'", "False", "(2, 3)"), "12 bytes are missing", 1, 0},
    {HEADER("'<f2'", "False", "(2, 3)"), "1 bytes follow", 1, 13},
    {"", "no dictionary", 1, 24},
    {"[]", "no dictionary", 1, 24},
    {"{}", "missing", 1, 24},
    {"{", "no key", 1, 24},
    {"{'descr'", "key", 1, 24},
    {"{'descr': '<f4", "descr", 1, 0},
    {"{'descr': '<f4\\n'}", "descr", 1, 0},
    {"{'descr': '<f4\x01'}", "descr", 1, 0},
    {"{'descr': '<f4'}", "missing", 1, 24},
    {"{'descr': '<f4', 'descr': '<f4'}", "repeated", 1, 24},
    {"{'descr': '<f4', 'order': 'C'}", "unknown", 1, 24},
    {"{'a key that is much too long to be any key that plmr knows': 1}", "key", 1, 24},
    {"{'descr': '<f4' 'fortran_order': False}", "does not end", 1, 24},
    {HEADER("'<f4'", "False", "(2, 3)") "x", "does not end", 1, 24},
    {HEADER("'<f4'", "False", "(2, 3)"), "version 0", 0, 24},
    {HEADER("'<f4'", "False", "(2, 3)"), "version 4", 4, 24},
};

static void hostile_headers_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        write_npy(refused[i].version, refused[i].text, refused[i].n_data);
        must_refuse(refused[i].what);
    }
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *what;
    } files[] = {
        {"", 0, "not a NumPy"},
        {"\x93NUMPY", 6, "not a NumPy"},
        {"\x93NUMPY\1\0\xff\x00", 10, "not a NumPy"},
        {"\x93NUMPY\1\0\xff\x00{'", 12, "inside its header"},
        {"\x93NUMPY\1\0\xff\xff{'", 12, "65535 bytes"},
        {"\x93NUMPY\2\0\xff\xff\xff\xff", 12, "4294967295 bytes"},
        {"\x93NUMPY\3\0\0\0\0\x80", 12, "2147483648 bytes"},
        {"PK\3\4abcdefgh", 12, ".npz"},
        {"1.0 2.0 3.0\n", 12, "not a NumPy"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(files[i].bytes, files[i].n);
        must_refuse(files[i].what);
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    plmr_npy npy;
    unlink(path);
    must_refuse("No such file");
    must_fail(plmr_npy_open(folder, &npy), "not a regular file");
    must_fail(plmr_npy_open("/dev/zero", &npy), "not a regular file");
    assert_int_equal(mkfifo(path, 0600), 0);
    must_refuse("not a regular file");
    unlink(path);
}

static void every_plain_header_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int version;
        size_t n_data;
        enum plmr_dtype dtype;
        int n_dims, rows, cols;
    } good[] = {
        {HEADER("'<f4'", "False", "(2, 3)"), 1, 24, PLMR_F32, 2, 2, 3},
        {HEADER("'<f4'", "False", "(2, 3)"), 2, 24, PLMR_F32, 2, 2, 3},
        {HEADER("'<f2'", "False", "(3, 2)"), 3, 12, PLMR_F16, 2, 3, 2},
        {HEADER("'<f2'", "False", "(7,)"), 1, 14, PLMR_F16, 1, 1, 7},
        {HEADER("'<f4'", "False", "(1, 1)"), 1, 4, PLMR_F32, 2, 1, 1},
        {"{\"shape\":(2L,3L),\"fortran_order\":False,\"descr\":\"<f4\"}", 1, 24, PLMR_F32, 2, 2, 3},
        {"\t{ 'descr' : '<f4' , 'shape' : ( 2 , 3 , ) , 'fortran_order' : False }  \n", 1, 24, PLMR_F32, 2, 2, 3},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        plmr_npy npy;
        write_npy(good[i].version, good[i].text, good[i].n_data);
        must(plmr_npy_open(path, &npy));
        assert_int_equal(npy.dtype, good[i].dtype);
        assert_int_equal(npy.n_dims, good[i].n_dims);
        assert_int_equal(npy.rows, good[i].rows);
        assert_int_equal(npy.cols, good[i].cols);
        unsigned char data[24];
        must(plmr_npy_read(&npy, 0, npy.rows, 0, npy.cols, data, npy.cols));
        for (size_t j = 0; j < good[i].n_data; j++)
            assert_int_equal(data[j], j);
        must(plmr_npy_close(&npy));
        must(plmr_npy_close(&npy));
    }
}

static void parse_changed(const char *text, size_t n)
{
    plmr_npy_shape shape = {0};
    char *copy = malloc(n + 1); /* of its own, so that a sanitizer sees a read past its end */
    memcpy(copy, text, n);
    plmr_status error = plmr_npy_header_parse("A.npy", copy, n, &shape);
    if (error)
        must_fail(error, "A.npy: ");
    else
        assert_true(shape.rows > 0 && shape.cols > 0 && (shape.n_dims == 1 || shape.n_dims == 2));
    free(copy);
}

static void any_changed_byte_is_survived(void **state)
{
    (void)state;
    char text[] = HEADER("'<f4'", "False", "(12, 34)");
    for (size_t n = 0; n < sizeof text; n++)
        parse_changed(text, n);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        char kept = text[i];
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            parse_changed(text, sizeof text - 1);
        }
        text[i] = kept;
    }
}

enum { ROWS = 7, COLS = 11 };

static uint16_t bits_at(int64_t r, int64_t c)
{
    return (uint16_t)(r * 1000 + c);
}

static void write_block(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1)
{
    enum { LD = COLS + 5 };
    uint16_t memory[ROWS * LD];
    memset(memory, 0xee, sizeof memory);
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c1; c++)
            memory[(r - r0) * LD + c - c0] = bits_at(r, c);
    must(plmr_npy_write(npy, r0, r1, c0, c1, memory, LD));
}

static void check_block(const plmr_npy *npy, int64_t r0, int64_t r1, int64_t c0, int64_t c1, int64_t ld)
{
    uint16_t memory[ROWS * (COLS + 5) + 1];
    memset(memory, 0xee, sizeof memory);
    must(plmr_npy_read(npy, r0, r1, c0, c1, memory, ld));
    for (int64_t r = r0; r < r1; r++)
        for (int64_t c = c0; c < c0 + ld; c++)
            assert_int_equal(memory[(r - r0) * ld + c - c0], c < c1 ? bits_at(r, c) : 0xeeee);
    assert_int_equal(memory[(r1 - r0) * ld], 0xeeee);
}

static void check_all_blocks(const plmr_npy *npy)
{
    for (int64_t r0 = 0; r0 <= ROWS; r0++)
        for (int64_t r1 = r0; r1 <= ROWS; r1++)
            for (int64_t c0 = 0; c0 <= COLS; c0++)
                for (int64_t c1 = c0; c1 <= COLS; c1++) {
                    check_block(npy, r0, r1, c0, c1, c1 - c0);
                    check_block(npy, r0, r1, c0, c1, c1 - c0 + 5);
                }
}

/* Two writers, each through its own descriptor, as two ranks would do it. */
static void blocks_come_back(void **state)
{
    (void)state;
    plmr_npy first, second, back;
    must(plmr_npy_create(path, PLMR_F16, 2, ROWS, COLS, &first));
    must(plmr_npy_attach(&first, &second));
    assert_int_equal(second.rows, ROWS);
    assert_int_equal(second.cols, COLS);
    write_block(&first, 0, 3, 0, COLS);
    write_block(&second, 3, ROWS, 0, 4);
    write_block(&first, 3, ROWS, 4, COLS);
    must(plmr_npy_close(&second));
    must(plmr_npy_commit(&first));
    assert_int_equal(count_drafts(path), 0);
    must(plmr_npy_open(path, &back));
    check_all_blocks(&back);
    must(plmr_npy_close(&back));
}

static void short_and_interrupted_calls_are_finished(void **state)
{
    hostile = true;
    blocks_come_back(state);
    hostile = false;
    assert_true(n_calls > 1000);
}

static void nothing_appears_before_commit(void **state)
{
    (void)state;
    plmr_npy npy, again;
    write_file("old", 3);
    must(plmr_npy_create(path, PLMR_F32, 1, 1, 1000, &npy));
    struct stat now;
    assert_int_equal(stat(npy.path, &now), 0);
    assert_int_equal(now.st_size, 128 + 4000);
    assert_int_equal(stat(path, &now), 0);
    assert_int_equal(now.st_size, 3);
    plmr_npy_discard(&npy);
    plmr_npy_discard(&npy);
    assert_int_equal(count_drafts(path), 0);
    assert_int_equal(stat(path, &now), 0);
    must(plmr_npy_create(path, PLMR_F32, 1, 1, 1000, &npy));
    unlink(npy.path);
    must_fail(plmr_npy_attach(&npy, &again), "No such file");
    must_fail(plmr_npy_commit(&npy), "No such file");
    assert_int_equal(stat(path, &now), 0);
}

/* Two runs write to the same path: neither takes anything from the other, and the last to end is seen. */
/* Another run, that goes on with each byte that comes: makes a draft, and gives it its name or leaves it. */
static void run_another(int go, int done, bool commits)
{
    plmr_npy npy;
    char byte = 0;
    plmr_status made = plmr_npy_create(path, PLMR_F32, 1, 1, 5, &npy);
    bool went = !made && write(done, &byte, 1) == 1 && read(go, &byte, 1) == 1;
    if (went && commits)
        made = plmr_npy_commit(&npy);
    else if (went)
        plmr_npy_discard(&npy);
    _exit(went && !made ? 0 : 1);
}

static pid_t start_another(bool commits, int *go)
{
    int to[2], from[2];
    char byte;
    assert_true(pipe(to) == 0 && pipe(from) == 0);
    pid_t child = fork();
    if (child == 0)
        run_another(to[0], from[1], commits);
    assert_int_equal(read(from[0], &byte, 1), 1);
    close(to[0]);
    close(from[0]);
    close(from[1]);
    *go = to[1];
    return child;
}

static void end_another(pid_t child, int go)
{
    int status;
    assert_int_equal(write(go, "", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(go);
}

static void runs_do_not_meet(void **state)
{
    (void)state;
    plmr_npy one, twice, back;
    int other_go, third_go;
    pid_t other = start_another(true, &other_go), third = start_another(false, &third_go);
    must(plmr_npy_create(path, PLMR_F16, 2, ROWS, COLS, &one));
    must_fail(plmr_npy_create(path, PLMR_F32, 1, 1, 7, &twice), "another option writes this file, too");
    assert_int_equal(count_drafts(path), 3);
    end_another(third, third_go);
    write_block(&one, 0, ROWS, 0, COLS);
    end_another(other, other_go);
    must(plmr_npy_commit(&one));
    must(plmr_npy_open(path, &back));
    check_all_blocks(&back);
    must(plmr_npy_close(&back));
    assert_int_equal(count_drafts(path), 0);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    plmr_npy npy;
    must_fail(plmr_npy_create("/nonexistent/C.npy", PLMR_F32, 2, 2, 2, &npy), "No such file");
    must_fail(plmr_npy_create(folder, PLMR_F32, 2, 2, 2, &npy), "not a regular file");
    must_fail(plmr_npy_create("/dev/null", PLMR_F32, 2, 2, 2, &npy), "not a regular file");
    must_fail(plmr_npy_create(path, PLMR_BF16, 2, 2, 2, &npy), "bf16");
    must_fail(plmr_npy_create(path, PLMR_F32, 2, INT64_MAX, 2, &npy), "more than a file can hold");
    assert_int_equal(count_drafts(path), 0);
}

/* A limit on file sizes stands for a full disk. */
static void a_full_disk_shows_at_once(void **state)
{
    (void)state;
    plmr_npy npy;
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    must_fail(plmr_npy_create(path, PLMR_F32, 2, 1000, 1000, &npy), "no room for 4000128 bytes");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(count_drafts(path), 0);
    assert_int_equal(npy.fd, -1);
}

static void a_file_that_shrinks_is_noticed(void **state)
{
    (void)state;
    plmr_npy npy;
    float data[6];
    write_npy(1, HEADER("'<f4'", "False", "(2, 3)"), 24);
    must(plmr_npy_open(path, &npy));
    assert_int_equal(truncate(path, 80), 0);
    must_fail(plmr_npy_read(&npy, 0, 2, 0, 3, data, 3), "ends early");
    must(plmr_npy_close(&npy));
}

/* Sparse: three rows of 2^31 elements, of which the last four of the last row are written, and read. */
static void what_lies_beyond_4_gb_is_found(void **state)
{
    (void)state;
    const int64_t cols = (int64_t)1 << 31;
    const uint16_t own[4] = {1, 2, 3, 4}, theirs[4] = {5, 6, 7, 8};
    uint16_t got[4] = {0};
    plmr_npy npy, writer;
    write_npy(1, HEADER("'<f2'", "False", "(3, 2147483648)"), 0);
    struct stat at;
    assert_int_equal(stat(path, &at), 0);
    off_t last = at.st_size + 3 * cols * 2 - 8;
    assert_int_equal(truncate(path, last + 8), 0);
    must(plmr_npy_open(path, &npy));
    writer = npy;
    must(plmr_npy_attach(&npy, &writer));
    must(plmr_npy_write(&writer, 2, 3, cols - 4, cols, own, 4));
    must(plmr_npy_close(&writer));
    must(plmr_npy_read(&npy, 2, 3, cols - 4, cols, got, 4));
    assert_memory_equal(got, own, sizeof own);
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseeko(file, last, SEEK_SET), 0);
    assert_int_equal(fwrite(theirs, 1, sizeof theirs, file), sizeof theirs);
    fclose(file);
    must(plmr_npy_read(&npy, 2, 3, cols - 4, cols, got, 4));
    assert_memory_equal(got, theirs, sizeof theirs);
    must(plmr_npy_close(&npy));
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/A.npy", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(every_plain_header_is_read),
        cmocka_unit_test(any_changed_byte_is_survived),
        cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(short_and_interrupted_calls_are_finished),
        cmocka_unit_test(nothing_appears_before_commit),
        cmocka_unit_test(runs_do_not_meet),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(a_full_disk_shows_at_once),
        cmocka_unit_test(a_file_that_shrinks_is_noticed),
        cmocka_unit_test(what_lies_beyond_4_gb_is_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
