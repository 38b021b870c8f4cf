/* Flows against their legs: every kind, on lines of up to 40 cores, for all devices. What a kind says in closed form
 * (clocks, links, routes) must be what follows from its legs, one by one. */
#include "tests/support.h"

#include "gemm/gemm.h"
#include "tests/clocks.h"
#include "verbs/reduce.h"
#include "verbs/verbs.h"

enum { MOST = 40, LINES = 9, MOST_LEGS = 2 * MOST * MOST };

/* All legs of one turn of a flow. */
struct legs {
    int n;
    plmr_flow_leg leg[MOST_LEGS];
};

static struct legs legs_of;

static void add_leg(void *context, const plmr_flow_leg *leg)
{
    struct legs *legs = context;
    assert_true(legs->n < MOST_LEGS);
    legs->leg[legs->n++] = *leg;
}

static const struct legs *list_legs(const plmr_flow *flow)
{
    legs_of.n = 0;
    flow->kind->legs(flow, add_leg, &legs_of);
    return &legs_of;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* A region of LINES lines of n cores, and what its clocks should be. */
struct model {
    struct test_region t;
    const plmr_device *device;
    enum plmr_axis axis;
    int n;
    double clock[LINES][MOST];
};

static bool is_here(const struct model *m, int line, int core, int *row, int *col)
{
    const plmr_region *region = m->t.region;
    *row = (m->axis == PLMR_X ? line : core) - region->first[PLMR_Y];
    *col = (m->axis == PLMR_X ? core : line) - region->first[PLMR_X];
    return *row >= 0 && *row < region->count[PLMR_Y] && *col >= 0 && *col < region->count[PLMR_X];
}

/* In quarter cycles. */
static void scatter(struct model *m)
{
    uint32_t seed = (uint32_t)m->n;
    for (int line = 0; line < LINES; line++)
        for (int core = 0, row, col; core < m->n; core++) {
            m->clock[line][core] = 0.25 * (test_random(&seed) % 300);
            if (is_here(m, line, core, &row, &col))
                test_clock_set(m->t.region->clock, row, col, m->clock[line][core]);
        }
}

/* Clocks start scattered. */
static void open_model(struct model *m, const plmr_device *device, enum plmr_axis axis, int n)
{
    plmr_region_options options = {.allow_routes = true, .profile = true};
    *m = (struct model){.device = device, .axis = axis, .n = n};
    m->t = test_region_open(device, axis == PLMR_X ? LINES : n, axis == PLMR_X ? n : LINES, &options);
    scatter(m);
}

static void compare(const struct model *m, const char *what)
{
    plmr_clock_settle(m->t.region->clock);
    for (int line = 0; line < LINES; line++)
        for (int core = 0, row, col; core < m->n; core++)
            if (is_here(m, line, core, &row, &col)) {
                double t = plmr_clock_at(m->t.region->clock, row, col);
                if (t != m->clock[line][core])
                    fail_msg("%s, %s, %d cores along %c: core %d of line %d: %.6f, by its legs %.6f", what,
                             m->device->name, m->n, m->axis == PLMR_X ? 'x' : 'y', core, line, t, m->clock[line][core]);
            }
}

/* ---- what legs cost, as docs/MODEL.md has it ---- */

static double stream_of(const struct model *m, double words)
{
    return plmr_device_quantise(m->device->link * words);
}

static int hops_of(const struct model *m, const plmr_flow_leg *leg)
{
    int straight = abs(leg->dst - leg->src);
    return leg->wraps ? m->n - straight : straight;
}

/* The core after this one, up or down, on a torus round the end. */
static int next_core(const struct model *m, int at, bool up)
{
    return (at + (up ? 1 : m->n - 1)) % m->n;
}

/* Is the link between them a border? Those lie between dies and, on a torus of dies, round its end. */
static bool is_border(const struct model *m, int at, bool up)
{
    int pitch = (int)(m->axis == PLMR_X ? m->device->border_cols : m->device->border_rows);
    int next = next_core(m, at, up);
    return pitch > 0 && (abs(next - at) > 1 || (next > at ? next : at) % pitch == 0);
}

/* A leg's links, one by one: cycles of the first word, and how many of them are borders. */
static double fly(const struct model *m, const plmr_flow_leg *leg, int *borders)
{
    bool up = (leg->dst > leg->src) != leg->wraps;
    double flight = 2 * m->device->ramp;
    *borders = 0;
    for (int at = leg->src; at != leg->dst; at = next_core(m, at, up)) {
        bool over = is_border(m, at, up);
        flight += over ? m->device->border_hop : m->device->hop;
        *borders += over;
    }
    return flight;
}

static double flight_of(const struct model *m, const plmr_flow_leg *leg)
{
    int borders;
    return fly(m, leg, &borders);
}

/* Cycles for each word over a border: all lines of a die's edge share its lanes. */
static double border_word(const struct model *m)
{
    const plmr_device *d = m->device;
    double whole = m->axis == PLMR_X ? d->rows : d->cols, edge = m->axis == PLMR_X ? d->border_rows : d->border_cols;
    edge = edge == 0 || edge > whole ? whole : edge;
    double word =
        d->border_lanes > 0 && d->border_lanes < edge ? d->border_link * edge / d->border_lanes : d->border_link;
    return larger(word, d->link);
}

static double word_of(const struct model *m, const plmr_flow_leg *leg)
{
    int borders;
    fly(m, leg, &borders);
    return borders ? border_word(m) : m->device->link;
}

static double message_of(const struct model *m, double words)
{
    return m->device->shift_launch + m->device->shift_wavelet * words;
}

/* Both ends of a leg are done when it is delivered, which begins when both are ready. Where software passes words on,
 * each hop is a message, and each relay takes it in and sends it out. */
static void exchange_by_legs(struct model *m, const struct legs *legs, double words)
{
    double relay = plmr_device_quantise(2 * message_of(m, words) + m->device->relay + m->device->link * words +
                                        2 * m->device->ramp + m->device->hop);
    double over = plmr_device_quantise(border_word(m) * words) - stream_of(m, words);
    for (int line = 0; line < LINES; line++) {
        double next[MOST];
        for (int core = 0; core < m->n; core++)
            next[core] = m->clock[line][core] + plmr_device_quantise(message_of(m, words));
        for (int i = 0; i < legs->n; i++) {
            const plmr_flow_leg *leg = &legs->leg[i];
            double ready = larger(m->clock[line][leg->src], m->clock[line][leg->dst]);
            int borders;
            double flight = fly(m, leg, &borders) + leg->stages * (relay - m->device->hop);
            double done = ready + flight + stream_of(m, words);
            done += leg->stages ? borders * over : borders ? over : 0;
            next[leg->src] = larger(next[leg->src], done);
            next[leg->dst] = larger(next[leg->dst], done);
        }
        memcpy(m->clock[line], next, sizeof next);
    }
}

/* All legs begin when the last core of the line is ready; a core is done when the last word has come, after all that come
 * to it, and over a border after all that come over it on that side; and when its own
 * have left as fast as the slowest of its legs lets them. */
static void multicast_by_legs(struct model *m, const struct legs *legs, double words, double busy_words)
{
    double after[MOST] = {m->n == 1 ? m->device->link * busy_words : 0}, n_in[MOST] = {0}, n_over[MOST][2] = {{0}};
    for (int i = 0; i < legs->n; i++) {
        int borders, dst = legs->leg[i].dst;
        fly(m, &legs->leg[i], &borders);
        n_in[dst]++;
        n_over[dst][dst > legs->leg[i].src] += borders > 0;
    }
    for (int i = 0; i < legs->n; i++) {
        const plmr_flow_leg *leg = &legs->leg[i];
        after[leg->src] = larger(after[leg->src], word_of(m, leg) * words);
        double software = leg->stages * (2 * m->device->ramp + m->device->stage);
        double over =
            word_of(m, leg) > m->device->link ? border_word(m) * words * n_over[leg->dst][leg->dst > leg->src] : 0;
        double last = flight_of(m, leg) + software + larger(m->device->link * words * n_in[leg->dst], over);
        after[leg->dst] = larger(after[leg->dst], last);
    }
    for (int line = 0; line < LINES; line++) {
        double begin = 0;
        for (int core = 0; core < m->n; core++)
            begin = larger(begin, m->clock[line][core]);
        for (int core = 0; core < m->n; core++) {
            double last = plmr_device_quantise(after[core]);
            double busy = m->clock[line][core] + plmr_device_quantise(message_of(m, busy_words));
            m->clock[line][core] = larger(busy, begin + last);
        }
    }
}

/* A leg's first word comes when it has flown, is taken when the receiver is free, and goes on `forward` later; words that
 * have come slowly, over a border, go on as slowly. */
static void stream_by_legs(const struct model *m, double *free, const plmr_flow *flow, const struct legs *legs,
                           double words)
{
    double head[MOST], pace[MOST];
    for (int i = 0, phase = flow->first - 1; i < legs->n; i++) {
        const plmr_flow_leg *leg = &legs->leg[i];
        for (; phase < leg->phase; phase++)
            for (int core = 0; core < m->n; core++)
                head[core] = free[core] += flow->launch, pace[core] = stream_of(m, words);
        bool whole = flow->plan && flow->plan->phases[leg->phase].whole;
        double begin = larger(free[leg->dst], head[leg->src] + flight_of(m, leg));
        double stream = larger(pace[leg->src], plmr_device_quantise(word_of(m, leg) * words));
        free[leg->dst] = begin + stream;
        head[leg->dst] = begin + (whole ? stream : flow->forward);
        pace[leg->dst] = whole ? stream_of(m, words) : stream;
        free[leg->src] = larger(free[leg->src], head[leg->src] + stream);
    }
}

/* ---- links and routes ---- */

/* How often words cross each link, by the core that they leave and their direction: legs that share links cross them
 * once. */
struct crossings {
    uint64_t by_link[MOST][2];
};

static struct crossings cross_by_legs(const struct model *m, const struct legs *legs)
{
    struct crossings all = {{{0}}};
    bool crossed[MOST][2];
    for (int i = 0; i < legs->n; i++) {
        const plmr_flow_leg *leg = &legs->leg[i], *last = leg - (i > 0);
        bool up = (leg->dst > leg->src) != leg->wraps;
        if (!leg->shares || i == 0 || last->src != leg->src || last->phase != leg->phase)
            memset(crossed, 0, sizeof crossed);
        for (int hop = 0, at = leg->src; hop < hops_of(m, leg); hop++, at = next_core(m, at, up)) {
            all.by_link[at][up] += !crossed[at][up];
            crossed[at][up] = true;
        }
    }
    return all;
}

static uint64_t links_by_legs(const struct model *m, const struct legs *legs)
{
    struct crossings all = cross_by_legs(m, legs);
    uint64_t n = 0;
    for (int i = 0; i < 2 * m->n; i++)
        n += all.by_link[i / 2][i % 2];
    return n;
}

/* Of those the ones that are borders. */
static uint64_t borders_by_legs(const struct model *m, const struct legs *legs)
{
    struct crossings all = cross_by_legs(m, legs);
    uint64_t n = 0;
    for (int i = 0; i < 2 * m->n; i++)
        n += is_border(m, i / 2, i % 2) ? all.by_link[i / 2][i % 2] : 0;
    return n;
}

/* Whatever a kind says of its clocks: no link carries words faster than it can, one after the other. */
static double fullest_link(const struct model *m, const struct legs *legs, double words)
{
    struct crossings all = cross_by_legs(m, legs);
    double fullest = 0;
    for (int i = 0; i < 2 * m->n; i++)
        fullest = larger(fullest, (double)all.by_link[i / 2][i % 2] * words *
                                      (is_border(m, i / 2, i % 2) ? border_word(m) : m->device->link));
    return fullest;
}

static void check_fullest(const struct model *m, const plmr_flow *flow, const struct legs *legs, double words)
{
    double begin = m->clock[0][0], least = fullest_link(m, legs, words) * flow->turns;
    for (int line = 0; line < LINES; line++)
        for (int core = 0; core < m->n; core++)
            begin = m->clock[line][core] < begin ? m->clock[line][core] : begin;
    double cycles = plmr_clock_max(m->t.region->clock) - begin;
    if (cycles < least - 1) /* each stream is rounded */
        fail_msg("%s, %s, %d cores along %c: %.3f cycles, but a link is busy for %.3f", flow->verb, m->device->name,
                 m->n, m->axis == PLMR_X ? 'x' : 'y', cycles, least);
}

/* At least: words that leave a core one way or the other, its own or those that pass straight through; words that it
 * takes in; and multicasts, all of which may share a route where software relays them. */
static void need_routes(const struct model *m, const struct legs *legs, int *need)
{
    bool role[MOST][4] = {{false}};
    for (int i = 0; i < legs->n; i++) {
        const plmr_flow_leg *leg = &legs->leg[i];
        int up = (leg->dst > leg->src) != leg->wraps;
        role[leg->src][leg->shares ? 3 : up] = role[leg->dst][leg->shares ? 3 : 2] = true;
        for (int hop = 1, at = leg->src; hop < hops_of(m, leg) && !leg->shares; hop++) {
            at = (at + (up ? 1 : m->n - 1)) % m->n;
            role[at][up] = true;
            role[at][2] = role[at][2] || leg->stages;
        }
    }
    for (int core = 0; core < m->n; core++)
        need[core] = role[core][0] + role[core][1] + role[core][2] + role[core][3];
}

/* The flow has carried `words` over its links, in every line, and the profile has all that the ledger has. */
static void check_links(const struct model *m, const plmr_flow *flow, const struct legs *legs, uint64_t words_before,
                        uint64_t words)
{
    uint64_t in_line = links_by_legs(m, legs) * (uint64_t)flow->turns, sum = 0;
    const plmr_profile *profile = m->t.region->profile;
    assert_int_equal(flow->n_links * (uint64_t)flow->turns, in_line);
    assert_int_equal(m->t.region->ledger.wavelet_hops - words_before, in_line * LINES * words);
    for (int i = 0; i < m->n; i++)
        sum += profile->links[m->axis][PLMR_LINK_UP][i] + profile->links[m->axis][PLMR_LINK_DOWN][i];
    assert_int_equal(sum, m->t.region->ledger.wavelet_hops);
}

static void check_routes(const struct model *m, const plmr_flow *flow, const struct legs *legs)
{
    int cores[MOST] = {0}, need[MOST];
    need_routes(m, legs, need);
    int n_program = plmr_flow_routes(flow, cores);
    for (int core = 0; core < m->n; core++) {
        if (cores[core] < need[core] || cores[core] > n_program)
            fail_msg("%s, %d cores: core %d has %d of %d routes, its legs need %d", flow->verb, m->n, core, cores[core],
                     n_program, need[core]);
    }
}

/* Begins and ends the flow; its links and routes are as its legs say, and it takes as long as the fullest link. Returns
 * the legs. */
static const struct legs *run(const struct model *m, const plmr_flow *flow, int64_t words)
{
    uint64_t before = m->t.region->ledger.wavelet_hops, over = m->t.region->ledger.border_hops;
    plmr_flow_begin(flow, words);
    plmr_flow_end(flow);
    const struct legs *legs = list_legs(flow);
    uint64_t in_line = borders_by_legs(m, legs) * (uint64_t)flow->turns;
    assert_int_equal(m->t.region->ledger.border_hops - over, in_line * LINES * (uint64_t)words);
    check_links(m, flow, legs, before, (uint64_t)words);
    check_routes(m, flow, legs);
    check_fullest(m, flow, legs, (double)words);
    return legs;
}

/* ---- the kinds ---- */

static void check_exchanges(struct model *m)
{
    for (int kind = PLMR_NATURAL; kind <= PLMR_LINE; kind++) {
        plmr_ring *ring;
        if (m->n < 3)
            continue;
        must(plmr_ring_create(m->t.region, m->axis, (enum plmr_ring_kind)kind, 1, &ring));
        plmr_flow direct = plmr_flow_exchange(ring, "exchange", NULL), relayed = plmr_flow_relayed(ring);
        exchange_by_legs(m, run(m, &direct, 7), 7);
        compare(m, "exchange");
        if (kind != PLMR_LINE)
            exchange_by_legs(m, run(m, &relayed, 5), 5);
        compare(m, "relayed exchange");
        plmr_ring_destroy(ring);
    }
}

static void check_multicasts(struct model *m)
{
    for (int n_routes = 1; n_routes <= MOST; n_routes += n_routes == 1 ? 2 : 12) {
        for (int from = 0; from < m->n; from += m->n < 10 ? 1 : 7) {
            plmr_flow flow = plmr_flow_multicast(m->t.region, m->axis, from, n_routes, NULL);
            multicast_by_legs(m, run(m, &flow, 9), 9, 9);
            compare(m, "multicast");
        }
        plmr_flow flow = plmr_flow_gather(m->t.region, m->axis, n_routes, NULL);
        multicast_by_legs(m, run(m, &flow, 3), 3, 3 * (m->n - 1));
        compare(m, "gather");
    }
}

static void run_streams(struct model *m, const plmr_flow *flow, int64_t words, const char *what)
{
    const struct legs *legs = run(m, flow, words);
    for (int line = 0; line < LINES; line++) {
        double *free = m->clock[line];
        stream_by_legs(m, free, flow, legs, (double)words);
        int n_launched = legs->n ? legs->leg[legs->n - 1].phase + 1 : flow->first; /* phases may be empty */
        for (int core = 0; core < m->n; core++)
            free[core] += flow->launch * (flow->end - n_launched);
    }
    compare(m, what);
}

/* One lap round the ring, launched once, each step by the first n legs: a core has sent when its last word is on the
 * slowest link of its way. */
static void lap_by_legs(struct model *m, const struct legs *legs, double launch, double words)
{
    for (int line = 0; line < LINES; line++)
        for (int step = 0; step < m->n - 1; step++) {
            double next[MOST] = {0}, *t = m->clock[line];
            for (int core = 0; core < m->n; core++)
                t[core] += step == 0 ? launch : 0;
            for (int i = 0; i < m->n; i++) {
                const plmr_flow_leg *leg = &legs->leg[i];
                double stream = plmr_device_quantise(word_of(m, leg) * words);
                next[leg->src] = larger(next[leg->src], t[leg->src] + stream);
                next[leg->dst] = larger(next[leg->dst], t[leg->src] + flight_of(m, leg) + stream);
            }
            memcpy(t, next, sizeof next);
        }
}

/* Hops of the longest path of so many of the first n legs, one from each core, each to where the next begins. */
static int longest_path(const struct model *m, const struct legs *legs, int n_steps)
{
    int longest = 0;
    for (int first = 0; first < m->n; first++) {
        int hops = 0;
        for (int step = 0, at = first; step < n_steps; step++, at = legs->leg[at].dst)
            hops += hops_of(m, &legs->leg[at]);
        longest = hops > longest ? hops : longest;
    }
    return longest;
}

static void check_ring(struct model *m, const plmr_flow *flow, int64_t words)
{
    const struct legs *legs = run(m, flow, words);
    assert_int_equal(flow->hops, longest_path(m, legs, flow->turns));
    for (int half = 0; half < 2; half++)
        lap_by_legs(m, legs, flow->launch, (double)words);
    compare(m, "ring allreduce");
}

/* A lap, phase by phase, then all legs of the last phase at once. */
static void check_scatter(struct model *m, const plmr_flow *flow, int64_t words)
{
    static struct legs last;
    const struct legs *legs = run(m, flow, words);
    int n_lap = m->n * (m->n - 1);
    assert_int_equal(flow->hops, longest_path(m, legs, m->n - 1) + m->n - 1);
    for (int i = 0; i < legs->n; i++)
        assert_int_equal(legs->leg[i].phase, i < n_lap ? i / m->n : m->n - 1);
    last.n = legs->n - n_lap;
    assert_int_equal(last.n, m->n * (m->n - 1));
    memcpy(last.leg, legs->leg + n_lap, (size_t)last.n * sizeof *last.leg);
    lap_by_legs(m, legs, flow->launch, (double)words);
    multicast_by_legs(m, &last, (double)words, (double)words * (m->n - 1));
    compare(m, "scatter");
}

static void check_reductions(struct model *m)
{
    for (int i = 0; i < plmr_reduce_count(); i++)
        for (int levels = 1; levels <= 3; levels++) {
            const plmr_reduce_algorithm *algorithm = plmr_reduce_at(i);
            plmr_reduce_options options = {.n_levels = levels};
            plmr_reduce_plan *plan;
            plmr_status status = plmr_reduce_plan_create(algorithm, m->device, m->axis, m->n, &options, &plan);
            if (status) {
                assert_true(m->n < 3);
                plmr_error_free(status);
                continue;
            }
            plmr_flow flow = plmr_flow_allreduce(m->t.region, m->axis, plan);
            if (strcmp(algorithm->name, "ring") == 0)
                check_ring(m, &flow, 6);
            else if (strcmp(algorithm->name, "scatter") == 0)
                check_scatter(m, &flow, 6);
            else
                run_streams(m, &flow, 11, algorithm->name);
            for (int half = 0; half < 2 && strcmp(algorithm->name, "ktree") == 0; half++) {
                plmr_flow part = plmr_flow_half(m->t.region, m->axis, plan, half == 1, "scores");
                run_streams(m, &part, 5, part.verb);
            }
            plmr_reduce_plan_destroy(plan);
        }
    plmr_reduce_plan *plan;
    plmr_flow flow = plmr_flow_chain(m->t.region, m->axis, 2.17, &plan);
    run_streams(m, &flow, 4, "chain");
    plmr_reduce_plan_destroy(plan);
}

/* Lines whose borders lie anywhere, on meshes and tori. */
static plmr_device bordered(int pitch)
{
    plmr_device device = test_device(pitch % 2 ? "wse2:topology=torus" : "wse2");
    device.border_cols = pitch;
    device.border_rows = pitch + 1;
    device.border_hop = 17.5;
    device.border_link = pitch % 4 == 3 ? 20.25 : 1.25;
    device.border_lanes = 2 * (pitch % 3);
    return device;
}

static void every_kind_is_its_legs_over_borders(void **state)
{
    (void)state;
    static struct model m;
    for (int pitch = 1; pitch <= 7; pitch++)
        for (int n = 1; n <= MOST; n += n < 12 ? 3 : 9)
            for (int axis = 0; axis < 2; axis++) {
                plmr_device device = bordered(pitch);
                device.rows = axis == PLMR_Y ? n : LINES;
                device.cols = axis == PLMR_X ? n : LINES;
                open_model(&m, &device, (enum plmr_axis)axis, n);
                check_exchanges(&m);
                check_multicasts(&m);
                check_reductions(&m);
                test_region_close(&m.t);
            }
}

static void every_kind_is_its_legs(void **state)
{
    (void)state;
    char **names;
    int n_names;
    static struct model m;
    must(plmr_device_names(&names, &n_names));
    for (int d = 0; d < n_names; d++)
        for (int n = 1; n <= MOST; n += n < 12 ? 1 : 7)
            for (int axis = 0; axis < 2; axis++) {
                plmr_device device = test_device(names[d]);
                device.rows = axis == PLMR_Y ? n : LINES; /* which a torus closes */
                device.cols = axis == PLMR_X ? n : LINES;
                open_model(&m, &device, (enum plmr_axis)axis, n);
                check_exchanges(&m);
                check_multicasts(&m);
                check_reductions(&m);
                test_region_close(&m.t);
            }
    free(names);
}

/* ---- sums that converge on a root of each row's own ---- */

/* Two profiles' links are the same. */
static void compare_links(const plmr_profile *a, const plmr_profile *b)
{
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < a->extent[PLMR_X]; i++)
            assert_int_equal(a->links[PLMR_X][way][i], b->links[PLMR_X][way][i]);
}

/* The chains of one step of C = A B^T, row by row, and the links of all together. */
static void check_converging(const plmr_device *device, int n)
{
    plmr_gemm_problem problem = {LINES * n, n, LINES * n, LINES, n, PLMR_F16, PLMR_F32, true};
    static struct model m;
    plmr_gemm *gemm;
    open_model(&m, device, PLMR_X, n);
    must(plmr_gemm_open(plmr_gemm_find("meshgemm"), &problem, m.t.region, NULL, NULL, &gemm));
    plmr_flow flow = plmr_flow_converge(gemm->c);
    plmr_profile *closed = plmr_profile_create(m.t.region->extent), *counted = plmr_profile_create(m.t.region->extent);
    flow.kind->links(&flow, (uint64_t)(LINES * flow.turns), 0, closed);
    plmr_flow_begin(&flow, 8);
    for (int i = 0; i < flow.turns; i++)
        for (int row = 0; row < LINES; row++) {
            flow.line = row;
            flow.turn = i;
            plmr_flow one = flow;
            one.forward = device->stage;
            stream_by_legs(&m, m.clock[row], &one, list_legs(&flow), 8);
            plmr_flow_count(&flow, 1, 0, counted);
            assert_int_equal(links_by_legs(&m, list_legs(&flow)), flow.n_links);
        }
    compare(&m, "converging sums");
    compare_links(closed, counted);
    check_routes(&m, &flow, list_legs(&flow));
    plmr_profile_destroy(counted);
    plmr_profile_destroy(closed);
    plmr_gemm_close(gemm);
    test_region_close(&m.t);
}

static void converging_sums_are_their_legs(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2"), slow = test_device("wormhole");
    slow.sram = 1e9;
    slow.rows = slow.cols = MOST;
    for (int n = 3; n <= MOST; n += n < 12 ? 3 : 9) {
        check_converging(&device, n);
        check_converging(&slow, n);
        plmr_device dies = bordered(5);
        dies.sram = 1e9;
        dies.rows = dies.cols = MOST;
        check_converging(&dies, n);
    }
}

/* ---- a diagonal that multicasts ---- */

/* Every step's multicasts, row by row and turn by turn. */
static void check_diagonal(const plmr_device *device, int n)
{
    plmr_gemm_problem problem = {LINES * n, n, LINES * n, LINES, n, PLMR_F16, PLMR_F32, false};
    const plmr_gemm_algorithm *fox = plmr_gemm_find("fox");
    static struct model m, all;
    plmr_gemm *gemm;
    open_model(&m, device, PLMR_X, n);
    must(plmr_gemm_open(fox, &problem, m.t.region, NULL, NULL, &gemm));
    must(plmr_gemm_run(fox, gemm));
    plmr_flow flow = *gemm->a->flow;
    plmr_clock_reset(m.t.region->clock);
    scatter(&m);
    for (flow.from = 0; flow.from < gemm->layout.n_slots; flow.from += 5) {
        plmr_profile *closed = plmr_profile_create(m.t.region->extent),
                     *counted = plmr_profile_create(m.t.region->extent);
        flow.kind->links(&flow, (uint64_t)(LINES * flow.turns), 0, closed);
        plmr_flow_run(&flow, 8);
        for (flow.turn = 0; flow.turn < flow.turns; flow.turn++)
            for (flow.line = 0; flow.line < LINES; flow.line++) {
                all = m;
                multicast_by_legs(&all, list_legs(&flow), 8, 8);
                memcpy(m.clock[flow.line], all.clock[flow.line], sizeof *m.clock);
                plmr_flow_count(&flow, 1, 0, counted);
                assert_int_equal(links_by_legs(&m, list_legs(&flow)), flow.n_links);
                check_routes(&m, &flow, list_legs(&flow));
            }
        compare(&m, "multicasts of a diagonal");
        compare_links(closed, counted);
        plmr_profile_destroy(counted);
        plmr_profile_destroy(closed);
    }
    plmr_gemm_close(gemm);
    test_region_close(&m.t);
}

static void a_diagonals_multicasts_are_their_legs(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2"), slow = test_device("wormhole");
    slow.sram = 1e9;
    slow.rows = slow.cols = MOST;
    for (int n = 3; n <= MOST; n += n < 12 ? 3 : 9) {
        check_diagonal(&device, n);
        check_diagonal(&slow, n);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_its_legs),
        cmocka_unit_test(every_kind_is_its_legs_over_borders),
        cmocka_unit_test(converging_sums_are_their_legs),
        cmocka_unit_test(a_diagonals_multicasts_are_their_legs),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
