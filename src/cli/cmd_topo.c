#include "cli/cli.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "report/jsonl.h"
#include "report/rank_map.h"

struct topo_command {
    int rows, cols, rank_rows, rank_cols;
    const char *json;
};

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"cores", "HxW", NULL, "The region that the ranks share", PLMR_PAIR(struct topo_command, rows, "360x360"),
     .value = "64x64"},
    {"ranks", "RxC", NULL,
     "How they divide it; by default as other commands do, but for language models, which choose by what travels",
     PLMR_PAIR(struct topo_command, rank_rows, "2x3")},
    {"json", "FILE|-", NULL, "One JSON object per rank; with - the text goes to standard error",
     PLMR_TEXT_WRITTEN(struct topo_command, json)},
    {0},
};

/* ---- telling ---- */

static const char *or_dash(int number, char text[16])
{
    if (number < 0)
        return "-";
    snprintf(text, 16, "%d", number);
    return text;
}

static const char *cache_text(int number, int64_t n_bytes, char text[32])
{
    double mib = (double)n_bytes / (1 << 20);
    char which[16] = "";
    if (number >= 0)
        snprintf(which, sizeof which, "%d: ", number);
    if (n_bytes > 0)
        snprintf(text, 32, "%s%.3g MiB", which, mib);
    return n_bytes > 0 ? text : "-";
}

static void print_rank(FILE *out, const struct topo_command *c, const plmr_rank_map *t, const plmr_rank_site *r)
{
    char rows[32], cols[32], package[16], numa[16], core[16], l2[32], l3[32];
    plmr_block_of_rank b = plmr_rank_block(t, r, c->rows, c->cols);
    const plmr_site *s = &r->site;
    snprintf(rows, sizeof rows, "%d..%d", b.first_row, b.last_row);
    snprintf(cols, sizeof cols, "%d..%d", b.first_col, b.last_col);
    fprintf(out, "%5d  %3d,%-3d  %-11s %-11s  %-14s %7s %5s  %-12s %-12s %5s%s\n", r->rank, r->row, r->col, rows, cols,
            s->host, or_dash(s->package, package), or_dash(s->numa, numa), cache_text(s->l3, s->l3_bytes, l3),
            cache_text(s->l2, s->l2_bytes, l2), or_dash(s->core, core), s->bound ? "" : "  not bound");
}

static void print_table(FILE *out, const struct topo_command *c, const plmr_rank_map *t)
{
    fprintf(out, "%d x %d cores on %d x %d ranks\n\n", c->rows, c->cols, t->rank_rows, t->rank_cols);
    fprintf(out, "%5s  %-7s  %-11s %-11s  %-14s %7s %5s  %-12s %-12s %5s\n", "rank", "place", "rows", "columns", "host",
            "package", "NUMA", "L3", "L2", "core");
    for (int i = 0; i < t->rank_rows * t->rank_cols; i++)
        print_rank(out, c, t, &t->ranks[i]);
}

/* A picture wider than this is none. */
enum { MOST_ACROSS = 16, MOST_DOWN = 32 };

static int letter_of(const plmr_rank_map *t, int i)
{
    int n = 0, first = plmr_ranks_first_on_host(t, i);
    for (int j = 0; j < first; j++)
        n += plmr_ranks_first_on_host(t, j) == j;
    return 'a' + n % 26;
}

static void print_picture(FILE *out, const plmr_rank_map *t)
{
    if (t->rank_cols > MOST_ACROSS || t->rank_rows > MOST_DOWN)
        return;
    fprintf(out, "\nThe wafer, each rank with a letter for its host:\n\n");
    for (int row = 0; row < t->rank_rows; row++) {
        fputs("  ", out);
        for (int col = 0; col < t->rank_cols; col++) {
            int i = row * t->rank_cols + col;
            fprintf(out, "%5d%c", t->ranks[i].rank, letter_of(t, i));
        }
        fputc('\n', out);
    }
}

static json_t *object_of(const struct topo_command *c, const plmr_rank_map *t, const plmr_rank_site *r)
{
    plmr_block_of_rank b = plmr_rank_block(t, r, c->rows, c->cols);
    const plmr_site *s = &r->site;
    return json_pack("{ss si si si si si si si si ss so so so so so si si si si sb sI sI}", "command", "topo", "ranks",
                     t->rank_rows * t->rank_cols, "rank", r->rank, "row", r->row, "col", r->col, "first_row",
                     b.first_row, "last_row", b.last_row, "first_col", b.first_col, "last_col", b.last_col, "host",
                     s->host, "package", plmr_json_count(s->package), "numa", plmr_json_count(s->numa), "l3",
                     plmr_json_count(s->l3), "l2", plmr_json_count(s->l2), "core", plmr_json_count(s->core),
                     "host_packages", s->n_packages, "host_numa", s->n_numa, "host_l3", s->n_l3, "host_cores",
                     s->n_cores, "bound", s->bound, "l2_bytes", (json_int_t)s->l2_bytes, "l3_bytes",
                     (json_int_t)s->l3_bytes);
}

static plmr_status tell(const struct topo_command *c, const plmr_rank_map *t)
{
    plmr_draft jsonl;
    FILE *out = plmr_text_beside(c->json);
    PLMR_TRY(plmr_jsonl_open("--json", c->json, &jsonl));
    print_table(out, c, t);
    print_picture(out, t);
    plmr_ranks_warn(t);
    plmr_status status = PLMR_OK;
    for (int i = 0; i < t->rank_rows * t->rank_cols && !status; i++)
        status = plmr_json_put(&jsonl, 0, object_of(c, t, &t->ranks[i]));
    return plmr_draft_close(&jsonl, status);
}

static plmr_status run(void *options)
{
    const struct topo_command *c = options;
    plmr_ranks *ranks;
    plmr_rank_map topology;
    PLMR_TRY(plmr_ranks_create(c->rank_rows, c->rank_cols, c->rows, c->cols, &ranks));
    plmr_rank_map_gather(ranks, &topology);
    plmr_status status = plmr_agree(plmr_rank() == 0 ? tell(c, &topology) : PLMR_OK);
    plmr_rank_map_free(&topology);
    plmr_ranks_destroy(ranks);
    return status;
}

const plmr_command plmr_command_topo = {
    .name = "topo",
    .summary = "show which rank owns which cores, and where it runs",
    .about =
        "Shows which rank owns which cores of a region, and where it runs: host, package, NUMA node, caches, core.",
    .more = "For example:\n"
            "  mpirun -n 4 plmr topo --cores 360x360",
    .options = options,
    .size = sizeof(struct topo_command),
    .run = run,
};
