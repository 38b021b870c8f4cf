/* Memory that is mapped beforehand meets no faults when it is read. */
#include "support.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"

enum { N_PAGES = 4096 }; /* faults of files bring a few pages each */

/* The sanitizer's own notes of these bytes would be touched, too: a fault for every eighth page. */
__attribute__((no_sanitize_address)) static int read_pages(const volatile unsigned char *from, size_t n_bytes,
                                                           size_t page)
{
    int sum = 0;
    for (size_t at = 0; at < n_bytes; at += page)
        sum |= from[at];
    return sum;
}

static long count_faults(const unsigned char *from, size_t n_bytes, size_t page)
{
    struct rusage before, after;
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    int sum = read_pages(from, n_bytes, page);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(sum, 0);
    return after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
}

static void touched_pages_are_there(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n_bytes = N_PAGES * page;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), (off_t)n_bytes), 0);
    unsigned char *map = mmap(NULL, n_bytes, PROT_READ, MAP_SHARED, fileno(file), 0);
    assert_true(map != MAP_FAILED);
#if defined(MADV_POPULATE_READ)
    bool can = madvise(map, page, MADV_POPULATE_READ) == 0; /* Linux from 5.14 on */
#else
    bool can = false;
#endif
    plmr_memory_touch(map + page + 7, n_bytes / 2 - page - 7);
    long there = count_faults(map, n_bytes / 2, page), rest = count_faults(map + n_bytes / 2, n_bytes / 2, page);
    if (can)
        assert_true(there * 8 < rest);
    plmr_memory_touch(map, 0);
    munmap(map, n_bytes);
    fclose(file);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(touched_pages_are_there)};

TEST_MAIN(tests)
