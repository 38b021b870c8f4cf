#include "text/likely.h"

#include <math.h>

double plmr_likely_log_sum(const float *logits, int n)
{
    float most = -INFINITY; /* of floats: gcc 12 fails over a maximum of doubles that were floats, for ARM */
    double sum = 0;
    for (int i = 0; i < n; i++)
        most = fmaxf(most, logits[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)most);
    return (double)most + log(sum);
}

void plmr_likely_find(const float *logits, int n, int n_ids, int32_t *ids)
{
    int n_found = 0;
    for (int32_t id = 0; id < n && n_ids > 0; id++) {
        if (n_found == n_ids && logits[id] <= logits[ids[n_ids - 1]])
            continue;
        int at = n_found < n_ids ? n_found++ : n_ids - 1;
        for (; at > 0 && logits[id] > logits[ids[at - 1]]; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
    }
}
