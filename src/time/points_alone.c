/* What follows from a flow's messages alone: what cores do for them, and of those that meet nobody, how long after its
 * sender begins each is there. */
#include "time/points_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ranks/deal.h"

/* ---- what cores do ---- */

/* Launches and words that a sender sends. */
static double launch_all(const plmr_settling *s, const plmr_messages *messages, plmr_sender *sender, int64_t *words)
{
    *words = messages->words[sender->first];
    for (int64_t i = sender->first; i + 1 < sender->end && !messages->fans; i++) {
        sender->t += plmr_sender_next(s, messages, i);
        *words += messages->words[i + 1];
    }
    return sender->t;
}

/* A core takes in and sends at once; `words` become the more of both. */
static void add_work(const plmr_settling *s, const plmr_messages *messages, int64_t *words, double *busy)
{
    const plmr_region *region = s->region;
    for (size_t core = 0; core < plmr_count_cores(region); core++)
        busy[core] += words[core] > 0 ? s->launch[0] : 0;
    for (int64_t i = 0; i < messages->n;) {
        size_t core = plmr_core_at(region, messages->from[i].x, messages->from[i].y);
        plmr_sender sender = plmr_sender_find(s, messages, i, 0);
        int64_t sent;
        busy[core] += launch_all(s, messages, &sender, &sent) - (words[core] > 0 ? s->launch[0] : 0);
        words[core] = sent > words[core] ? sent : words[core];
        i = sender.end;
    }
    for (size_t core = 0; core < plmr_count_cores(region); core++)
        busy[core] += words[core] > 0 ? plmr_device_quantise(region->device->shift_wavelet * (double)words[core]) : 0;
}

/* ---- on their way ---- */

/* What a message of so many words takes; most are as long as the one before. */
struct pace {
    bool relayed;
    int64_t words;
    double stream, relay; /* over a link; for every core between, beside its hop */
    double over[2];       /* more over a border, by axis */
};

static void set_pace(const plmr_device *device, struct pace *pace, int64_t words)
{
    pace->words = words;
    pace->stream = plmr_way_stream(device, words);
    for (int axis = 0; axis < 2; axis++)
        pace->over[axis] = plmr_way_stream_more(device, (enum plmr_axis)axis, words);
    pace->relay =
        pace->relayed ? plmr_device_quantise(plmr_relay_cycles(device, words)) - plmr_device_quantise(device->hop) : 0;
}

/* A message on its way, which nothing stops: when its first word is there; in how many cycles its words follow each
 * other; and what relays add. */
struct flight {
    double first, stream, relays;
};

/* Hops that dead cores add: a region that stands for one line of many goes by the one that has most of them. */
static int detour(const plmr_region *region, plmr_core_place from, plmr_core_place to)
{
    const plmr_defects *d = region->defects;
    if (!d)
        return 0;
    if (!region->ranks)
        return region->extent[PLMR_X] > 1 ? plmr_defects_detour(d, PLMR_X, from.x, to.x)
                                          : plmr_defects_detour(d, PLMR_Y, from.y, to.y);
    return plmr_defects_more(d, from.y, from.x, to.y, to.x);
}

static struct flight fly(const plmr_settling *s, const struct pace *pace, plmr_core_place from, plmr_core_place to)
{
    const plmr_device *device = s->region->device;
    int dx = plmr_way_links(device, PLMR_X, from.x, to.x), dy = plmr_way_links(device, PLMR_Y, from.y, to.y);
    int hops = dx + dy + detour(s->region, from, to);
    struct flight f = {2 * s->ramp + s->hop * hops + (dx && dy ? s->turn : 0), pace->stream,
                       hops > 1 ? (hops - 1) * pace->relay : 0};
    int over_x = plmr_way_borders(device, PLMR_X, from.x, to.x),
        over_y = plmr_way_borders(device, PLMR_Y, from.y, to.y);
    if (over_x + over_y == 0)
        return f;
    double more_x = over_x ? pace->over[PLMR_X] : 0, more_y = over_y ? pace->over[PLMR_Y] : 0;
    f.first += (s->border_hop - s->hop) * (over_x + over_y);
    f.stream += plmr_latest(more_x, more_y);
    f.relays += pace->relayed ? (over_x * more_x + over_y * more_y) - plmr_latest(more_x, more_y) : 0;
    return f;
}

/* Down the sender's ramp one after the other; then nothing is in their way. */
static void time_sender(const plmr_settling *s, plmr_messages *messages, struct pace *pace, plmr_sender *sender)
{
    double free_at = -INFINITY;
    for (int64_t i = sender->first; i < sender->end; i++) {
        sender->t += i > sender->first ? plmr_sender_next(s, messages, i - 1) : 0;
        if (messages->words[i] != pace->words)
            set_pace(s->region->device, pace, messages->words[i]);
        struct flight f = fly(s, pace, sender->at, messages->to[i]);
        double go = plmr_latest(sender->t, free_at);
        free_at = go + (pace->relayed ? pace->stream : f.stream);
        messages->delay[i] = go + f.first + f.stream + f.relays;
    }
    messages->sent[plmr_core_at(s->region, sender->at.x, sender->at.y)] = free_at;
}

/* Words with those before every packet; static routers need none. */
static int64_t with_headers(const plmr_device *device, int32_t words)
{
    int32_t most = device->packet > 0 ? (int32_t)device->packet : INT32_MAX;
    return device->router == PLMR_XY ? words + ((words - 1) / most + 1) * (int64_t)device->header : words;
}

/* One message for all. */
static void time_fan(const plmr_settling *s, plmr_messages *messages, struct pace *pace, const plmr_sender *sender)
{
    set_pace(s->region->device, pace, with_headers(s->region->device, messages->words[sender->first]));
    double sent = sender->t + pace->stream;
    for (int64_t i = sender->first; i < sender->end; i++) {
        plmr_core_place to = messages->to[i];
        struct flight f = fly(s, pace, sender->at, to);
        messages->delay[i] = sender->t + f.first + f.stream + f.relays;
        if (s->region->device->ring_cols > 0)
            sent = plmr_latest(sent, messages->delay[i] + fly(s, pace, to, sender->at).first);
        else if (!pace->relayed)
            sent = plmr_latest(sent, sender->t + f.stream);
    }
    messages->sent[plmr_core_at(s->region, sender->at.x, sender->at.y)] = sent;
}

static bool all_the_same(const double *values, size_t n)
{
    size_t i = 1;
    while (i < n && values[i] == values[0])
        i++;
    return n > 0 && i == n;
}

static void time_all(const plmr_settling *s, plmr_messages *messages)
{
    size_t n_cores = plmr_count_cores(s->region);
    struct pace pace = {.relayed = messages->relayed, .words = -1};
    messages->delay = plmr_take((size_t)messages->n * sizeof(double) + 1);
    messages->sent = plmr_take(n_cores * sizeof(double) + 1);
    for (size_t core = 0; core < n_cores; core++)
        messages->sent[core] = -INFINITY;
    for (int64_t i = 0; i < messages->n;) {
        plmr_sender sender = plmr_sender_find(s, messages, i, 0);
        if (messages->fans)
            time_fan(s, messages, &pace, &sender);
        else
            time_sender(s, messages, &pace, &sender);
        i = sender.end;
    }
    messages->sends_alike = all_the_same(messages->sent, n_cores);
}

void plmr_points_measure(const plmr_region *region, plmr_messages *messages, int64_t *words)
{
    plmr_settling s = plmr_settling_make(region, NULL);
    add_work(&s, messages, words, messages->busy);
    messages->common_busy = all_the_same(messages->busy, plmr_count_cores(region)) ? messages->busy[0] : NAN;
    if (region->device->router != PLMR_XY || messages->fans)
        time_all(&s, messages);
}

/* ---- when they are there ---- */

static void come(double *due, const int32_t *receiver, int64_t i, int64_t n, double t)
{
    __builtin_prefetch(&due[receiver[i + PLMR_AHEAD < n ? i + PLMR_AHEAD : i]], 1);
    due[receiver[i]] = plmr_latest(due[receiver[i]], t);
}

static void deal_times(const double *t, double common, const plmr_messages *m)
{
    double *out = plmr_dealing_out(m->dealing);
    for (int64_t i = 0; i < m->n_away; i++)
        out[i] = t[m->sender[i]] + common + m->delay[i];
    plmr_dealing_begin(m->dealing);
}

/* What goes to other ranks is under way while this rank's own is settled. */
void plmr_settle_alone(const plmr_region *region, const double *t, double common, const plmr_messages *m, double *due)
{
    size_t n_cores = plmr_count_cores(region);
    if (m->dealing)
        deal_times(t, common, m);
    for (size_t core = 0; core < n_cores && m->sends_alike; core++)
        due[core] = t[core] + (common + m->sent[0]);
    for (size_t core = 0; core < n_cores && !m->sends_alike; core++)
        due[core] = t[core] + (common + m->sent[core]);
    const int32_t *sender = m->sender + m->n_away, *receiver = m->receiver + m->n_come;
    const double *delay = m->delay + m->n_away;
    for (int64_t i = 0, n = m->n - m->n_away; i < n; i++)
        come(due, receiver, i, n, t[sender[i]] + common + delay[i]);
}

void plmr_settle_end(const plmr_region *region, const plmr_messages *m, double *due)
{
    const int32_t *receiver = m->receiver;
    plmr_dealing_end(m->dealing);
    for (int rank = 0; rank < plmr_deal_count(region->ranks); receiver += m->n_in[rank++]) {
        const double *in = plmr_dealing_in(m->dealing, rank);
        for (int64_t i = 0; i < m->n_in[rank]; i++)
            come(due, receiver, i, m->n_in[rank], in[i]);
    }
}
