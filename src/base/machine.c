#include "base/machine.h"

#include <hwloc.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The topology with all that is asked of it; NULL if hwloc fails. */
static hwloc_topology_t load(void)
{
    hwloc_topology_t topology;
    if (hwloc_topology_init(&topology))
        return NULL;
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_cache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_PACKAGE, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_type_filter(topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    if (hwloc_topology_load(topology) == 0)
        return topology;
    hwloc_topology_destroy(topology);
    return NULL;
}

/* Read once: that takes some milliseconds and moves the process onto every processor in turn, and many commands can be one
 * process's. */
static hwloc_topology_t machine(void)
{
    static hwloc_topology_t kept;
    if (!kept)
        kept = load();
    return kept;
}

/* The one object of a type that holds all these processors; -1: there is none. */
static int covering(hwloc_topology_t topology, hwloc_const_cpuset_t set, hwloc_obj_type_t type)
{
    for (hwloc_obj_t obj = NULL; (obj = hwloc_get_next_obj_by_type(topology, type, obj));)
        if (hwloc_bitmap_isincluded(set, obj->cpuset))
            return (int)obj->logical_index;
    return -1;
}

static int64_t cache_bytes(hwloc_topology_t topology, hwloc_const_cpuset_t set, hwloc_obj_type_t type)
{
    for (hwloc_obj_t obj = NULL; (obj = hwloc_get_next_obj_by_type(topology, type, obj));)
        if (hwloc_bitmap_intersects(set, obj->cpuset))
            return (int64_t)obj->attr->cache.size;
    return 0;
}

static void find_site(hwloc_topology_t topology, hwloc_cpuset_t set, plmr_site *site)
{
    hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(topology);
    if (hwloc_get_cpubind(topology, set, HWLOC_CPUBIND_PROCESS))
        hwloc_bitmap_copy(set, all);
    hwloc_bitmap_and(set, set, all);
    site->package = covering(topology, set, HWLOC_OBJ_PACKAGE);
    site->numa = covering(topology, set, HWLOC_OBJ_NUMANODE);
    site->l3 = covering(topology, set, HWLOC_OBJ_L3CACHE);
    site->l2 = covering(topology, set, HWLOC_OBJ_L2CACHE);
    site->core = covering(topology, set, HWLOC_OBJ_CORE);
    site->l3_bytes = cache_bytes(topology, set, HWLOC_OBJ_L3CACHE);
    site->l2_bytes = cache_bytes(topology, set, HWLOC_OBJ_L2CACHE);
    site->n_packages = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE);
    site->n_numa = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE);
    site->n_l3 = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_L3CACHE);
    int n_cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    site->n_cores = n_cores > 0 ? n_cores : hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
    site->bound = !hwloc_bitmap_isincluded(all, set);
}

/* A batch system's own name of the node, where there is one: several of its nodes can be one machine. */
static void find_host(char *host, size_t size)
{
    const char *node = getenv("SLURMD_NODENAME");
    if (node && *node)
        snprintf(host, size, "%s", node);
    else if (gethostname(host, size - 1) != 0)
        snprintf(host, size, "unknown");
}

plmr_site plmr_machine_site(void)
{
    plmr_site site = {.package = -1, .numa = -1, .l3 = -1, .l2 = -1, .core = -1, .n_cores = 1};
    find_host(site.host, sizeof site.host);
    hwloc_topology_t topology = machine();
    hwloc_cpuset_t set = hwloc_bitmap_alloc();
    if (topology && set)
        find_site(topology, set, &site);
    hwloc_bitmap_free(set);
    return site;
}

static void bind_in(hwloc_topology_t topology, int index, int n_processes, hwloc_cpuset_t set)
{
    hwloc_obj_t core = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, (unsigned)index);
    bool asked = hwloc_get_cpubind(topology, set, HWLOC_CPUBIND_PROCESS) == 0;
    bool bound = asked && !hwloc_bitmap_isincluded(hwloc_topology_get_topology_cpuset(topology), set);
    if (!bound && core && hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) >= n_processes)
        hwloc_set_cpubind(topology, core->cpuset, HWLOC_CPUBIND_PROCESS);
}

void plmr_machine_bind(int index, int n_processes)
{
    hwloc_topology_t topology = machine();
    hwloc_cpuset_t set = hwloc_bitmap_alloc();
    if (topology && set)
        bind_in(topology, index, n_processes, set);
    hwloc_bitmap_free(set);
}

bool plmr_machine_is_bound(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) < sysconf(_SC_NPROCESSORS_ONLN);
}

size_t plmr_cache_share(size_t n_bytes, int n_caches, int n_ranks)
{
    int n_sharers = n_caches > 0 ? (n_ranks + n_caches - 1) / n_caches : n_ranks;
    return n_sharers > 1 ? n_bytes / (size_t)n_sharers : n_bytes;
}

void plmr_machine_caches(int n_ranks, size_t *l2_bytes, size_t *l3_bytes)
{
    *l2_bytes = *l3_bytes = 0;
    hwloc_topology_t topology = machine();
    if (!topology)
        return;
    hwloc_const_cpuset_t all = hwloc_topology_get_topology_cpuset(topology);
    int n_l3 = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_L3CACHE);
    *l2_bytes = (size_t)cache_bytes(topology, all, HWLOC_OBJ_L2CACHE);
    *l3_bytes = plmr_cache_share((size_t)cache_bytes(topology, all, HWLOC_OBJ_L3CACHE), n_l3, n_ranks);
}

/* The number behind a name at the start of a line of a file; -1: there is none. */
static int64_t number_in(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    long long number = -1;
    size_t n = strlen(name);
    while (file && number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, n) == 0 && sscanf(line + n, "%lld", &number) != 1)
            number = -1;
    if (file)
        fclose(file);
    return number;
}

/* What a control group may still have; -1: as much as there is. Files that it keeps are given up for it. */
static int64_t left_in_group(const char *folder)
{
    char path[PATH_MAX + 32];
    static const char *const files[] = {"memory.max", "memory.current", "memory.stat"};
    static const char *const names[] = {"", "", "inactive_file "};
    int64_t is[3];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        is[i] = number_in(path, names[i]);
    }
    int64_t left = is[0] - is[1] + (is[2] > 0 ? is[2] : 0);
    return is[0] < 0 || is[1] < 0 ? -1 : left < 0 ? 0 : left;
}

/* Of this process's group and those around it, the least; `most` if none has a limit. */
static int64_t left_in_groups(const char *root, int64_t most)
{
    char path[PATH_MAX], own[PATH_MAX / 2] = "", *end;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (!file)
        return most;
    while (fgets(own, sizeof own, file) && strncmp(own, "0::/", 4) != 0)
        own[0] = '\0';
    fclose(file);
    own[strcspn(own, "\n")] = '\0';
    size_t start = (size_t)snprintf(path, sizeof path, "%.1000s/sys/fs/cgroup", root);
    snprintf(path + start, sizeof path - start, "%s", own[0] ? own + strlen("0::") : "");
    do {
        int64_t left = left_in_group(path);
        most = left >= 0 && left < most ? left : most;
        end = strrchr(path + start, '/');
        if (end)
            *end = '\0';
    } while (end);
    return most;
}

int64_t plmr_machine_free_bytes_of(const char *root)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    int64_t kb = number_in(path, "MemAvailable:");
    return kb < 0 ? 0 : left_in_groups(root, kb << 10);
}

int64_t plmr_machine_free_bytes(void)
{
    return plmr_machine_free_bytes_of("");
}

plmr_status plmr_machine_room(double n_bytes, const char *what)
{
    double left = (double)plmr_machine_free_bytes();
    PLMR_CHECK(left <= 0 || n_bytes <= left, PLMR_ERROR_LIMIT,
               "%s takes %.1f GB of memory, and this host has %.1f GB left", what, n_bytes / 1e9, left / 1e9);
    return PLMR_OK;
}
