/* machine.h - the machine at hand, as hwloc sees it: where this process runs on it, and its caches. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plmr/status.h"

/* Where this process may run. Numbers are hwloc's, counted from 0 on each host; -1: it may run on several of these, or
 * the system does not say. */
typedef struct plmr_site {
    char host[64];
    int package, numa, l3, l2, core;
    int n_packages, n_numa, n_l3; /* of the host */
    int n_cores;                  /* of the host, as far as its processes may use them */
    bool bound;                   /* this process may not use all of them */
    int64_t l2_bytes, l3_bytes;   /* of the caches of a core that it may use; 0 where the system does not say */
} plmr_site;

/* Asks hwloc: some milliseconds. Local. */
plmr_site plmr_machine_site(void);

/* Whether this process is bound to a part of the processors; takes no time. Local. */
bool plmr_machine_is_bound(void);

/* Binds this process to a core of its own, as the index-th of n_processes on this host; neighbours get cores that share
 * caches. Does nothing where it is bound already, or where there are fewer cores. Local. */
void plmr_machine_bind(int index, int n_processes);

/* Bytes of the second-level cache that a core has, and of the last-level cache that is left to each of n_ranks ranks
 * on this host, spread evenly over its caches; 0 where the system does not say. Local. */
void plmr_machine_caches(int n_ranks, size_t *l2_bytes, size_t *l3_bytes);

/* Bytes of memory that this process can still take, what its host keeps of files included: of the host's, and of what its
 * control groups may have (a container's, a job's); 0 where the system does not say. Local. */
int64_t plmr_machine_free_bytes(void);

/* The same of a machine whose files lie in the folder `root`, "" being this one. Local. */
int64_t plmr_machine_free_bytes_of(const char *root);

/* Fails where n_bytes are more than that: "NAME takes 3.0 GB of memory, and this host has 2.0 GB left". Local. */
plmr_status plmr_machine_room(double n_bytes, const char *what);

/* What is left to a rank of a cache of which the host has n_caches. */
size_t plmr_cache_share(size_t n_bytes, int n_caches, int n_ranks);
