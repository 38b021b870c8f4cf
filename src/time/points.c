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

/* ---- delivering ---- */

static bool is_here(const plmr_region *region, int x, int y)
{
    return (unsigned)(x - region->first[PLMR_X]) < (unsigned)region->count[PLMR_X] &&
           (unsigned)(y - region->first[PLMR_Y]) < (unsigned)region->count[PLMR_Y];
}

void plmr_settling_deliver(plmr_settling *s, int x, int y, double t)
{
    if (is_here(s->region, x, y)) {
        double *due = &s->due[plmr_core_at(s->region, x, y)];
        *due = plmr_latest(*due, t);
        return;
    }
    if (s->n_out == s->room) {
        s->room = 2 * s->room + 1024;
        s->out = plmr_take_more(s->out, (size_t)s->room * sizeof *s->out);
    }
    s->out[s->n_out++] = (plmr_delivery){t, {(uint16_t)x, (uint16_t)y}};
}

/* What other ranks' cores get goes to them. */
static void deliver_to_others(plmr_settling *s)
{
    const plmr_region *region = s->region;
    if (!region->ranks || plmr_deal_count(region->ranks) == 1)
        return;
    int32_t *to = plmr_take((size_t)s->n_out * sizeof *to + 1), *owners = plmr_region_owners(region);
    for (int64_t i = 0; i < s->n_out; i++)
        to[i] = owners[s->out[i].core.x] + owners[region->extent[PLMR_X] + s->out[i].core.y];
    int64_t n;
    plmr_delivery *in = plmr_deal(region->ranks, s->out, sizeof *in, s->n_out, to, &n);
    for (int64_t i = 0; i < n; i++) {
        plmr_core_place ahead = in[i + PLMR_AHEAD < n ? i + PLMR_AHEAD : i].core;
        __builtin_prefetch(&s->due[plmr_core_at(region, ahead.x, ahead.y)], 1);
        double *due = &s->due[plmr_core_at(region, in[i].core.x, in[i].core.y)];
        *due = plmr_latest(*due, in[i].t);
    }
    free(in);
    free(owners);
    free(to);
}

/* ---- sending ---- */

/* With its header a packet's words are an int32_t, too. */
static int32_t packet_words(const plmr_device *device)
{
    return device->packet > 0 ? (int32_t)device->packet : INT32_MAX - (int32_t)device->header;
}

static bool same_place(plmr_core_place a, plmr_core_place b)
{
    return a.x == b.x && a.y == b.y;
}

plmr_settling plmr_settling_make(const plmr_region *region, double *due)
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

plmr_sender plmr_sender_find(const plmr_settling *s, const plmr_messages *messages, int64_t i, double t)
{
    plmr_sender sender = {messages->from[i], i, i, t};
    int32_t most = packet_words(s->region->device);
    bool cut = false;
    for (; sender.end < messages->n && same_place(messages->from[sender.end], sender.at); sender.end++)
        cut = cut || messages->words[sender.end] > most;
    sender.t += s->launch[cut];
    return sender;
}

double plmr_sender_next(const plmr_settling *s, const plmr_messages *messages, int64_t i)
{
    return s->next[!same_place(messages->to[i + 1], messages->to[i])];
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

static void cut_messages(const plmr_settling *s, const plmr_messages *messages, plmr_sender *sender,
                         struct packets *packets)
{
    const plmr_device *device = s->region->device;
    uint64_t key = ((uint64_t)sender->at.y * (uint64_t)s->region->extent[PLMR_X] + sender->at.x) << 32;
    int32_t most = packet_words(device);
    for (int64_t i = sender->first; i < sender->end; i++) {
        sender->t += i > sender->first ? plmr_sender_next(s, messages, i - 1) : 0;
        for (int32_t left = messages->words[i]; left > 0; left -= most < left ? most : left) {
            int32_t words = (left < most ? left : most) + (int32_t)device->header;
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

static void settle_meeting(plmr_settling *s, const double *t, double common, const plmr_messages *messages)
{
    const plmr_device *device = s->region->device;
    struct packets packets = {
        plmr_take((size_t)count_packets(messages, packet_words(device)) * sizeof *packets.all + 1), 0};
    for (int64_t i = 0; i < messages->n;) {
        plmr_core_place at = messages->from[i];
        plmr_sender sender = plmr_sender_find(s, messages, i, t[plmr_core_at(s->region, at.x, at.y)] + common);
        cut_messages(s, messages, &sender, &packets);
        i = sender.end;
    }
    bool held = device->ring_cols > 0 || device->buffer > 0 || device->straight > 0;
    (held ? plmr_settle_held : plmr_settle_lines)(s, packets.all, packets.n);
}

/* ---- the flow ---- */

void plmr_settle(const plmr_region *region, const double *t, double common, const plmr_messages *messages, double *due)
{
    if (messages->delay) {
        plmr_settle_alone(region, t, common, messages, due);
        return;
    }
    plmr_settling s = plmr_settling_make(region, due);
    for (size_t core = 0; core < plmr_count_cores(region); core++)
        due[core] = -INFINITY;
    settle_meeting(&s, t, common, messages);
    deliver_to_others(&s);
}

plmr_arrivals plmr_clock_points_begin(plmr_clock *clock, const plmr_messages *messages)
{
    const plmr_region *region = clock->region;
    size_t n_cores = plmr_count_cores(region);
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    double *due = clock->spare ? clock->spare : plmr_take_made(plmr_slab_create(n_cores * sizeof *due));
    clock->spare = NULL;
    plmr_arrivals arrivals = {.due = due, .messages = messages, .label = clock->watch ? clock->watch->verb(clock) : 0};
    plmr_settle(region, clock->all.t, clock->origin + clock->lag, messages, due);
    bool alike = !isnan(messages->common_busy);
    if (alike)
        clock->lag += messages->common_busy;
    for (size_t core = 0; core < n_cores && !alike; core++)
        clock->all.t[core] += messages->busy[core];
    if (clock->watch)
        clock->watch->points_sent(clock, messages->busy);
    return arrivals;
}

/* Lines that were alike and are not any more; else each core by itself. */
static void wait_for_all(plmr_clock *clock, const plmr_arrivals *arrivals)
{
    const plmr_region *region = clock->region;
    double common = clock->origin + clock->lag, *t = clock->all.t;
    size_t n_cores = plmr_count_cores(region), cols = (size_t)region->count[PLMR_X];
    for (size_t core = 0; core < n_cores && arrivals->alike; core++) {
        size_t at = (size_t)region->first[arrivals->axis] + (arrivals->axis == PLMR_X ? core % cols : core / cols);
        t[core] = plmr_latest(t[core], arrivals->due[at] - common);
    }
    for (size_t core = 0; core < n_cores && !arrivals->alike; core++)
        t[core] = plmr_latest(t[core], arrivals->due[core] - common);
}

void plmr_clock_points_end(plmr_clock *clock, plmr_arrivals *arrivals)
{
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    if (arrivals->messages->dealing)
        plmr_settle_end(clock->region, arrivals->messages, arrivals->due);
    if (!arrivals->alike || !plmr_points_wait_alike(clock, arrivals)) {
        plmr_clock_spread(clock);
        wait_for_all(clock, arrivals);
    }
    if (clock->watch)
        clock->watch->points_received(clock, arrivals->label);
    if (!arrivals->alike && !clock->spare) {
        clock->spare = arrivals->due;
        arrivals->due = NULL;
    }
    free(arrivals->due);
    *arrivals = (plmr_arrivals){0};
}
