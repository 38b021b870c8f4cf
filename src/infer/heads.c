#include "infer/heads.h"

#include <math.h>
#include <string.h>

void plmr_heads_gather(const plmr_heads *heads, int n_rep, const float *by_cores, float *to, size_t ld_rep)
{
    size_t n = (size_t)heads->n_dims;
    for (int core = 0; core < heads->span; core++)
        for (int rep = 0; rep < n_rep; rep++, by_cores += n)
            memcpy(to + (size_t)rep * ld_rep + (size_t)core * n, by_cores, n * sizeof *to);
}

void plmr_heads_scatter(const plmr_heads *heads, int n_rep, const float *from, size_t ld_rep, float *by_cores)
{
    size_t n = (size_t)heads->n_dims;
    for (int core = 0; core < heads->span; core++)
        for (int rep = 0; rep < n_rep; rep++, by_cores += n)
            memcpy(by_cores, from + (size_t)rep * ld_rep + (size_t)core * n, n * sizeof *from);
}

float plmr_heads_scale(const plmr_heads *heads)
{
    return 1 / sqrtf((float)heads->head_dim);
}
