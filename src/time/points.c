#include "time/points_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/deal.h"

double plmr_relay_busy(const plmr_device *device, int64_t words)
{
    return 2 * (device->shift_launch + device->shift_wavelet * (double)words) + device->relay;
}

double plmr_relay_cycles(const plmr_device *device, int64_t words)
{
    plmr_way way = plmr_way_of(device, 1);
    return plmr_relay_busy(device, words) + way.flight + way.word * (double)words;
}

/* ---- delivering ----
 *
 * Receivers lie anywhere: each is asked for so many messages before it is needed. */

enum { AHEAD = 24 };

static size_t core_of(const plmr_region *region, int x, int y)
{
    return (size_t)(y - region->first[PLMR_Y]) * (size_t)region->count[PLMR_X] + (size_t)(x - region->first[PLMR_X]);
}

static size_t count_cores(const plmr_region *region)
{
    return (size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y];
}

static bool is_here(const plmr_region *region, int x, int y)
{
    return (unsigned)(x - region->first[PLMR_X]) < (unsigned)region->count[PLMR_X] &&
           (unsigned)(y - region->first[PLMR_Y]) < (unsigned)region->count[PLMR_Y];
}

void plmr_settling_deliver(plmr_settling *s, int x, int y, double t)
{
    if (is_here(s->region, x, y)) {
        double *due = &s->due[core_of(s->region, x, y)];
        *due = plmr_latest(*due, t);
        return;
    }
    if (s->n_out == s->room) {
        s->room = 2 * s->room + 1024;
        s->out = plmr_take_more(s->out, (size_t)s->room * sizeof *s->out);
    }
    s->out[s->n_out++] = (plmr_delivery){t, {(uint16_t)x, (uint16_t)y}};
}

/* The ranks of columns, then those of rows: a core's is the sum of its column's and its row's. */
static int32_t *list_owners(const plmr_region *region)
{
    int cols = region->extent[PLMR_X], rows = region->extent[PLMR_Y];
    int parts_x = plmr_ranks_extent(region->ranks, PLMR_X), parts_y = plmr_ranks_extent(region->ranks, PLMR_Y);
    int32_t *owners = plmr_take((size_t)(cols + rows) * sizeof *owners);
    for (int x = 0; x < cols; x++)
        owners[x] = plmr_ranks_owner(cols, parts_x, x);
    for (int y = 0; y < rows; y++)
        owners[cols + y] = plmr_ranks_owner(rows, parts_y, y) * parts_x;
    return owners;
}

/* What other ranks' cores get goes to them. */
static void deliver_to_others(plmr_settling *s)
{
    const plmr_region *region = s->region;
    if (!region->ranks || plmr_deal_count(region->ranks) == 1)
        return;
    int32_t *to = plmr_take((size_t)s->n_out * sizeof *to + 1), *owners = list_owners(region);
    for (int64_t i = 0; i < s->n_out; i++)
        to[i] = owners[s->out[i].core.x] + owners[region->extent[PLMR_X] + s->out[i].core.y];
    int64_t n;
    plmr_delivery *in = plmr_deal(region->ranks, s->out, sizeof *in, s->n_out, to, &n);
    for (int64_t i = 0; i < n; i++) {
        plmr_core_place ahead = in[i + AHEAD < n ? i + AHEAD : i].core;
        __builtin_prefetch(&s->due[core_of(region, ahead.x, ahead.y)], 1);
        double *due = &s->due[core_of(region, in[i].core.x, in[i].core.y)];
        *due = plmr_latest(*due, in[i].t);
    }
    free(in);
    free(owners);
    free(to);
}

/* ---- sending ---- */

static int32_t packet_words(const plmr_device *device)
{
    return device->packet > 0 ? (int32_t)device->packet : INT32_MAX;
}

/* One core's messages [first, end). */
struct sender {
    plmr_core_place at;
    int64_t first, end;
    double t; /* when it starts one; in the end, the last */
};

static bool same_place(plmr_core_place a, plmr_core_place b)
{
    return a.x == b.x && a.y == b.y;
}

static plmr_settling make_settling(const plmr_region *region, double *due)
{
    const plmr_device *device = region->device;
    return (plmr_settling){
        .region = region,
        .hop = plmr_device_quantise(device->hop),
        .ramp = plmr_device_quantise(device->ramp),
        .turn = plmr_device_quantise(device->turn),
        .link = device->link,
        .border_hop = plmr_device_quantise(device->border_hop),
        .launch = {plmr_device_quantise(device->send_launch), plmr_device_quantise(device->send_launch + device->cut)},
        .next = {plmr_device_quantise(device->send_message),
                 plmr_device_quantise(device->send_message + device->send_address)},
        .due = due};
}

/* The messages of the core that has message i and begins at t, started after launches. */
static struct sender find_sender(const plmr_settling *s, const plmr_messages *messages, int64_t i, double t)
{
    struct sender sender = {messages->from[i], i, i, t};
    int32_t most = packet_words(s->region->device);
    bool cut = false;
    for (; sender.end < messages->n && same_place(messages->from[sender.end], sender.at); sender.end++)
        cut = cut || messages->words[sender.end] > most;
    sender.t += s->launch[cut];
    return sender;
}

/* From starting message i of a sender to starting the next. */
static double until_next(const plmr_settling *s, const plmr_messages *messages, int64_t i)
{
    return s->next[!same_place(messages->to[i + 1], messages->to[i])];
}

/* Does something for every sender, whose clock says when it begins. */
typedef void (*send_messages)(plmr_settling *s, const plmr_messages *messages, struct sender *sender, void *context);

static void send_all(plmr_settling *s, const double *begins, const plmr_messages *messages, send_messages send,
                     void *context)
{
    for (int64_t i = 0; i < messages->n;) {
        size_t core = core_of(s->region, messages->from[i].x, messages->from[i].y);
        struct sender sender = find_sender(s, messages, i, begins[core]);
        send(s, messages, &sender, context);
        i = sender.end;
    }
}

/* ---- what cores do for it ---- */

/* What a core of another rank gets. */
struct got {
    plmr_core_place core;
    int32_t words;
};

static void add_from_others(const plmr_region *region, const plmr_messages *messages, int64_t *received)
{
    int64_t n = 0;
    struct got *got = plmr_take((size_t)messages->n * sizeof *got + 1);
    int32_t *to = plmr_take((size_t)messages->n * sizeof *to + 1), *owners = list_owners(region);
    for (int64_t i = 0; i < messages->n; i++) {
        plmr_core_place core = messages->to[i];
        if (is_here(region, core.x, core.y))
            continue;
        got[n] = (struct got){core, messages->words[i]};
        to[n++] = owners[core.x] + owners[region->extent[PLMR_X] + core.y];
    }
    got = plmr_deal(region->ranks, got, sizeof *got, n, to, &n);
    for (int64_t i = 0; i < n; i++)
        received[core_of(region, got[i].core.x, got[i].core.y)] += got[i].words;
    free(owners);
    free(to);
    free(got);
}

/* Words that each core of the block gets, from this rank's cores and from others'. */
static int64_t *count_received(const plmr_region *region, const plmr_messages *messages)
{
    int64_t *received = plmr_take_zeroed(count_cores(region), sizeof *received);
    for (int64_t i = 0; i < messages->n; i++)
        if (is_here(region, messages->to[i].x, messages->to[i].y))
            received[core_of(region, messages->to[i].x, messages->to[i].y)] += messages->words[i];
    if (region->ranks && plmr_deal_count(region->ranks) > 1)
        add_from_others(region, messages, received);
    return received;
}

/* Launches and words that a sender sends. */
static double launch_all(const plmr_settling *s, const plmr_messages *messages, struct sender *sender, int64_t *words)
{
    *words = messages->words[sender->first];
    for (int64_t i = sender->first; i + 1 < sender->end && !messages->fans; i++) {
        sender->t += until_next(s, messages, i);
        *words += messages->words[i + 1];
    }
    return sender->t;
}

void plmr_points_work(const plmr_region *region, const plmr_messages *messages, double *busy)
{
    const plmr_device *device = region->device;
    int64_t *words = count_received(region, messages);
    plmr_settling s = make_settling(region, NULL);
    for (size_t core = 0; core < count_cores(region); core++)
        busy[core] += words[core] > 0 ? s.launch[0] : 0;
    for (int64_t i = 0; i < messages->n;) {
        size_t core = core_of(region, messages->from[i].x, messages->from[i].y);
        struct sender sender = find_sender(&s, messages, i, 0);
        int64_t sent;
        busy[core] += launch_all(&s, messages, &sender, &sent) - (words[core] > 0 ? s.launch[0] : 0);
        words[core] = sent > words[core] ? sent : words[core];
        i = sender.end;
    }
    for (size_t core = 0; core < count_cores(region); core++)
        busy[core] += words[core] > 0 ? plmr_device_quantise(device->shift_wavelet * (double)words[core]) : 0;
    free(words);
}

/* ---- as packets, which meet ---- */

static int64_t count_packets(const plmr_messages *messages, int32_t most)
{
    int64_t n = 0;
    for (int64_t i = 0; i < messages->n; i++)
        n += messages->words[i] <= most ? 1 : (messages->words[i] - 1) / most + 1;
    return n;
}

struct packets {
    plmr_packet *all;
    int64_t n;
};

static void cut_messages(plmr_settling *s, const plmr_messages *messages, struct sender *sender, void *context)
{
    struct packets *packets = context;
    const plmr_device *device = s->region->device;
    uint64_t key = ((uint64_t)sender->at.y * (uint64_t)s->region->extent[PLMR_X] + sender->at.x) << 32;
    int32_t most = packet_words(device);
    for (int64_t i = sender->first; i < sender->end; i++) {
        sender->t += i > sender->first ? until_next(s, messages, i - 1) : 0;
        for (int32_t left = messages->words[i]; left > 0; left -= most < left ? most : left) {
            int32_t words = left < most ? left : most;
            packets->all[packets->n++] = (plmr_packet){.t = sender->t,
                                                       .w = plmr_way_stream(device, words),
                                                       .key = key++,
                                                       .words = words,
                                                       .x = sender->at.x,
                                                       .y = sender->at.y,
                                                       .to_x = messages->to[i].x,
                                                       .to_y = messages->to[i].y};
        }
    }
}

static void settle_meeting(plmr_settling *s, const double *begins, const plmr_messages *messages)
{
    const plmr_device *device = s->region->device;
    struct packets packets = {
        plmr_take((size_t)count_packets(messages, packet_words(device)) * sizeof *packets.all + 1), 0};
    send_all(s, begins, messages, cut_messages, &packets);
    bool held = device->ring_cols > 0 || device->buffer > 0 || device->straight > 0;
    (held ? plmr_settle_held : plmr_settle_lines)(s, packets.all, packets.n);
}

/* ---- each by itself ---- */

/* What a message of so many words takes; most are as long as the one before. */
struct alone {
    bool relayed;
    int32_t words;
    double stream, relay; /* over a link; for every core between, beside its hop */
    double over[2];       /* more over a border, by axis */
};

static void measure(const plmr_device *device, struct alone *alone, int32_t words)
{
    alone->words = words;
    alone->stream = plmr_way_stream(device, words);
    for (int axis = 0; axis < 2; axis++)
        alone->over[axis] = plmr_way_stream_more(device, (enum plmr_axis)axis, words);
    alone->relay =
        alone->relayed ? plmr_device_quantise(plmr_relay_cycles(device, words)) - plmr_device_quantise(device->hop) : 0;
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

static struct flight fly(const plmr_settling *s, const struct alone *alone, plmr_core_place from, plmr_core_place to)
{
    const plmr_device *device = s->region->device;
    int dx = plmr_way_links(device, PLMR_X, from.x, to.x), dy = plmr_way_links(device, PLMR_Y, from.y, to.y);
    int hops = dx + dy + detour(s->region, from, to);
    struct flight f = {2 * s->ramp + s->hop * hops + (dx && dy ? s->turn : 0), alone->stream,
                       hops > 1 ? (hops - 1) * alone->relay : 0};
    int over_x = plmr_way_borders(device, PLMR_X, from.x, to.x),
        over_y = plmr_way_borders(device, PLMR_Y, from.y, to.y);
    if (over_x + over_y == 0)
        return f;
    double more_x = over_x ? alone->over[PLMR_X] : 0, more_y = over_y ? alone->over[PLMR_Y] : 0;
    f.first += (s->border_hop - s->hop) * (over_x + over_y);
    f.stream += plmr_latest(more_x, more_y);
    f.relays += alone->relayed ? (over_x * more_x + over_y * more_y) - plmr_latest(more_x, more_y) : 0;
    return f;
}

/* Of the receiver that is asked for. */
static const double *due_ahead(const plmr_settling *s, const plmr_messages *messages, int64_t i)
{
    plmr_core_place to = messages->to[i + AHEAD < messages->n ? i + AHEAD : i];
    return &s->due[is_here(s->region, to.x, to.y) ? core_of(s->region, to.x, to.y) : 0];
}

/* Down the sender's ramp one after the other; then nothing is in their way. */
static void send_alone(plmr_settling *s, const plmr_messages *messages, struct sender *sender, void *context)
{
    struct alone *alone = context;
    const plmr_device *device = s->region->device;
    double free_at = -INFINITY;
    for (int64_t i = sender->first; i < sender->end; i++) {
        sender->t += i > sender->first ? until_next(s, messages, i - 1) : 0;
        if (messages->words[i] != alone->words)
            measure(device, alone, messages->words[i]);
        plmr_core_place to = messages->to[i];
        __builtin_prefetch(due_ahead(s, messages, i), 1);
        struct flight f = fly(s, alone, sender->at, to);
        double go = plmr_latest(sender->t, free_at);
        free_at = go + (alone->relayed ? alone->stream : f.stream);
        plmr_settling_deliver(s, to.x, to.y, go + f.first + f.stream + f.relays);
    }
    plmr_settling_deliver(s, sender->at.x, sender->at.y, free_at);
}

/* One message for all. */
static void send_fan(plmr_settling *s, const plmr_messages *messages, struct sender *sender, void *context)
{
    struct alone *alone = context;
    measure(s->region->device, alone, messages->words[sender->first]);
    double sent = sender->t + alone->stream;
    for (int64_t i = sender->first; i < sender->end; i++) {
        plmr_core_place to = messages->to[i];
        struct flight f = fly(s, alone, sender->at, to);
        double t = sender->t + f.first + f.stream + f.relays;
        plmr_settling_deliver(s, to.x, to.y, t);
        if (s->region->device->ring_cols > 0)
            sent = plmr_latest(sent, t + fly(s, alone, to, sender->at).first);
        else if (!alone->relayed)
            sent = plmr_latest(sent, sender->t + f.stream);
    }
    plmr_settling_deliver(s, sender->at.x, sender->at.y, sent);
}

/* ---- the flow ---- */

void plmr_settle(const plmr_region *region, const double *begin, const plmr_messages *messages, double *due)
{
    plmr_settling s = make_settling(region, due);
    for (size_t core = 0; core < count_cores(region); core++)
        due[core] = -INFINITY;
    if (region->device->router == PLMR_XY && !messages->fans)
        settle_meeting(&s, begin, messages);
    else
        send_all(&s, begin, messages, messages->fans ? send_fan : send_alone,
                 &(struct alone){.relayed = messages->relayed, .words = -1});
    deliver_to_others(&s);
}

plmr_arrivals plmr_clock_points_begin(plmr_clock *clock, const plmr_messages *messages)
{
    const plmr_region *region = clock->region;
    size_t n_cores = count_cores(region);
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    double *due = plmr_take_made(plmr_slab_create(n_cores * sizeof *due)), common = clock->origin + clock->lag;
    plmr_arrivals arrivals = {.due = due, .label = clock->watch ? clock->watch->verb(clock) : 0};
    double *begin = clock->all.next; /* no pass is under way */
    for (size_t core = 0; core < n_cores; core++) {
        begin[core] = clock->all.t[core] + common;
        clock->all.t[core] += messages->busy[core];
    }
    plmr_settle(region, begin, messages, due);
    if (clock->watch)
        clock->watch->points_sent(clock, messages->busy);
    return arrivals;
}

/* Lines that are alike, still; else each core by itself. */
static void wait_for_all(plmr_clock *clock, const plmr_arrivals *arrivals)
{
    const plmr_region *region = clock->region;
    double common = clock->origin + clock->lag;
    plmr_clock_spread(clock);
    for (size_t core = 0; core < count_cores(region); core++) {
        size_t cols = (size_t)region->count[PLMR_X], at = core;
        if (arrivals->alike)
            at = (size_t)region->first[arrivals->axis] + (arrivals->axis == PLMR_X ? core % cols : core / cols);
        clock->all.t[core] = plmr_latest(clock->all.t[core], arrivals->due[at] - common);
    }
}

void plmr_clock_points_end(plmr_clock *clock, plmr_arrivals *arrivals)
{
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    if (!arrivals->alike || !plmr_points_wait_alike(clock, arrivals))
        wait_for_all(clock, arrivals);
    if (clock->watch)
        clock->watch->points_received(clock, arrivals->label);
    free(arrivals->due);
    arrivals->due = NULL;
}
