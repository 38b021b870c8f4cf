/* Writes what hwloc finds of this machine into a file, where every process of the tests reads it instead of looking again. */
#include <hwloc.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    hwloc_topology_t topology;
    if (argc != 2 || hwloc_topology_init(&topology) || hwloc_topology_load(topology))
        return 1;
    int code = hwloc_topology_export_xml(topology, argv[1], 0) ? 1 : 0;
    hwloc_topology_destroy(topology);
    return code;
}
