#include "infer/regroup.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What one core holds of one key-value head. */
struct piece {
    int kv, part;   /* the head, and which of its cores */
    int holder;     /* the rank that the core belongs to */
    int64_t column; /* where it lies by columns, for the holder */
};

static int width_of(const plmr_regroup *r)
{
    return r->deal->size / r->grid->heads.n_per_core;
}

static int piece_count(const plmr_regroup *r)
{
    return r->deal->n_filled * r->grid->heads.n_per_core;
}

static struct piece piece_at(const plmr_regroup *r, const plmr_part *mine, int i)
{
    const plmr_heads *heads = &r->grid->heads;
    int chunk = i / heads->n_per_core, j = i % heads->n_per_core, index = plmr_part_index(mine, chunk);
    return (struct piece){
        .kv = chunk / heads->span * heads->n_per_core + j,
        .part = chunk % heads->span,
        .holder = plmr_ring_owner(r->grid->x, chunk),
        .column = (int64_t)index * r->deal->size + (int64_t)j * width_of(r),
    };
}

static void copy_rows(int64_t n_rows, size_t width, const float *from, size_t ld_from, float *to, size_t ld_to)
{
    for (int64_t row = 0; row < n_rows; row++)
        memcpy(to + (size_t)row * ld_to, from + (size_t)row * ld_from, width * sizeof *to);
}

struct crossing {
    const plmr_regroup *r;
    plmr_part mine;
    int me;
    bool to_heads;
};

static float *in_head(const struct crossing *c, const struct piece *p, size_t *ld)
{
    *ld = (size_t)(c->r->grid->heads.span * width_of(c->r));
    return c->r->head[p->kv] + p->part * width_of(c->r);
}

static void copy_own(const struct crossing *c, const struct piece *p)
{
    size_t ld, width = (size_t)width_of(c->r);
    float *head = in_head(c, p, &ld), *columns = c->r->columns + p->column;
    if (c->to_heads)
        copy_rows(c->r->n_rows, width, columns, c->r->ld, head, ld);
    else
        copy_rows(c->r->n_rows, width, head, ld, columns, c->r->ld);
}

/* Between this rank's side of a piece and a message. */
static void copy_message(const struct crossing *c, const struct piece *p, bool holds, float *message, bool out)
{
    size_t ld = c->r->ld, width = (size_t)width_of(c->r);
    float *at = holds ? c->r->columns + p->column : in_head(c, p, &ld);
    if (out)
        copy_rows(c->r->n_rows, width, at, ld, message, width);
    else
        copy_rows(c->r->n_rows, width, message, width, at, ld);
}

/* Sends every piece whose other side is elsewhere, or takes it from its message: `out` says which side this is. */
static plmr_status pass_pieces(const struct crossing *c, plmr_exchange *messages, float *buffer, bool out, bool unpack)
{
    size_t n = (size_t)c->r->n_rows * (size_t)width_of(c->r);
    for (int i = 0; i < piece_count(c->r); i++) {
        struct piece p = piece_at(c->r, &c->mine, i);
        if (p.kv >= c->r->grid->heads.n_kv)
            continue;
        int owner = c->r->owner[p.kv];
        bool holds = out == c->to_heads; /* this rank's side, if it has one, is by columns */
        if (owner == p.holder || (holds ? p.holder : owner) != c->me)
            continue;
        int other = holds ? owner : p.holder;
        if (out) {
            copy_message(c, &p, holds, buffer, true);
            plmr_exchange_send(messages, PLMR_X, other, buffer, n * sizeof *buffer);
        } else if (unpack) {
            copy_message(c, &p, holds, buffer, false);
        } else {
            plmr_exchange_receive(messages, PLMR_X, other, buffer, n * sizeof *buffer);
        }
        buffer += n;
    }
    return PLMR_OK;
}

static int count_crossing(const struct crossing *c)
{
    int n = 0;
    for (int i = 0; i < piece_count(c->r); i++) {
        struct piece p = piece_at(c->r, &c->mine, i);
        n += p.kv < c->r->grid->heads.n_kv && c->r->owner[p.kv] != p.holder &&
             (p.holder == c->me || c->r->owner[p.kv] == c->me);
    }
    return n;
}

static plmr_status cross(const struct crossing *c, int n_crossing)
{
    size_t n = (size_t)n_crossing * (size_t)c->r->n_rows * (size_t)width_of(c->r);
    float *buffers = plmr_take(2 * n * sizeof *buffers);
    plmr_exchange *messages = plmr_exchange_create(c->r->grid->ranks);
    plmr_status status = pass_pieces(c, messages, buffers, false, false);
    if (!status)
        status = pass_pieces(c, messages, buffers + n, true, false);
    if (messages)
        plmr_exchange_wait(messages);
    if (!status)
        status = pass_pieces(c, messages, buffers, false, true);
    plmr_exchange_destroy(messages);
    free(buffers);
    return status;
}

plmr_status plmr_regroup_run(const plmr_regroup *r, bool to_heads)
{
    struct crossing c = {r, plmr_grid_part(r->grid, r->deal), plmr_ranks_place(r->grid->ranks, PLMR_X), to_heads};
    for (int i = 0; i < piece_count(r); i++) {
        struct piece p = piece_at(r, &c.mine, i);
        if (p.kv < r->grid->heads.n_kv && p.holder == c.me && r->owner[p.kv] == c.me)
            copy_own(&c, &p);
    }
    int n_crossing = count_crossing(&c);
    return n_crossing ? cross(&c, n_crossing) : PLMR_OK;
}
