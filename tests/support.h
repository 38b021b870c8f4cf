/* support.h - what tests on several ranks share. Include after nothing: it brings cmocka and its needs. */
#ifndef PLMR_TEST_SUPPORT_H
#define PLMR_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/share.h"
#include "plmr/device.h"
#include "plmr/ranks.h"
#include "region/region.h"

/* The sanitizers look at every access and not at how often something holds, and take six times as long: a test of many alike cases
 * may try fewer of them there. */
#if defined(__SANITIZE_ADDRESS__)
enum { TEST_SANITIZED = 1 };
#else
enum { TEST_SANITIZED = 0 };
#endif

/* The expression succeeds; else the test fails with its text. */
static inline void must(plmr_status status)
{
    if (status)
        fail_msg("%s", plmr_error_text(status));
}

/* The expression fails with this code and a text that contains `words`. */
static inline void must_fail(plmr_status status, enum plmr_code code, const char *words)
{
    assert_non_null(status);
    if (!strstr(plmr_error_text(status), words))
        fail_msg("'%s' does not contain '%s'", plmr_error_text(status), words);
    assert_int_equal(plmr_error_code(status), code);
    plmr_error_free(status);
}

/* The same numbers on every rank. */
static inline uint32_t test_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static inline plmr_device test_device(const char *name)
{
    plmr_device device;
    must(plmr_device_load(name, &device));
    return device;
}

/* The text of a file that comes with plmr, in `text` of `size` bytes. */
static inline void test_shared_text(const char *relative, char *text, size_t size)
{
    char path[4096];
    must(plmr_share_path(relative, path, sizeof path));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, size - 1, file);
    fclose(file);
    assert_in_range(n, 100, size - 2);
    text[n] = '\0';
}

/* Replaces the first `from` in text by `to`. */
static inline void test_replace(char *text, size_t size, const char *from, const char *to)
{
    char *at = strstr(text, from);
    assert_non_null(at);
    if (!at) /* which the compiler does not see in the line before */
        return;
    size_t tail = strlen(at + strlen(from)) + 1;
    assert_true((size_t)(at - text) + strlen(to) + tail <= size);
    memmove(at + strlen(to), at + strlen(from), tail);
    memcpy(at, to, strlen(to));
}

/* A region over all ranks and its ranks. */
struct test_region {
    plmr_ranks *ranks;
    plmr_region *region;
};

static inline struct test_region test_region_open(const plmr_device *device, int rows, int cols,
                                                  const plmr_region_options *options)
{
    struct test_region t;
    must(plmr_ranks_create(0, 0, rows, cols, &t.ranks));
    must(plmr_region_create(t.ranks, device, rows, cols, options, &t.region));
    return t;
}

static inline void test_region_close(struct test_region *t)
{
    plmr_region_destroy(t->region);
    plmr_ranks_destroy(t->ranks);
}

/* Runs the tests of a program that uses several ranks. */
#define TEST_MAIN(tests)                                                                                               \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        must_start(plmr_init(&argc, &argv));                                                                           \
        int n_failed = cmocka_run_group_tests(tests, NULL, NULL);                                                      \
        plmr_finalize();                                                                                               \
        return n_failed;                                                                                               \
    }

static inline void must_start(plmr_status status)
{
    if (status)
        plmr_abort(__FILE__, __LINE__, plmr_error_text(status));
}

#endif
