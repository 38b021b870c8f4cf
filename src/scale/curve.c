#include "scale/curve.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"
#include "report/record.h"

void plmr_curve_free(plmr_curve *curve)
{
    free(curve->runs);
    *curve = (plmr_curve){0};
}

/* ---- gathering ---- */

static bool same_group(const plmr_scale_run *a, const plmr_scale_run *b)
{
    return strcmp(a->group, b->group) == 0;
}

static void add_run(plmr_curve *curve, const plmr_scale_run *run)
{
    int i = 0;
    while (i < curve->n && !same_group(&curve->runs[i], run))
        i++;
    int order = i < curve->n ? curve->runs[i].order : curve->n;
    curve->runs = plmr_take_more(curve->runs, ((size_t)curve->n + 1) * sizeof *curve->runs);
    curve->runs[curve->n] = *run;
    curve->runs[curve->n++].order = order;
}

static plmr_status add_line(plmr_curve *curve, const char *line, const char *from, int number)
{
    char where[400];
    bool counts;
    plmr_scale_run run;
    snprintf(where, sizeof where, "%.300s: line %d", from, number);
    PLMR_TRY(plmr_scale_run_parse(line, where, curve->weak, &run, &counts));
    if (counts)
        add_run(curve, &run);
    return PLMR_OK;
}

plmr_status plmr_curve_add(plmr_curve *curve, const char *text, const char *from, int *n_added)
{
    int before = curve->n, number = 1;
    char *copy = plmr_take_copy(text);
    plmr_status status = PLMR_OK;
    for (char *rest = copy, *line; !status && (line = strsep(&rest, "\n")); number++)
        if (line[strspn(line, " \t\r")])
            status = add_line(curve, line, from, number);
    free(copy);
    *n_added = curve->n - before;
    return status;
}

/* Problems as they came. */
static int by_problem(const void *a, const void *b)
{
    const plmr_scale_run *x = a, *y = b;
    if (x->order != y->order || x->ranks != y->ranks)
        return x->order != y->order ? x->order - y->order : x->ranks - y->ranks;
    return (x->wall_s > y->wall_s) - (x->wall_s < y->wall_s);
}

plmr_status plmr_curve_finish(plmr_curve *curve)
{
    if (curve->n)
        qsort(curve->runs, (size_t)curve->n, sizeof *curve->runs, by_problem);
    for (int i = 1; i < curve->n; i++) {
        const plmr_scale_run *a = &curve->runs[i - 1], *b = &curve->runs[i];
        bool alike = same_group(a, b) && (!curve->weak || a->ranks == b->ranks);
        PLMR_CHECK(!alike || strcmp(a->answer, b->answer) == 0, PLMR_ERROR_SYSTEM,
                   "%s: cycles or checksum on %d and on %d ranks differ (%s, %s): are these runs of one plmr?",
                   b->workload, a->ranks, b->ranks, a->answer, b->answer);
    }
    return PLMR_OK;
}

/* ---- points ---- */

typedef struct point {
    const plmr_scale_run *run; /* the median */
    int n_runs;
    double least_s, most_s, speedup, efficiency;
    bool is_first; /* of its problem */
} point;

static double rate(const plmr_scale_run *run)
{
    return run->work / run->wall_s / run->ranks;
}

/* The point whose runs begin at `first`; returns where the next one's do. `base` is the first of the problem. */
static int take_point(const plmr_curve *curve, int first, const plmr_scale_run **base, point *p)
{
    const plmr_scale_run *runs = &curve->runs[first];
    int n = 1;
    while (first + n < curve->n && same_group(&runs[n], runs) && runs[n].ranks == runs->ranks)
        n++;
    *p = (point){.run = &runs[(n - 1) / 2], .n_runs = n, .least_s = runs->wall_s, .most_s = runs[n - 1].wall_s};
    p->is_first = !*base || !same_group(*base, runs);
    if (p->is_first)
        *base = p->run;
    p->efficiency = rate(p->run) / rate(*base);
    p->speedup = p->efficiency * p->run->ranks;
    return first + n;
}

/* ---- telling ---- */

static void print_titles(FILE *out, const plmr_curve *curve, const point *p)
{
    fprintf(out, "%s%s scaling of %s: %s\n\n", p->run->order == curve->runs->order ? "" : "\n",
            curve->weak ? "weak" : "strong", p->run->workload, p->run->what);
    fprintf(out, "%5s%6s%10s%9s%9s", "", "", "wall", "speed-", "effi-");
    fprintf(out, "%23s%23s%23s\n", "compute, s     ", "exchange, s    ", "waiting, s     ");
    fprintf(out, "%5s%6s%10s%9s%9s", "ranks", "hosts", "time", "up", "ciency");
    for (int i = 0; i < 3; i++)
        fprintf(out, "%9s%9s%5s", "least", "most", "of");
    fputc('\n', out);
}

static void print_time(FILE *out, const plmr_scale_time *time)
{
    fprintf(out, "%9.2g%9.2g%5d", time->least, time->most, time->rank_most);
}

static void print_point(FILE *out, const point *p)
{
    const plmr_scale_run *r = p->run;
    fprintf(out, "%5d%6d%10s%9.2f%9s", r->ranks, r->hosts, plmr_format_quantity(r->wall_s, "s").s, p->speedup,
            plmr_format_percent(p->efficiency).s);
    if (isfinite(r->compute_s.mean)) {
        print_time(out, &r->compute_s);
        print_time(out, &r->exchange_s);
        print_time(out, &r->wait_s);
    }
    fputc('\n', out);
}

static void print_traffic_titles(FILE *out, const plmr_scale_run *r)
{
    char bytes[32], messages[32];
    snprintf(bytes, sizeof bytes, "bytes/%s", r->step);
    snprintf(messages, sizeof messages, "messages/%s", r->step);
    fprintf(out, "\n%5s%14s%17s%12s%16s\n", "ranks", bytes, messages, "hidden", "memory a rank");
}

static double known(int64_t count)
{
    return count >= 0 ? (double)count : NAN;
}

static void print_traffic(FILE *out, const plmr_scale_run *r)
{
    double steps = r->steps > 0 ? (double)r->steps : NAN;
    fprintf(out, "%5d%14s%17s%12s%16s\n", r->ranks, plmr_format_quantity(known(r->bytes) / steps, "B").s,
            plmr_format_cycles(round(10 * known(r->messages) / steps) / 10).s, plmr_format_percent(r->hidden_share).s,
            plmr_format_quantity(known(r->rss_bytes), "B").s);
}

/* The second table of the problem whose points end at `end`. */
static void print_second(FILE *out, const plmr_curve *curve, int first, int end)
{
    const plmr_scale_run *base = NULL;
    print_traffic_titles(out, &curve->runs[first]);
    for (point p; first < end;) {
        first = take_point(curve, first, &base, &p);
        print_traffic(out, p.run);
    }
}

void plmr_curve_print(FILE *out, const plmr_curve *curve)
{
    const plmr_scale_run *base = NULL;
    point p;
    for (int at = 0, first = 0, next; at < curve->n; at = next) {
        next = take_point(curve, at, &base, &p);
        if (p.is_first) {
            first = at;
            print_titles(out, curve, &p);
        }
        print_point(out, &p);
        if (next == curve->n || !same_group(&curve->runs[next], p.run))
            print_second(out, curve, first, next);
    }
}

/* ---- records ---- */

static json_t *pack(const plmr_curve *curve, const point *p, const plmr_provenance *now)
{
    const plmr_scale_run *r = p->run;
    json_t *o = json_pack(
        "{ss ss si so? so? so? so? so? so? so? so so so so so? ss}", "kind", curve->weak ? "weak" : "strong",
        "workload", r->workload, "ranks", r->ranks, "wall_s", json_real(r->wall_s), "speedup", json_real(p->speedup),
        "efficiency", json_real(p->efficiency), "compute_s", json_real(r->compute_s.mean), "exchange_s",
        json_real(r->exchange_s.mean), "wait_s_min", json_real(r->wait_s.least), "wait_s_max",
        json_real(r->wait_s.most), "wait_rank_max", plmr_json_count(r->wait_s.rank_most), "bytes",
        plmr_json_count(r->bytes), "messages", plmr_json_count(r->messages), "rss_bytes", plmr_json_count(r->rss_bytes),
        "hidden_share", json_real(r->hidden_share), "source", "measured");
    json_object_update_new(
        o, json_pack("{ss si si so? so? so? so? so so? so? so so? so ss ss ss}", "problem", r->what, "hosts", r->hosts,
                     "runs", p->n_runs, "wall_s_least", json_real(p->least_s), "wall_s_most", json_real(p->most_s),
                     "compute_s_min", json_real(r->compute_s.least), "compute_s_max", json_real(r->compute_s.most),
                     "compute_rank_max", plmr_json_count(r->compute_s.rank_most), "exchange_s_min",
                     json_real(r->exchange_s.least), "exchange_s_max", json_real(r->exchange_s.most),
                     "exchange_rank_max", plmr_json_count(r->exchange_s.rank_most), "wait_s", json_real(r->wait_s.mean),
                     "steps", plmr_json_count(r->steps), "step", r->step, "version", PLMR_VERSION, "date", now->date));
    return o;
}

plmr_status plmr_curve_write(plmr_draft *jsonl, const plmr_curve *curve)
{
    const plmr_scale_run *base = NULL;
    plmr_provenance now = plmr_provenance_now();
    point p;
    for (int at = 0; at < curve->n;) {
        at = take_point(curve, at, &base, &p);
        PLMR_TRY(plmr_json_put(jsonl, JSON_REAL_PRECISION(9), pack(curve, &p, &now)));
    }
    return PLMR_OK;
}
