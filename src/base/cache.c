#include "base/cache.h"

#include <hwloc.h>
#include <stdlib.h>

static size_t cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type)
{
    hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
    return cache ? (size_t)cache->attr->cache.size : 0;
}

static size_t ranks_here(void)
{
    const char *text = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    long n = text ? atol(text) : 1;
    return n < 1 ? 1 : (size_t)n;
}

void plmr_cache_sizes(size_t *l2_bytes, size_t *l3_bytes)
{
    hwloc_topology_t topology;
    *l2_bytes = *l3_bytes = 0;
    if (hwloc_topology_init(&topology))
        return;
    hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_cache_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
    if (hwloc_topology_load(topology) == 0) {
        *l2_bytes = cache_bytes(topology, HWLOC_OBJ_L2CACHE);
        *l3_bytes = cache_bytes(topology, HWLOC_OBJ_L3CACHE) / ranks_here();
    }
    hwloc_topology_destroy(topology);
}
