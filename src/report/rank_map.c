#include "report/rank_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/table.h"

static int count(const plmr_rank_map *map)
{
    return map->rank_rows * map->rank_cols;
}

plmr_block_of_rank plmr_rank_block(const plmr_rank_map *map, const plmr_rank_site *rank, int rows, int cols)
{
    plmr_block_of_rank block;
    int n_rows, n_cols;
    plmr_ranks_share(rows, map->rank_rows, rank->row, &block.first_row, &n_rows);
    plmr_ranks_share(cols, map->rank_cols, rank->col, &block.first_col, &n_cols);
    block.last_row = block.first_row + n_rows - 1;
    block.last_col = block.first_col + n_cols - 1;
    return block;
}

/* "vm, package 0, NUMA 0, L3 0, core 1"; what a rank is not bound to is left out. */
static struct site_text {
    char s[160];
} format_site(const plmr_site *site)
{
    struct site_text text;
    const char *names[] = {"package", "NUMA", "L3", "core"};
    int numbers[] = {site->package, site->numa, site->l3, site->core};
    size_t used = (size_t)snprintf(text.s, sizeof text.s, "%s", site->host);
    for (int i = 0; i < 4; i++)
        if (numbers[i] >= 0 && used < sizeof text.s)
            used += (size_t)snprintf(text.s + used, sizeof text.s - used, ", %s %d", names[i], numbers[i]);
    if (!site->bound && used < sizeof text.s)
        snprintf(text.s + used, sizeof text.s - used, ", not bound");
    return text;
}

int plmr_ranks_first_on_host(const plmr_rank_map *map, int i)
{
    int first = 0;
    while (strcmp(map->ranks[first].site.host, map->ranks[i].site.host) != 0)
        first++;
    return first;
}

int plmr_ranks_hosts(const plmr_rank_map *map)
{
    int n = 0;
    for (int i = 0; i < count(map); i++)
        n += plmr_ranks_first_on_host(map, i) == i;
    return n;
}

/* A report has room for so many; plmr topo shows all. */
enum { MOST_PRINTED = 8 };

void plmr_ranks_print(FILE *out, const plmr_rank_map *map, int rows, int cols)
{
    for (int i = 0; i < count(map) && count(map) > 1 && count(map) <= MOST_PRINTED; i++) {
        const plmr_rank_site *rank = &map->ranks[i];
        plmr_block_of_rank b = plmr_rank_block(map, rank, rows, cols);
        char label[24];
        snprintf(label, sizeof label, "rank %d", rank->rank);
        plmr_table_fact(out, label, "rows %d..%d, columns %d..%d on %s", b.first_row, b.last_row, b.first_col,
                        b.last_col, format_site(&rank->site).s);
    }
    if (count(map) > MOST_PRINTED)
        plmr_table_fact(out, "", "on %d hosts; the record and plmr topo say where each is", plmr_ranks_hosts(map));
}

char *plmr_ranks_text(const plmr_rank_map *map, int rows, int cols)
{
    char *text;
    size_t size;
    FILE *out = plmr_take_stream(&text, &size);
    for (int i = 0; i < count(map); i++) {
        const plmr_rank_site *rank = &map->ranks[i];
        plmr_block_of_rank b = plmr_rank_block(map, rank, rows, cols);
        fprintf(out, "%s%d rows %d..%d cols %d..%d on %s", i ? "; " : "", rank->rank, b.first_row, b.last_row,
                b.first_col, b.last_col, format_site(&rank->site).s);
    }
    plmr_stream_end(out);
    return text;
}

void plmr_ranks_warn(const plmr_rank_map *map)
{
    char text[400];
    const char *quiet = getenv("PLMR_QUIET");
    if (!(quiet && *quiet) && plmr_rank_map_warning(map, text, sizeof text))
        fprintf(stderr, "plmr: warning: %s (PLMR_QUIET=1 leaves this out)\n", text);
}
