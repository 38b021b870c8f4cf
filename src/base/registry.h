/* registry.h - the things of one kind that users call by name: algorithms, plans, parts of the paper.
 *
 * A thing is one const struct whose first member is its name. Folders list theirs in their meson.build, from which
 * registry.c.in makes the array: a new thing is one file and one word there. In the kind's header stands
 *
 *   PLMR_REGISTRY(gemm, plmr_gemm_algorithm)
 *
 * and so there are plmr_gemm_count(), plmr_gemm_at(0) and plmr_gemm_find("cannon"), and, for what works on things of
 * any kind, such as options, plmr_gemm_registry. All of it is constant and local.
 */
#pragma once

#include <stddef.h>
#include <string.h>

typedef struct plmr_registry {
    const void *const *all; /* each the address of a struct that starts with its name */
    int n;
} plmr_registry;

static inline const char *plmr_name_of(const void *thing)
{
    return *(const char *const *)thing;
}

/* Of things whose second member it is. */
static inline const char *plmr_summary_of(const void *thing)
{
    return ((const char *const *)thing)[1];
}

/* NULL: there is none of that name. */
static inline const void *plmr_registry_find(const plmr_registry *registry, const char *name)
{
    for (int i = 0; i < registry->n; i++)
        if (strcmp(plmr_name_of(registry->all[i]), name) == 0)
            return registry->all[i];
    return NULL;
}

#define PLMR_REGISTRY(kind, type)                                                                                      \
    extern const plmr_registry plmr_##kind##_registry;                                                                 \
    static inline int plmr_##kind##_count(void)                                                                        \
    {                                                                                                                  \
        return plmr_##kind##_registry.n;                                                                               \
    }                                                                                                                  \
    static inline const type *plmr_##kind##_at(int i)                                                                  \
    {                                                                                                                  \
        return plmr_##kind##_registry.all[i];                                                                          \
    }                                                                                                                  \
    static inline const type *plmr_##kind##_find(const char *name)                                                     \
    {                                                                                                                  \
        return plmr_registry_find(&plmr_##kind##_registry, name);                                                      \
    }
