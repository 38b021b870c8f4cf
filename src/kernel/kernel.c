#include "kernel/kernel.h"

#include "kernel/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

#if defined(__x86_64__)
/* F16C, which both use too, has no name that every compiler knows; every processor with AVX2 and FMA has it. */
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

const plmr_isa *plmr_isa_find(const char *name)
{
#if defined(__x86_64__)
    if (strcmp(name, plmr_isa_avx512.name) == 0)
        return has_avx512() ? &plmr_isa_avx512 : NULL;
    if (strcmp(name, plmr_isa_avx2.name) == 0)
        return has_avx2() ? &plmr_isa_avx2 : NULL;
#endif
    return strcmp(name, plmr_isa_portable.name) == 0 ? &plmr_isa_portable : NULL;
}

static const char *const best_first[] = {"avx512", "avx2", "portable"};

plmr_status plmr_kernel_check(void)
{
    int index;
    const char *asked = getenv("PLMR_KERNEL");
    if (!asked || !*asked)
        return PLMR_OK;
    PLMR_TRY(plmr_parse_word("PLMR_KERNEL", asked, best_first, sizeof best_first / sizeof *best_first, &index));
    PLMR_CHECK(plmr_isa_find(asked), PLMR_ERROR_INPUT,
               "PLMR_KERNEL: this processor cannot run %s: leave it out for the best that it can", asked);
    return PLMR_OK;
}

static const plmr_isa *choose(void)
{
    const char *asked = getenv("PLMR_KERNEL");
    const plmr_isa *isa = asked && *asked ? plmr_isa_find(asked) : NULL;
    for (size_t i = 0; !isa; i++)
        isa = plmr_isa_find(best_first[i]);
    return isa;
}

const plmr_isa *plmr_isa_chosen(void)
{
    static _Atomic(const plmr_isa *) chosen; /* the choice never changes, and must cost nothing in small calls */
    const plmr_isa *isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!isa)
        atomic_store_explicit(&chosen, isa = choose(), memory_order_relaxed);
    return isa;
}

const plmr_vector_functions *plmr_vectors(void)
{
    return plmr_isa_chosen()->on_vectors;
}

const plmr_attention_functions *plmr_attention(void)
{
    return plmr_isa_chosen()->attention;
}

const plmr_line_functions *plmr_lines(void)
{
    return plmr_isa_chosen()->lines;
}

const plmr_few_functions *plmr_few(void)
{
    return plmr_isa_chosen()->few_rows;
}

const plmr_packed_functions *plmr_packed(void)
{
    return plmr_isa_chosen()->packed;
}

const plmr_few_packed_functions *plmr_few_packed(void)
{
    return plmr_isa_chosen()->few_packed;
}

const char *plmr_kernel_name(void)
{
    return plmr_isa_chosen()->name;
}

int plmr_gemm_rows(void)
{
    return plmr_isa_chosen()->rows;
}

void plmr_vector_add(enum plmr_dtype accumulate, int64_t n, const float *restrict part, float *restrict acc)
{
    plmr_isa_chosen()->vector_add(accumulate, n, part, acc);
}

void plmr_convert_to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    plmr_isa_chosen()->to_float(dtype, n, from, to);
}

void plmr_convert_from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to)
{
    plmr_isa_chosen()->from_float(dtype, n, from, to);
}
