#include "infer/load.h"

#include <math.h>

#include "model/experts.h"

static double share_of(const plmr_expert_load *load, int layer, int expert)
{
    if (load->share)
        return load->share[(layer % load->n_layers) * load->n_experts + expert];
    return pow(expert + 1, -load->skew);
}

/* What shares come to as whole numbers of n, the rest going to the first; none more than `most`, of whom others get what is
 * too much. */
int64_t plmr_expert_load_deal(const plmr_expert_load *load, const plmr_model_shape *shape, int layer, int64_t n_tokens,
                              int64_t *tokens)
{
    double share[PLMR_MOST_EXPERTS], sum = 0;
    int n = shape->n_experts;
    int64_t left = n_tokens * shape->n_used, dropped = 0;
    for (int e = 0; e < n; e++)
        sum += share[e] = share_of(load, layer, e);
    int64_t to_deal = left;
    for (int e = 0; e < n; e++) {
        double want = sum > 0 ? (double)to_deal * share[e] / sum : 0;
        tokens[e] = want < (double)n_tokens ? (int64_t)want : n_tokens;
        left -= tokens[e];
    }
    for (int e = 0; left > 0; e = (e + 1) % n)
        if (tokens[e] < n_tokens) {
            tokens[e]++;
            left--;
        }
    int64_t most = (int64_t)ceil(load->capacity * (double)to_deal / n);
    for (int e = 0; e < n && load->capacity > 0; e++)
        if (tokens[e] > most) {
            dropped += tokens[e] - most;
            tokens[e] = most;
        }
    return dropped;
}
