#include "infer/deal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int ceil_div(int64_t a, int64_t b)
{
    return (int)plmr_ceil_div(a, b);
}

plmr_deal plmr_deal_plain(int64_t n, int n_slots)
{
    int size = ceil_div(n, n_slots);
    return (plmr_deal){.n_slots = n_slots, .size = size, .n_filled = n ? ceil_div(n, size) : 0, .n = n};
}

static int fewest(int parts, const int *n_of)
{
    int found = parts - 1;
    for (int part = parts - 1; part >= 0; part--)
        found = n_of[part] < n_of[found] ? part : found;
    return found;
}

void plmr_deal_runs(int near, int far, int parts, int *owner)
{
    int *n_of = plmr_take_zeroed(2 * (size_t)parts, sizeof *n_of), *more = n_of + parts;
    for (int i = 0; i < near; i++)
        n_of[owner[i] = plmr_ranks_owner(near, parts, i)]++;
    for (int i = near; i < far; i++) {
        int part = fewest(parts, n_of);
        n_of[part]++;
        more[part]++;
    }
    for (int i = near, part = parts - 1; i < far; i++) {
        while (more[part] == 0)
            part--;
        owner[i] = part;
        more[part]--;
    }
    free(n_of);
}

/* Of a chunk; `seen` has for each group the last chunk that had a part of it, plus 1. */
static int64_t count_groups(const plmr_deal *deal, int chunk, int64_t size, int32_t *seen)
{
    int64_t n = 0;
    for (int i = 0; i < deal->size; i++) {
        int64_t element = plmr_deal_element(deal, (int64_t)chunk * deal->size + i);
        if (element < 0 || seen[element / size] == chunk + 1)
            continue;
        seen[element / size] = chunk + 1;
        n++;
    }
    return n;
}

int64_t plmr_deal_groups(const plmr_deal *deal, int64_t size)
{
    int64_t most = 0;
    int32_t *seen = plmr_take_zeroed((size_t)(deal->n / size) + 1, sizeof *seen);
    for (int chunk = 0; chunk < deal->n_filled; chunk++) {
        int64_t n = count_groups(deal, chunk, size, seen);
        most = n > most ? n : most;
    }
    free(seen);
    return most;
}

plmr_heads plmr_heads_of(const plmr_model_shape *shape, int n_slots)
{
    plmr_heads heads = {
        .n_kv = shape->n_kv_heads,
        .n_rep = shape->n_heads / shape->n_kv_heads,
        .head_dim = shape->head_dim,
        .n_per_core = ceil_div(shape->n_kv_heads, n_slots),
        .span = 1,
        .n_dims = shape->head_dim,
        .halves = shape->rope_pairs == PLMR_ROPE_HALVES,
        .rope_dim = shape->rope_dim,
    };
    if (heads.n_per_core == 1) {
        heads.n_dims = ceil_div(heads.head_dim, n_slots / heads.n_kv);
        heads.span = ceil_div(heads.head_dim, heads.n_dims);
    }
    return heads;
}

int plmr_heads_element(const plmr_heads *heads, int d)
{
    if (d >= heads->head_dim)
        return -1;
    return heads->halves && d < heads->rope_dim ? d / 2 + d % 2 * (heads->rope_dim / 2) : d;
}

/* Place i of chunk `chunk`, for n_rep heads to each key-value head. */
static int32_t head_element(const plmr_heads *heads, int n_rep, int chunk, int i)
{
    int kv = chunk / heads->span * heads->n_per_core + i / (n_rep * heads->n_dims);
    int rep = i / heads->n_dims % n_rep;
    int d = plmr_heads_element(heads, chunk % heads->span * heads->n_dims + i % heads->n_dims);
    return kv < heads->n_kv && d >= 0 ? (kv * n_rep + rep) * heads->head_dim + d : -1;
}

int plmr_heads_columns(const plmr_heads *heads)
{
    return ceil_div(heads->n_kv, heads->n_per_core) * heads->span;
}

static void deal_heads(const plmr_heads *heads, int n_rep, int n_slots, plmr_deal *deal)
{
    *deal = (plmr_deal){
        .n_slots = n_slots,
        .size = heads->n_per_core * n_rep * heads->n_dims,
        .n_filled = plmr_heads_columns(heads),
        .n = (int64_t)heads->n_kv * n_rep * heads->head_dim,
    };
    deal->element = plmr_take((size_t)plmr_deal_places(deal) * sizeof *deal->element);
    for (int chunk = 0; chunk < deal->n_filled; chunk++)
        for (int i = 0; i < deal->size; i++)
            deal->element[(int64_t)chunk * deal->size + i] = head_element(heads, n_rep, chunk, i);
}

void plmr_deal_queries(const plmr_heads *heads, int n_slots, plmr_deal *deal)
{
    deal_heads(heads, heads->n_rep, n_slots, deal);
}

void plmr_deal_keys(const plmr_heads *heads, int n_slots, plmr_deal *deal)
{
    deal_heads(heads, 1, n_slots, deal);
}

void plmr_deal_free(plmr_deal *deal)
{
    free(deal->element);
    deal->element = NULL;
}

plmr_part plmr_part_of(const plmr_deal *deal, const plmr_ring *ring, int place)
{
    plmr_part part = {0};
    plmr_run all[2] = {{0, deal->n_slots}};
    int n = ring ? plmr_ring_runs(ring, place, all) : 1;
    for (int i = 0; i < n; i++) {
        int end = all[i].first + all[i].count;
        end = end < deal->n_filled ? end : deal->n_filled;
        if (end > all[i].first)
            part.runs[part.n_runs++] = (plmr_run){all[i].first, end - all[i].first};
    }
    for (int i = 0; i < part.n_runs; i++)
        part.n_chunks += part.runs[i].count;
    return part;
}

plmr_part plmr_part_here(const plmr_deal *deal, const plmr_ring *ring)
{
    return plmr_part_of(deal, ring, ring ? plmr_ranks_place(ring->region->ranks, ring->axis) : 0);
}

plmr_part plmr_part_folded(const plmr_deal *deal, int n_places, int place)
{
    int n = deal->n_filled, first, count;
    plmr_ranks_share(n, n_places, place, &first, &count);
    int end = first + count, middle = (end + 1) / 2, last = n - first / 2;
    plmr_part part = {2, count, {{(first + 1) / 2, middle - (first + 1) / 2}, {n - end / 2, end / 2 - first / 2}}};
    if (middle == part.runs[1].first)
        part = (plmr_part){1, count, {{part.runs[0].first, last - part.runs[0].first}}};
    return part;
}

int plmr_part_chunk(const plmr_part *part, int i)
{
    return i < part->runs[0].count ? part->runs[0].first + i : part->runs[1].first + i - part->runs[0].count;
}

int plmr_part_index(const plmr_part *part, int chunk)
{
    for (int i = 0, before = 0; i < part->n_runs; before += part->runs[i++].count)
        if (chunk >= part->runs[i].first && chunk < part->runs[i].first + part->runs[i].count)
            return before + chunk - part->runs[i].first;
    return -1;
}

void plmr_part_elements(const plmr_part *part, const plmr_deal *deal, int32_t *elements)
{
    for (int c = 0; c < part->n_chunks; c++) {
        int64_t first = (int64_t)plmr_part_chunk(part, c) * deal->size;
        for (int i = 0; i < deal->size; i++)
            *elements++ = (int32_t)plmr_deal_element(deal, first + i);
    }
}

/* Of chunks one after the other in their order. */
static void pick_run(const plmr_run *run, const plmr_deal *deal, const float *elements, float *picked)
{
    int64_t first = (int64_t)run->first * deal->size, n = (int64_t)run->count * deal->size;
    int64_t full = deal->element ? 0 : plmr_clip(first, n, deal->n);
    if (full)
        memcpy(picked, elements + first, (size_t)full * sizeof *picked);
    for (int64_t i = full; i < n; i++) {
        int64_t element = plmr_deal_element(deal, first + i);
        picked[i] = element < 0 ? 0 : elements[element];
    }
}

void plmr_part_pick(const plmr_part *part, const plmr_deal *deal, const float *elements, float *picked)
{
    for (int i = 0; i < part->n_runs; picked += (int64_t)part->runs[i++].count * deal->size)
        pick_run(&part->runs[i], deal, elements, picked);
}

static int64_t list_laid(const void *context, int place, int32_t *elements)
{
    const plmr_laid *s = context;
    plmr_part part = plmr_part_of(s->deal, s->ring, place);
    if (elements)
        plmr_part_elements(&part, s->deal, elements);
    return plmr_part_places(&part, s->deal);
}

plmr_dealt plmr_laid_dealt(const plmr_laid *laid)
{
    return (plmr_dealt){(int)laid->ring->axis, laid->deal->n, list_laid, laid};
}
