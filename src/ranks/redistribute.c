#include "ranks/redistribute.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/internal.h"

/* ---- who has what ---- */

/* Numbers, in this rank's list of a dimension, of what crosses between it and each place of an axis. */
struct crossing {
    int64_t *first; /* by place: those from first[place] to first[place + 1] of */
    int32_t *number;
};

struct dimension {
    const plmr_dealt *before, *after;
    struct crossing out, in;
};

static int place_of(const plmr_dealt *dealt, const int place[2])
{
    return dealt->axis == PLMR_WHOLE ? 0 : place[dealt->axis];
}

static int place_count(const plmr_ranks *ranks, const plmr_dealt *dealt)
{
    return dealt->axis == PLMR_WHOLE ? 1 : ranks->extent[dealt->axis];
}

static int64_t list(const plmr_dealt *dealt, int place, int32_t *elements)
{
    if (dealt->list)
        return dealt->list(dealt->context, place, elements);
    for (int64_t i = 0; i < dealt->n && elements; i++)
        elements[i] = (int32_t)i;
    return dealt->n;
}

/* What this rank has of the list that a place wants, in that list's order. */
static void list_out(struct dimension *d, int n_places, const int32_t *number_of, int32_t *wanted)
{
    int64_t n = 0, room = 0;
    for (int place = 0; place < n_places; place++)
        room += list(d->after, place, NULL);
    d->out.first = plmr_take((size_t)(n_places + 1) * sizeof *d->out.first);
    d->out.number = plmr_take((size_t)(room + 1) * sizeof *d->out.number);
    for (int place = 0; place < n_places; place++) {
        d->out.first[place] = n;
        int64_t n_wanted = list(d->after, place, wanted);
        for (int64_t i = 0; i < n_wanted; i++)
            if (wanted[i] >= 0 && number_of[wanted[i]] >= 0)
                d->out.number[n++] = number_of[wanted[i]];
    }
    d->out.first[n_places] = n;
}

/* What this rank wants of what each place has, in the order of this rank's list. */
static void list_in(struct dimension *d, int n_places, const int32_t *owner, const int32_t *wanted, int64_t n_wanted)
{
    int64_t *first = plmr_take_zeroed((size_t)n_places + 2, sizeof *first);
    d->in.first = first;
    d->in.number = plmr_take((size_t)(n_wanted + 1) * sizeof *d->in.number);
    for (int64_t i = 0; i < n_wanted; i++)
        if (wanted[i] >= 0 && owner[wanted[i]] >= 0)
            first[owner[wanted[i]] + 2]++;
    for (int place = 0; place < n_places; place++)
        first[place + 2] += first[place + 1];
    for (int64_t i = 0; i < n_wanted; i++)
        if (wanted[i] >= 0 && owner[wanted[i]] >= 0)
            d->in.number[first[owner[wanted[i]] + 1]++] = (int32_t)i;
}

static int64_t longest_list(const plmr_ranks *ranks, const plmr_dealt *dealt)
{
    int64_t longest = 0;
    for (int place = 0; place < place_count(ranks, dealt); place++) {
        int64_t n = list(dealt, place, NULL);
        longest = n > longest ? n : longest;
    }
    return longest;
}

static struct dimension compare(const plmr_ranks *ranks, const plmr_dealt *before, const plmr_dealt *after)
{
    struct dimension d = {.before = before, .after = after};
    PLMR_ASSERT(before->n == after->n && before->n <= INT32_MAX);
    size_t n = (size_t)before->n, n_had = (size_t)longest_list(ranks, before);
    size_t n_wanted = (size_t)longest_list(ranks, after), longest = n_had > n_wanted ? n_had : n_wanted;
    int32_t *owner = plmr_take((2 * n + longest + 1) * sizeof *owner), *number_of = owner + n, *some = number_of + n;
    memset(owner, -1, 2 * n * sizeof *owner);
    for (int place = 0; place < place_count(ranks, before); place++) {
        int64_t n_here = list(before, place, some);
        for (int64_t i = 0; i < n_here; i++) {
            if (some[i] >= 0)
                owner[some[i]] = place;
            if (some[i] >= 0 && place == place_of(before, ranks->place))
                number_of[some[i]] = (int32_t)i;
        }
    }
    list_out(&d, place_count(ranks, after), number_of, some);
    int64_t n_mine = list(after, place_of(after, ranks->place), some);
    list_in(&d, place_count(ranks, before), owner, some, n_mine);
    free(owner);
    return d;
}

static void free_dimension(struct dimension *d)
{
    free(d->out.first);
    free(d->out.number);
    free(d->in.first);
    free(d->in.number);
}

/* ---- copying ---- */

/* Numbers of rows and columns of a side's memory; NULL: 0, 1, 2 ... */
struct part {
    const plmr_spread_matrix *side;
    const int32_t *row, *col;
    int64_t n_rows, n_cols;
};

static int64_t number_at(const int32_t *numbers, int64_t i)
{
    return numbers ? numbers[i] : i;
}

/* How many columns from c on lie side by side, up to `most`. */
static int64_t run_length(const struct part *p, int64_t c, int64_t most)
{
    int64_t first = number_at(p->col, c), left = p->side->strip - first % p->side->strip, n = 1;
    most = most < left ? most : left;
    while (n < most && number_at(p->col, c + n) == first + n)
        n++;
    return n;
}

/* Rows [first_from, ...) of one part to rows [first_to, ...) of another of as many columns. */
static void copy_rows(const struct part *from, int64_t first_from, const struct part *to, int64_t first_to,
                      int64_t n_rows, size_t element_bytes)
{
    for (int64_t r = 0; r < n_rows; r++)
        for (int64_t c = 0, n; c < from->n_cols; c += n) {
            n = run_length(to, c, run_length(from, c, from->n_cols - c));
            memcpy(to->side->at(to->side->context, number_at(to->row, first_to + r), number_at(to->col, c)),
                   from->side->at(from->side->context, number_at(from->row, first_from + r), number_at(from->col, c)),
                   (size_t)n * element_bytes);
        }
}

/* Rows of a message, one after the other. */
struct message {
    char *bytes;
    size_t row_bytes, element_bytes;
};

static void *at_message(const void *context, int64_t row, int64_t col)
{
    const struct message *m = context;
    return m->bytes + (size_t)row * m->row_bytes + (size_t)col * m->element_bytes;
}

/* ---- messages ---- */

/* A matrix that moves. */
struct moving {
    const plmr_redistribution *move;
    struct dimension rows, cols;
};

/* Rows that have been asked of another rank and wait for their message. */
struct awaited {
    const struct moving *moving;
    struct part part;
    int64_t first, n_rows;
    char *bytes;
};

struct trade {
    plmr_ranks *ranks;
    struct moving *moving;
    int n_moving;
    size_t most_bytes;
    plmr_exchange *messages;
    char *buffer;
    size_t used, room;
    struct awaited *awaited;
    int n_awaited, awaited_room;
};

static struct part part_of(const struct moving *m, bool out, const int place[2])
{
    const struct crossing *rows = out ? &m->rows.out : &m->rows.in, *cols = out ? &m->cols.out : &m->cols.in;
    int row = place_of(out ? m->rows.after : m->rows.before, place);
    int col = place_of(out ? m->cols.after : m->cols.before, place);
    return (struct part){
        .side = out ? m->move->before : m->move->after,
        .row = rows->number + rows->first[row],
        .col = cols->number + cols->first[col],
        .n_rows = rows->first[row + 1] - rows->first[row],
        .n_cols = cols->first[col + 1] - cols->first[col],
    };
}

static void copy_message(const struct moving *m, const struct part *part, int64_t first, int64_t n_rows, char *bytes,
                         bool out)
{
    size_t element_bytes = m->move->element_bytes;
    struct message message = {bytes, (size_t)part->n_cols * element_bytes, element_bytes};
    plmr_spread_matrix side = {.at = at_message, .strip = INT64_MAX, .context = &message};
    struct part as_part = {.side = &side, .n_rows = n_rows, .n_cols = part->n_cols};
    if (out)
        copy_rows(part, first, &as_part, 0, n_rows, element_bytes);
    else
        copy_rows(&as_part, 0, part, first, n_rows, element_bytes);
}

static void take_in(struct trade *t)
{
    plmr_exchange_wait(t->messages);
    for (int i = 0; i < t->n_awaited; i++) {
        const struct awaited *a = &t->awaited[i];
        copy_message(a->moving, &a->part, a->first, a->n_rows, a->bytes, false);
    }
    t->n_awaited = 0;
    t->used = 0;
}

/* Room for messages of so many bytes: takes in what is under way if that would be too much. */
static void make_room(struct trade *t, size_t n_bytes)
{
    if (t->used + n_bytes <= t->room)
        return;
    take_in(t);
    if (n_bytes <= t->room)
        return;
    free(t->buffer);
    t->room = n_bytes;
    t->buffer = plmr_take(t->room);
}

static size_t row_bytes(const struct moving *m, const struct part *part)
{
    return (size_t)part->n_cols * m->move->element_bytes;
}

static void send(struct trade *t, const struct moving *m, int peer, const struct part *out, int64_t first,
                 int64_t n_rows)
{
    size_t n_bytes = (size_t)n_rows * row_bytes(m, out);
    copy_message(m, out, first, n_rows, t->buffer + t->used, true);
    plmr_exchange_send(t->messages, PLMR_EVERY_RANK, peer, t->buffer + t->used, n_bytes);
    t->used += n_bytes;
}

static void receive(struct trade *t, const struct moving *m, int peer, const struct part *in, int64_t first,
                    int64_t n_rows)
{
    size_t n_bytes = (size_t)n_rows * row_bytes(m, in);
    if (t->n_awaited == t->awaited_room) {
        t->awaited_room = 2 * t->awaited_room + 16;
        t->awaited = plmr_take_more(t->awaited, (size_t)t->awaited_room * sizeof *t->awaited);
    }
    t->awaited[t->n_awaited++] = (struct awaited){m, *in, first, n_rows, t->buffer + t->used};
    plmr_exchange_receive(t->messages, PLMR_EVERY_RANK, peer, t->buffer + t->used, n_bytes);
    t->used += n_bytes;
}

/* Rows of a message: as both its ends count them. */
static int64_t rows_at_once(const struct trade *t, size_t row_bytes)
{
    size_t n = row_bytes ? t->most_bytes / 2 / row_bytes : 0;
    return n < 1 ? 1 : (int64_t)n;
}

static int64_t clip_rows(const struct part *part, int64_t first, int64_t most)
{
    int64_t left = part->n_cols ? part->n_rows - first : 0;
    return left < 0 ? 0 : left < most ? left : most;
}

/* Along an axis to which nothing is dealt before, every rank finds what it wants with itself. */
static struct part between(const plmr_ranks *ranks, const struct moving *m, bool out, int peer)
{
    int place[2] = {[PLMR_X] = peer % ranks->extent[PLMR_X], [PLMR_Y] = peer / ranks->extent[PLMR_X]};
    const plmr_spread_matrix *before = m->move->before;
    for (int axis = PLMR_X; axis <= PLMR_Y; axis++)
        if (before->rows.axis != axis && before->cols.axis != axis && place[axis] != ranks->place[axis])
            return (struct part){0};
    return part_of(m, out, place);
}

/* The k-th messages to one rank and from another are posted together: as all ranks wait between such pairs alone, in
 * the same order of turns and matrices, none waits for one that waits for it. */
static void trade_with(struct trade *t, const struct moving *m, int to, int from)
{
    struct part out = between(t->ranks, m, true, to), in = between(t->ranks, m, false, from);
    int64_t most_out = rows_at_once(t, row_bytes(m, &out)), most_in = rows_at_once(t, row_bytes(m, &in));
    for (int64_t k = 0;; k++) {
        int64_t n_out = clip_rows(&out, k * most_out, most_out), n_in = clip_rows(&in, k * most_in, most_in);
        if (n_out == 0 && n_in == 0)
            return;
        make_room(t, (size_t)n_out * row_bytes(m, &out) + (size_t)n_in * row_bytes(m, &in));
        if (n_out)
            send(t, m, to, &out, k * most_out, n_out);
        if (n_in)
            receive(t, m, from, &in, k * most_in, n_in);
    }
}

static size_t all_bytes(const struct trade *t, int n, int me)
{
    size_t n_bytes = 0;
    for (int i = 0; i < t->n_moving; i++)
        for (int peer = 0; peer < n; peer++) {
            const struct moving *m = &t->moving[i];
            struct part out = between(t->ranks, m, true, peer), in = between(t->ranks, m, false, peer);
            n_bytes += peer == me ? 0 : (size_t)out.n_rows * row_bytes(m, &out) + (size_t)in.n_rows * row_bytes(m, &in);
        }
    return n_bytes;
}

static void keep_own(const struct trade *t, int me)
{
    for (const struct moving *m = t->moving; m < t->moving + t->n_moving; m++) {
        struct part mine = between(t->ranks, m, true, me), kept = between(t->ranks, m, false, me);
        copy_rows(&mine, 0, &kept, 0, mine.n_rows, m->move->element_bytes);
    }
}

static void trade_all(struct trade *t)
{
    int n = t->ranks->extent[PLMR_X] * t->ranks->extent[PLMR_Y];
    int me = t->ranks->place[PLMR_Y] * t->ranks->extent[PLMR_X] + t->ranks->place[PLMR_X];
    size_t n_bytes = all_bytes(t, n, me);
    t->messages = plmr_exchange_create(t->ranks, "a move of elements");
    make_room(t, n_bytes < t->most_bytes ? n_bytes : t->most_bytes);
    for (int turn = 1; turn < n; turn++)
        for (int i = 0; i < t->n_moving; i++)
            trade_with(t, &t->moving[i], (me + turn) % n, (me + n - turn) % n);
    keep_own(t, me);
    take_in(t);
    plmr_exchange_destroy(t->messages);
}

void plmr_redistribute_all(plmr_ranks *ranks, const plmr_redistribution *moves, int n, size_t most_bytes)
{
    struct trade t = {.ranks = ranks, .n_moving = n, .most_bytes = most_bytes};
    t.moving = plmr_take((size_t)n * sizeof *t.moving);
    for (int i = 0; i < n; i++) {
        const plmr_spread_matrix *before = moves[i].before, *after = moves[i].after;
        PLMR_ASSERT(before->rows.axis == PLMR_WHOLE || before->rows.axis != before->cols.axis);
        t.moving[i] = (struct moving){&moves[i], compare(ranks, &before->rows, &after->rows),
                                      compare(ranks, &before->cols, &after->cols)};
    }
    trade_all(&t);
    for (int i = 0; i < n; i++) {
        free_dimension(&t.moving[i].rows);
        free_dimension(&t.moving[i].cols);
    }
    free(t.awaited);
    free(t.buffer);
    free(t.moving);
}

void plmr_redistribute(plmr_ranks *ranks, const plmr_spread_matrix *before, const plmr_spread_matrix *after,
                       size_t element_bytes, size_t most_bytes)
{
    plmr_redistribute_all(ranks, &(plmr_redistribution){before, after, element_bytes}, 1, most_bytes);
}
