#include "serve/place.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "region/defects.h"

struct search {
    plmr_ranks *ranks;
    const plmr_device *device;
    const plmr_model_shape *shape;
    plmr_llm_setup setup;
    const plmr_serve_wish *wish;
    int side, n_regions, wide;     /* n_regions: of a wafer */
    bool cannot;                   /* passes through the regions at hand break a limit */
    plmr_serve_costs model, draft; /* on them; without a timing: not known yet */
    plmr_candidate *best;          /* so far, on w wafers or fewer at place w; all 0: there is none */
};

static int count_taken(const struct search *s, int n_stages)
{
    return n_stages + (s->wish->draft != NULL);
}

/* Replicas that read prompts for the others. */
static int count_readers(const struct search *s, const plmr_candidate *c)
{
    int wafers = s->wish->n_prompt / c->wide;
    return s->wish->n_prompt ? plmr_replicas_on(wafers, s->n_regions, count_taken(s, c->n_stages))
                             : s->wish->prompt_replicas;
}

/* ---- what a placement comes to ---- */

/* Tokens of the mean request, whose lengths are rounded up. */
static int64_t mean_tokens(const plmr_serve_load *load)
{
    int64_t all = (int64_t)ceil(load->mean_prompt) + (int64_t)ceil(load->mean_output);
    return all < load->longest ? all : load->longest;
}

/* Cycles of what takes longest, a region, or the link that all regions of a wafer share. */
static double slowest(const plmr_serve_costs *c, const plmr_pass_cost *cost)
{
    double most = cost->shared;
    for (int s = 0; s < c->n_stages; s++)
        most = fmax(most, plmr_serve_cost_of_stage(c, cost, s));
    return most;
}

/* The mean prompt: until it is through all regions, for a request alone. Else it is one of n that follow each other through
 * the regions, and the next tokens follow when the last one is through. Chunks follow each other, too: each holds up the next one
 * for as long as its slowest region takes, and none passes the one on the way that takes longest, be the last one ever so short. */
static plmr_status read_prompt(const struct search *s, plmr_serve_costs *c, int64_t n, double *cycles)
{
    int64_t prompt = (int64_t)ceil(s->wish->load->mean_prompt);
    plmr_pass_cost chunk;
    double through = 0;
    *cycles = 0;
    for (int64_t done = 0, k; done < prompt; done += k) {
        k = plmr_smaller(prompt - done, c->chunk);
        PLMR_TRY(plmr_serve_costs_chunk(c, done, k, done + k == prompt, &chunk));
        double pace = slowest(c, &chunk);
        *cycles += pace;
        through = fmax(through, plmr_serve_cost_of_all(c, &chunk) - pace);
    }
    *cycles += through / (double)n;
    return PLMR_OK;
}

/* Tokens of a request in a pass, or, with guesses, in those that follow each other: see place.h. */
static double tokens_of_round(const plmr_serve_wish *wish)
{
    double tokens = 1, right = 1;
    for (int i = 0; i < wish->ahead && wish->draft; i++)
        tokens += right *= wish->accept;
    return tokens;
}

/* By how much more than the mean the longest of n requests makes, about: exact where all are alike, or exponential. */
static double longest_of(double n, double spread)
{
    double more = 0;
    for (int i = 2; i <= n; i++)
        more += 1.0 / i;
    return 1 + spread * more;
}

/* Cycles of a request's round among `together` in batches of n, and for which the draft's region is taken by it. */
static plmr_status run_round(struct search *s, int64_t batch, int64_t row_tokens, double n, double together,
                             double *cycles, double *guesses)
{
    plmr_pass_cost step, guess;
    int ahead = s->wish->draft ? s->wish->ahead : 0;
    PLMR_TRY(plmr_serve_costs_step(&s->model, batch, row_tokens, &step));
    *guesses = 0;
    if (ahead) {
        PLMR_TRY(plmr_serve_costs_step(&s->draft, batch, row_tokens, &guess));
        *guesses = ahead * plmr_serve_cost_of_all(&s->draft, &guess);
    }
    double pace = slowest(&s->model, &step), through = plmr_serve_cost_of_all(&s->model, &step) + ahead * pace;
    double share = longest_of(together, s->wish->load->spread) / together;
    *cycles = fmax((*guesses + through) * share, (1 + ahead) * pace / n);
    *guesses /= n;
    return PLMR_OK;
}

/* A request that has been read in `read` cycles, by the draft in `draft_read`, and whose tokens are made among n: by passes
 * of as many as that takes, which come round when they are through, or as fast as the slowest region lets them. Fewer at a
 * time are looked at, too, for more are not always better; but no larger passes than n take. */
static plmr_status make_tokens(struct search *s, int64_t n, double read, double draft_read, double *cycles)
{
    plmr_serve_costs *c = &s->model;
    double rounds = ceil(s->wish->load->mean_output) / tokens_of_round(s->wish), made, guessed;
    int64_t row = plmr_serve_costs_row(c, mean_tokens(s->wish->load));
    *cycles = INFINITY;
    for (int64_t batch = c->n_batch; batch >= 1; batch /= 2) {
        double together = (double)(n < batch * c->n_stages || s->wish->draft ? n : batch * c->n_stages);
        if (batch > 1 && n <= batch / 2 * c->n_stages)
            continue;
        PLMR_TRY(run_round(s, batch, row, (double)plmr_smaller(n, batch), together, &made, &guessed));
        *cycles = fmin(*cycles, fmax(read + made * rounds, draft_read + guessed * rounds));
    }
    return PLMR_OK;
}

static bool can_be_better(const struct search *s, const plmr_candidate *c)
{
    const plmr_candidate *best = &s->best[c->n_wafers];
    return !best->n_wafers || plmr_aim_is_better(s->wish->aim, c, best);
}

static void note_better(struct search *s, const plmr_candidate *c)
{
    for (int w = c->n_wafers; w <= s->wish->n_wafers; w++)
        if (!s->best[w].n_wafers || plmr_aim_is_better(s->wish->aim, c, &s->best[w]))
            s->best[w] = *c;
}

/* Of a request that is read in so many cycles, and made in so many, where replicas share requests: all do both, or, where
 * some read for the others, the slower part counts. */
static double per_request(const struct search *s, const plmr_candidate *c, double read, double make)
{
    double n = (double)s->wish->load->n, readers = count_readers(s, c);
    if (s->wish->aim->alone)
        return read + make;
    if (readers > 0)
        return fmax(read / fmin(readers, n), make / fmin(c->replicas - readers, n));
    return (read + make) / fmin(c->replicas, n);
}

/* A request among n that a replica has. *can: it can be better than the best so far; tokens are not looked at where the
 * prompt alone takes longer. */
static plmr_status judge(struct search *s, int64_t n, plmr_candidate *c, bool *can)
{
    double read, draft_read = 0, all;
    bool apart = count_readers(s, c) > 0;
    PLMR_TRY(read_prompt(s, &s->model, n, &read));
    c->tokens = (double)(s->model.row_room * s->model.rows) * c->replicas;
    c->cycles = per_request(s, c, read, 0);
    *can = can_be_better(s, c);
    if (!*can)
        return PLMR_OK;
    if (s->wish->draft)
        PLMR_TRY(read_prompt(s, &s->draft, 1, &draft_read));
    if (n == 1 || apart)
        read = fmax(read, draft_read);
    PLMR_TRY(make_tokens(s, n, apart ? 0 : read, apart ? 0 : draft_read, &all));
    c->cycles = apart ? per_request(s, c, read, all) : per_request(s, c, all, 0);
    *can = can_be_better(s, c);
    return PLMR_OK;
}

/* As many to a replica as there is room for; where there are not so many, fewer, or fewer replicas. *better: *c is. */
static plmr_status share_out(struct search *s, const plmr_candidate *with, plmr_candidate *c, bool *better)
{
    int64_t held = s->model.row_room / plmr_serve_costs_row(&s->model, mean_tokens(s->wish->load));
    int64_t n = s->wish->load->n, share = held < n ? held : n;
    bool alone = s->wish->aim->alone, all = alone || count_readers(s, with) || share * with->replicas <= n;
    for (int64_t h = alone ? 1 : share; h >= 1; h = all ? 0 : h - 1) {
        plmr_candidate one = *with;
        bool can;
        one.replicas = all || n / h > with->replicas ? with->replicas : (int)(n / h);
        one.n_wafers = one.wide * plmr_wafers_for(one.replicas, s->n_regions, count_taken(s, one.n_stages));
        PLMR_TRY(judge(s, h, &one, &can));
        if (!can)
            continue;
        *c = one;
        note_better(s, c);
        *better = true;
    }
    return PLMR_OK;
}

/* ---- regions ---- */

/* Of wafers that share the model's experts each has a draft of its own. */
static plmr_status open_costs(const struct search *s, const plmr_model_shape *shape, plmr_serve_costs *costs)
{
    bool is_draft = shape == s->wish->draft;
    plmr_serve_limits limits = {s->wish->n_batch,      s->wish->chunk, s->wish->load->longest,
                                s->wish->load->shares, s->wish->link,  s->wish->aim == &plmr_aim_capacity,
                                is_draft ? s->wide : 1};
    plmr_llm_setup setup = s->setup;
    for (int phase = 0; phase < PLMR_N_PHASES; phase++)
        setup.phase[phase].rows = setup.phase[phase].cols = s->side;
    setup.phase[PLMR_PREFILL].wide = setup.phase[PLMR_DECODE].wide = is_draft ? 1 : s->wide;
    limits.chunk = limits.chunk ? limits.chunk : 4 * s->side;
    limits.chunk = plmr_smaller(limits.chunk, limits.n_context);
    setup.n_layers = shape->n_layers;
    setup.n_batch = 1;
    setup.n_prompt = limits.chunk;
    setup.n_tokens = limits.n_context;
    setup.allow_memory = !setup.streams; /* for the placements that are then tried */
    setup.keeps_none = true;
    setup.profile = false; /* no page of serving has a map */
    return plmr_serve_costs_create(s->ranks, s->device, shape, &setup, &limits, costs);
}

static void close_regions(struct search *s)
{
    plmr_serve_costs_free(&s->model);
    plmr_serve_costs_free(&s->draft);
    s->cannot = false;
}

/* What passes through them take, once it is asked for. */
static plmr_status open_regions(struct search *s)
{
    if (s->model.timing)
        return PLMR_OK;
    PLMR_TRY(open_costs(s, s->shape, &s->model));
    return s->wish->draft ? open_costs(s, s->wish->draft, &s->draft) : PLMR_OK;
}

static plmr_status use_side(void *context, int rows, int cols, int wide)
{
    struct search *s = context;
    (void)cols;
    close_regions(s);
    s->side = rows;
    s->n_regions = plmr_defects_regions(s->device, rows, cols);
    s->wide = wide;
    return PLMR_OK;
}

/* ---- one placement ---- */

/* The draft has a region to itself; the cache ends where either's does, for both have all tokens. */
static plmr_status place(struct search *s, const plmr_candidate *c, bool *fits)
{
    PLMR_TRY(plmr_serve_costs_place(&s->model, c->layers, c->output_apart, c->n_batch, fits));
    if (!s->wish->draft || !*fits)
        return PLMR_OK;
    PLMR_TRY(plmr_serve_costs_place(&s->draft, s->wish->draft->n_layers, false, c->n_batch, fits));
    if (s->draft.row_room < s->model.row_room)
        s->model.row_room = s->draft.row_room;
    return PLMR_OK;
}

/* By the weights alone; what comes in goes through one region. Wafers that read prompts have whole replicas. */
static bool could_hold(const struct search *s, const plmr_candidate *c)
{
    double room = (double)c->n_stages * s->side * s->side * s->device->sram * c->wide;
    int wafers = c->wide * (int)plmr_ceil_div(c->n_wafers / c->wide, c->replicas), n_prompt = s->wish->n_prompt;
    if (n_prompt && (n_prompt % wafers || s->wish->n_wafers - n_prompt < wafers))
        return false;
    if (count_readers(s, c) >= c->replicas && count_readers(s, c))
        return false;
    return s->setup.streams ? c->n_stages == 1 : (double)s->shape->n_bytes <= room;
}

/* By the prompt alone, if no region waited for another. */
static plmr_status could_be_better(struct search *s, const plmr_candidate *c, bool *could)
{
    plmr_candidate least = *c;
    int64_t prompt = (int64_t)ceil(s->wish->load->mean_prompt), all = s->wish->load->longest;
    double layers, side = s->side;
    bool alone = s->wish->aim->alone;
    int64_t n = plmr_smaller(prompt, s->model.chunk);
    PLMR_TRY(plmr_serve_costs_layers(&s->model, 0, n, &layers));
    least.cycles = layers / (alone ? 1 : (double)c->n_stages * fmin(c->replicas, (double)s->wish->load->n));
    least.tokens = side * side * c->n_stages * s->device->sram * c->replicas * c->wide + (double)all;
    *could = can_be_better(s, &least);
    return PLMR_OK;
}

/* With as many requests to a pass as is best: activations of more leave less room for the cache. */
static plmr_status try(struct search *s, plmr_candidate *c, bool *fits)
{
    plmr_candidate with = *c;
    bool fit;
    PLMR_TRY(open_regions(s));
    PLMR_TRY(could_be_better(s, c, &fit));
    for (with.n_batch = s->wish->n_batch; with.n_batch >= 1 && fit; with.n_batch /= 2) {
        bool holds;
        PLMR_TRY(place(s, &with, &holds));
        if (holds)
            PLMR_TRY(share_out(s, &with, c, fits));
    }
    return PLMR_OK;
}

static plmr_status weigh(void *context, plmr_candidate *c, bool *fits)
{
    struct search *s = context;
    *fits = false;
    if (s->cannot || !could_hold(s, c))
        return PLMR_OK;
    plmr_status status = try(s, c, fits);
    if (!status || plmr_error_code(status) != PLMR_ERROR_LIMIT)
        return status;
    plmr_error_free(status);
    s->cannot = true;
    return PLMR_OK;
}

/* ---- all ---- */

/* Wafers may share experts where the link between them is known; weights that come in come to one. */
static int most_wide(const struct search *s, int n_wafers)
{
    bool can = s->wish->link.bytes_s > 0 && !s->setup.streams;
    return !can ? 1 : plmr_smaller(n_wafers, s->shape->n_experts);
}

static plmr_status search(struct search *s, int n_wafers, plmr_candidate *best)
{
    const plmr_device *d = s->device;
    int n_sides, given = s->setup.phase[PLMR_DECODE].rows;
    int *sides = plmr_choose_sides(s->shape, s->wish->load->longest, (int)fmin(d->rows, d->cols), true, &n_sides);
    plmr_choose task = {
        .device = d,
        .aim = s->wish->aim,
        .sides = given ? NULL : sides,
        .n_sides = n_sides,
        .rows = given,
        .cols = given,
        .n_layers = s->shape->n_layers,
        .n_wafers = n_wafers,
        .most_wide = most_wide(s, n_wafers),
        .n_requests = s->wish->most_replicas ? s->wish->most_replicas : INT_MAX,
        .n_beside = s->wish->draft != NULL,
        .has_output = true,
        .open = use_side,
        .weigh = weigh,
        .context = s,
    };
    memset(s->best, 0, ((size_t)s->wish->n_wafers + 1) * sizeof *s->best);
    plmr_status status = plmr_choose_best(&task, best);
    free(sides);
    return status;
}

/* What was chosen, with what the search has found out about its passes. */
static plmr_status take(struct search *s, const plmr_candidate *c, plmr_serve_place *place_)
{
    int taken = count_taken(s, c->n_stages);
    bool fits;
    use_side(s, c->rows, c->cols, c->wide);
    PLMR_TRY(open_regions(s));
    PLMR_TRY(place(s, c, &fits));
    PLMR_ASSERT(fits);
    *place_ = (plmr_serve_place){.best = place_->best,
                                 .streams = place_->streams,
                                 .device = place_->device,
                                 .n_wafers = s->wish->n_wafers,
                                 .used_wafers = c->n_wafers,
                                 .n_replicas = c->replicas,
                                 .n_prompt = count_readers(s, c),
                                 .regions = plmr_timing_placement(s->model.timing, PLMR_DECODE)->n_regions,
                                 .loss = s->wish->aim->loss(c),
                                 .costs = s->model,
                                 .draft = s->draft};
    place_->wafers = plmr_wafers_for(1, place_->regions, taken) * c->wide;
    place_->on_wafer = plmr_replicas_on(1, place_->regions, taken);
    s->model = s->draft = (plmr_serve_costs){0};
    return PLMR_OK;
}

static plmr_status find(struct search *s, const plmr_llm_setup *setup, plmr_serve_place *place)
{
    plmr_candidate best;
    s->setup.streams = s->setup.every_step = false;
    PLMR_TRY(search(s, s->wish->n_wafers, &best));
    if (!best.n_wafers && setup->streams) {
        s->setup.streams = true;
        PLMR_TRY(search(s, 1, &best));
        best.replicas = best.n_wafers = best.n_wafers ? s->wish->n_wafers : 0;
    }
    PLMR_CHECK(
        best.n_wafers, PLMR_ERROR_LIMIT,
        "%s with a request of %lld tokens%s does not fit %d %s%s: choose more --wafers, shorter requests, a smaller "
        "--chunk%s or other --cores",
        s->shape->name, (long long)s->wish->load->longest, s->wish->draft ? " and a draft on one region" : "",
        s->wish->n_wafers, s->device->name,
        s->wish->n_prompt          ? " with so many --prompt-wafers apart"
        : s->wish->prompt_replicas ? " in more than so many --prompt-replicas"
                                   : "",
        !setup->streams && plmr_outside_is_known(s->device) ? ", --stream-weights" : "");
    s->setup.every_step = setup->every_step;
    place->streams = s->setup.streams;
    s->best[s->wish->n_wafers] = best;
    return take(s, &best, place);
}

static plmr_device *copy_of(const plmr_device *device)
{
    plmr_device *copy = plmr_take(sizeof *copy);
    *copy = *device;
    return copy;
}

plmr_status plmr_serve_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                  const plmr_llm_setup *setup, const plmr_serve_wish *wish, plmr_serve_place *place)
{
    struct search s = {.ranks = ranks, .shape = shape, .setup = *setup, .wish = wish};
    *place = (plmr_serve_place){0};
    PLMR_CHECK(!wish->draft || wish->draft->n_vocab == shape->n_vocab, PLMR_ERROR_INPUT,
               "--draft: %s has %d tokens, %s has %d: a draft needs the same vocabulary", wish->draft->name,
               wish->draft->n_vocab, shape->name, shape->n_vocab);
    s.device = place->device = copy_of(device);
    s.best = place->best = plmr_take_zeroed((size_t)wish->n_wafers + 1, sizeof *s.best);
    plmr_status status = find(&s, setup, place);
    close_regions(&s);
    if (status)
        plmr_serve_place_free(place);
    return status;
}

static bool is_same(const plmr_candidate *a, const plmr_candidate *b)
{
    return a->rows == b->rows && a->layers == b->layers && a->output_apart == b->output_apart && a->wide == b->wide &&
           a->replicas == b->replicas && a->n_batch == b->n_batch;
}

/* As often as there is room for; false: it is that already. */
static bool repeat(struct search *s, plmr_candidate *c)
{
    int taken = count_taken(s, c->n_stages), before = c->replicas, most = s->wish->most_replicas;
    s->side = c->rows;
    s->n_regions = plmr_defects_regions(s->device, c->rows, c->cols);
    if (!c->n_wafers || count_readers(s, c))
        return false;
    c->replicas = plmr_replicas_on(s->wish->n_wafers / c->wide, s->n_regions, taken);
    c->replicas = most && most < c->replicas ? most : c->replicas;
    c->n_wafers = c->wide * plmr_wafers_for(c->replicas, s->n_regions, taken);
    return c->replicas > before;
}

plmr_status plmr_serve_place_fewer(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                   const plmr_llm_setup *setup, const plmr_serve_wish *wish,
                                   const plmr_serve_place *most, int n_wafers, bool often, plmr_serve_place *place)
{
    struct search s = {.ranks = ranks, .device = device, .shape = shape, .setup = *setup, .wish = wish};
    plmr_candidate c = most->best[n_wafers];
    *place = (plmr_serve_place){0};
    if (!c.n_wafers || most->streams || is_same(&c, &most->best[n_wafers + 1]))
        return PLMR_OK;
    if (often && (!repeat(&s, &c) || is_same(&c, &most->best[wish->n_wafers])))
        return PLMR_OK;
    s.best = most->best;
    s.device = place->device = copy_of(device);
    s.setup.streams = false;
    plmr_status status = take(&s, &c, place);
    close_regions(&s);
    if (status)
        plmr_serve_place_free(place);
    return status;
}

void plmr_serve_place_free(plmr_serve_place *place)
{
    plmr_serve_costs_free(&place->costs);
    plmr_serve_costs_free(&place->draft);
    free(place->best);
    free(place->device);
    place->best = NULL;
    place->device = NULL;
}

int64_t plmr_serve_place_unused(const plmr_serve_place *p)
{
    int taken = p->costs.n_stages + (p->draft.timing != NULL);
    return (int64_t)p->regions * p->n_wafers - (int64_t)taken * p->n_replicas * p->costs.wide;
}
