/* How much memory is left, as the files of a system of this test's own making have it. */
#include "tests/support.h"

#include <sys/stat.h>

#include "base/machine.h"

static char root[] = "/tmp/plmr_machine_XXXXXX";

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "mkdir -p %s/%s", root, folder);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void the_least_limit_counts(void **state)
{
    (void)state;
    assert_int_equal(plmr_machine_free_bytes_of(root), 0);
    put("proc", "meminfo", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    500 kB\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 500 << 10);
    put("proc/self", "cgroup", "12:memory:/old\n0::/job/step\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 500 << 10);
    put("sys/fs/cgroup/job/step", "memory.max", "max\n");
    put("sys/fs/cgroup/job/step", "memory.current", "1000\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 500 << 10);
    put("sys/fs/cgroup/job", "memory.max", "300000\n");
    put("sys/fs/cgroup/job", "memory.current", "290000\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 10000);
    put("sys/fs/cgroup/job", "memory.stat", "anon 1000\nfile 3\ninactive_file 5000\nactive_file 7\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 15000);
    put("sys/fs/cgroup/job/step", "memory.max", "3000\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 2000);
    put("proc/self", "cgroup", "0::/\n");
    put("sys/fs/cgroup", "memory.max", "9000\n");
    put("sys/fs/cgroup", "memory.current", "9500\n");
    assert_int_equal(plmr_machine_free_bytes_of(root), 0);
}

static void what_is_too_much_is_refused(void **state)
{
    (void)state;
    must(plmr_machine_room(1, "a byte"));
    must_fail(plmr_machine_room(1e18, "much"), PLMR_ERROR_LIMIT,
              "much takes 1000000000.0 GB of memory, and this host has ");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_limit_counts),
        cmocka_unit_test(what_is_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
