/* isa_turns.h - chains that go once around a ring of n_k places, each from a place of its own, for kernels that take k in order: in
 * two turns, the first with k from where chains start on, the second with those before. For example chains that start at 2, 4
 * and 5 of 8, so that lo is 2 and hi 5:
 *
 *     first turn   k 2 3 4: some of them (those that have started)   k 5 6 7: all
 *     second       k 0 1: all   k 2 3 4: some (those that start later)
 *
 * Included once by each file that is compiled for every instruction set. */
#pragma once

#include "base/larger.h"
#include "kernel/isa_vector.h"

struct turn {
    bool second;
    int64_t lo, hi; /* between these some have started */
};

/* k <= kk < end; none if that is so of no kk. */
struct stretch {
    int64_t k, end;
};

PLMR_INLINE struct turn first_turn(size_t n, const int32_t *start, int64_t n_k)
{
    struct turn t = {false, n_k, 0};
    for (size_t i = 0; i < n; i++) {
        t.lo = plmr_smaller(t.lo, start[i]);
        t.hi = plmr_larger(t.hi, plmr_smaller(start[i], n_k));
    }
    return t;
}

/* What some chains, and what all of them, take of k <= kk < end. */
PLMR_INLINE struct stretch some_of(const struct turn *t, int64_t k, int64_t end)
{
    return (struct stretch){plmr_larger(k, t->lo), plmr_smaller(end, t->hi)};
}

PLMR_INLINE struct stretch all_of(const struct turn *t, int64_t k, int64_t end)
{
    return (struct stretch){t->second ? k : plmr_larger(k, t->hi), t->second ? plmr_smaller(end, t->lo) : end};
}

/* Chains that take k, where some do: in the first turn those that have started by then, in the second those that start later. */
PLMR_INLINE vmask takes_k(bool second, const int32_t *start, int32_t k)
{
    vi from = vi_load(start);
    return vi_within(second ? from - 1 - k : k - from, INT32_MAX);
}

/* Zeros, of which -0 becomes +0: for all chains, or for those that start among them. */
PLMR_INLINE void add_zeros(size_t n, const int32_t *start, int64_t least_start, float *sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = start[i] >= least_start ? sums[i] + 0.0F : sums[i];
}
