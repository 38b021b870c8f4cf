#include "infer/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/chunk_sums.h"
#include "infer/line_sums.h"

/* ---- products with vectors ---- */

/* The strips at hand. */
struct strips {
    int64_t first; /* column; -1: none yet */
    const char *rows[PLMR_PROGRAM_STRIPS];
};

struct product {
    plmr_matrix *matrix;
    int n;
    const float *x;
    size_t ldx;
    int32_t *row, *place; /* by core: the first row of its tile, -1: it has none; where the tile's part of x lies */
    char *room;           /* for strips: products are made one after the other, and share it; NULL: all are kept */
    struct strips *strips;
    plmr_line_sums *lines;   /* NULL: not read */
    plmr_chunk_sums *blocks; /* NULL: not read */
    const float *sums;       /* by chunk, of the columns at hand, that these give */
    int32_t *at;             /* by core: where its chunk's sums are */
};

/* x is in the order in which chunks are dealt. */
static void list_tiles(struct product *p, const plmr_ring *ring, int first, int count)
{
    const plmr_matrix *m = p->matrix;
    for (int core = 0; core < count; core++) {
        int chunk = plmr_ring_position(ring, first + core);
        p->row[core] = (int32_t)plmr_matrix_row(m, chunk);
        p->place[core] = (int32_t)plmr_part_index(&m->in, chunk) * m->layout.in->size;
    }
}

/* The columns of p->b; the last strip may be narrow, and filled up with columns that nobody wants. */
static void run_strips(plmr_gemv_program *p, enum plmr_dtype dtype, int64_t width, float *stack)
{
    float own[(PLMR_TREE_DEPTH + 1) * PLMR_PROGRAM_COLS];
    int64_t rest = width % PLMR_PROGRAM_COLS;
    p->n_strips = (int)(width / PLMR_PROGRAM_COLS);
    p->n_cols = PLMR_PROGRAM_COLS;
    if (p->n_strips)
        plmr_vectors()->gemv_program(dtype, p, stack);
    if (!rest)
        return;
    plmr_gemv_program narrow = *p;
    narrow.n_strips = 1;
    narrow.n_cols = (int)plmr_strip_cols(rest);
    narrow.b[0] = p->b[p->n_strips];
    plmr_vectors()->gemv_program(dtype, &narrow, own);
    memcpy(stack + width - rest, own, (size_t)rest * sizeof *own);
}

static size_t strip_room(const plmr_matrix *m)
{
    return (size_t)m->n_in * PLMR_PROGRAM_COLS * sizeof(float);
}

static void take_strips(const struct product *p, int64_t first, int64_t width)
{
    p->strips->first = first;
    for (int i = 0; i * PLMR_PROGRAM_COLS < width; i++)
        p->strips->rows[i] = plmr_matrix_strip(p->matrix, first + i * PLMR_PROGRAM_COLS,
                                               p->room ? p->room + (size_t)i * strip_room(p->matrix) : NULL);
}

/* Every vector has the stack from where its result stays. */
static void run_program(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width,
                        float *stack)
{
    const struct product *p = context;
    if (p->strips->first != first)
        take_strips(p, first, width);
    plmr_gemv_program program = {
        .ops = ops, .n_ops = n_ops, .kt = p->matrix->layout.in->size, .row = p->row, .place = p->place};
    memcpy(program.b, p->strips->rows, sizeof program.b);
    for (int i = 0; i < p->n; i++, stack += width) {
        program.x = p->x + (size_t)i * p->ldx;
        run_strips(&program, p->matrix->dtype, width, stack);
    }
}

/* Of several vectors strip by strip, which stays in the cache; so does what has to be widened. */
static int64_t columns_at_once(const plmr_matrix *m, int n)
{
    return n == 1 && m->stored.n_elements == 1 ? PLMR_PROGRAM_STRIPS * PLMR_PROGRAM_COLS : PLMR_PROGRAM_COLS;
}

/* ---- products with columns where they lie: lines, or quantised blocks ---- */

static int line_cols(const plmr_matrix *m)
{
    return plmr_matrix_is_packed(m) ? PLMR_PACKED_COLS : PLMR_LINE_COLS;
}

static void run_lines(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width,
                      float *stack)
{
    const struct product *p = context;
    int n_cols = line_cols(p->matrix);
    float own[(PLMR_TREE_DEPTH + 1) * PLMR_PACKED_COLS];
    if (p->strips->first != first && p->blocks)
        plmr_chunk_sums_make(p->blocks, first);
    else if (p->strips->first != first)
        plmr_line_sums_make(p->lines, first);
    p->strips->first = first;
    const float *sums = p->sums;
    for (int i = 0; i < p->n; i++, stack += width, sums += p->matrix->in.n_chunks * n_cols) {
        float *to = width == n_cols ? stack : own;
        plmr_lines()->add_lines(n_cols, ops, n_ops, p->at, sums, to);
        if (to != stack)
            memcpy(stack, to, (size_t)width * sizeof *stack);
    }
}

static void prepare_lines(struct product *p, size_t n_cores)
{
    const plmr_matrix *m = p->matrix;
    if (plmr_matrix_is_packed(m)) {
        p->blocks = plmr_chunk_sums_create(m, p->n, p->x, p->ldx);
        p->sums = p->blocks->sums;
    } else {
        p->lines = plmr_line_sums_create(m, p->x);
        p->sums = p->lines->sums;
    }
    p->at = plmr_take(n_cores * sizeof *p->at);
    for (size_t core = 0; core < n_cores; core++)
        p->at[core] = p->row[core] < 0 ? -1 : p->place[core] / m->layout.in->size * line_cols(m);
}

static void free_lines(struct product *p)
{
    free(p->at);
    plmr_line_sums_destroy(p->lines);
    plmr_chunk_sums_destroy(p->blocks);
}

static bool reads_lines(const plmr_matrix *m, int n)
{
    return plmr_matrix_is_packed(m) || (n == 1 && m->in_place && !m->kept);
}

/* Room for strips, unless all are kept. */
static char *take_room(const plmr_token_product *products, int n)
{
    bool kept = true;
    for (int i = 0; i < n; i++)
        kept = kept && plmr_matrix_is_kept(products[i].matrix);
    return kept ? NULL : plmr_take(PLMR_PROGRAM_STRIPS * strip_room(products->matrix) + 1);
}

static plmr_tree_job job_of(const plmr_tree *tree, const plmr_token_product *product, const struct product *p)
{
    bool lines = reads_lines(p->matrix, p->n);
    return (plmr_tree_job){
        .tree = tree,
        .accumulate = PLMR_F32,
        .n_batch = p->n,
        .n = p->matrix->n_out,
        .strip = lines ? line_cols(p->matrix) : columns_at_once(p->matrix, p->n),
        .run = lines ? run_lines : run_program,
        .context = p,
        .sum = product->y,
        .ld_sum = product->ldy,
    };
}

void plmr_token_multiply(const plmr_grid *grid, const plmr_token_product *products, int n_products, int n,
                         const float *x, size_t ldx)
{
    const plmr_ring *ring = products->matrix->layout.in_ring;
    const plmr_tree *tree = ring->axis == PLMR_X ? grid->tree_x : grid->tree_y;
    size_t n_all = (size_t)n_products, n_cores = (size_t)grid->region->count[ring->axis];
    struct product *of = plmr_take(n_all * sizeof *of);
    plmr_tree_job *jobs = plmr_take(n_all * sizeof *jobs);
    struct strips *strips = plmr_take(n_all * sizeof *strips);
    int32_t *lists = plmr_take(2 * n_cores * sizeof *lists);
    char *room = take_room(products, n_products);
    for (int i = 0; i < n_products; i++) {
        strips[i].first = -1;
        of[i] = (struct product){.matrix = products[i].matrix,
                                 .n = n,
                                 .x = x,
                                 .ldx = ldx,
                                 .row = lists,
                                 .place = lists + n_cores,
                                 .room = room,
                                 .strips = &strips[i]};
        jobs[i] = job_of(tree, &products[i], &of[i]);
    }
    list_tiles(&of[0], ring, grid->region->first[ring->axis], (int)n_cores);
    for (int i = 0; i < n_products; i++)
        if (jobs[i].run == run_lines)
            prepare_lines(&of[i], n_cores);
    plmr_tree_run_fused(jobs, n_products);
    for (int i = 0; i < n_products; i++)
        free_lines(&of[i]);
    free(room);
    free(lists);
    free(strips);
    free(jobs);
    free(of);
}

/* ---- sums of products ---- */

/* Core c of matrix i is core c * n + i of one program, whose rows are counted from the first strip in memory. */
struct sum {
    const plmr_token_sum *of;
    int n;
    plmr_matrix *const *matrices;
    int32_t *row;       /* of its matrix, by core of the program; -1: it has none */
    int64_t first;      /* column of the strips at hand; -1: none */
    const char **strip; /* by matrix; and how many rows it lies above the lowest */
    int64_t *above;
    char *room;                     /* NULL: not needed so far */
    int32_t *all_rows, *all_places; /* by core of the program */
    plmr_tree_op *ops;              /* what the tree's become: those from number at[i] on do for its operation i */
    int *at;
};

static const char *lowest(const struct sum *s)
{
    const char *low = s->strip[0];
    for (int i = 1; i < s->n; i++)
        low = s->strip[i] < low ? s->strip[i] : low;
    return low;
}

static bool all_kept(const struct sum *s)
{
    bool kept = true;
    for (int i = 0; i < s->n; i++)
        kept = kept && plmr_matrix_is_kept(s->matrices[i]);
    return kept;
}

/* Rows of all strips are counted from the lowest. */
static void count_rows(struct sum *s, size_t row_bytes)
{
    const char *low = lowest(s);
    bool moved = false;
    for (int i = 0; i < s->n; i++) {
        int64_t above = (s->strip[i] - low) / (int64_t)row_bytes;
        moved = moved || above != s->above[i];
        s->above[i] = above;
    }
    for (int i = 0; i < s->of->n_cores * s->n && moved; i++)
        s->all_rows[i] = s->row[i] < 0 ? -1 : (int32_t)(s->above[i % s->n] + s->row[i]);
}

/* Strips that are not kept, or narrower than the kernel's, are no whole number of rows apart, unless all are copied. */
static void bring_strips(struct sum *s, int64_t first, int64_t width)
{
    const plmr_matrix *m = s->matrices[0];
    size_t row_bytes = (size_t)plmr_strip_cols(width) * plmr_dtype_bytes(m->dtype),
           n_bytes = (size_t)m->n_in * row_bytes;
    bool apart = width != PLMR_PROGRAM_COLS;
    s->first = first;
    if (!s->room && (apart || !all_kept(s)))
        s->room = plmr_take((size_t)s->n * strip_room(m) + 1);
    for (int i = 0; i < s->n; i++) {
        char *room = s->room ? s->room + (size_t)i * n_bytes : NULL;
        s->strip[i] = plmr_matrix_strip(s->matrices[i], first, room);
        apart = apart || s->strip[i] == room;
    }
    for (int i = 0; i < s->n && apart; i++)
        if (s->strip[i] != s->room + (size_t)i * n_bytes)
            s->strip[i] = memcpy(s->room + (size_t)i * n_bytes, s->strip[i], n_bytes);
    count_rows(s, row_bytes);
}

/* A core's value, by operations from number n on; returns how many there are then. */
static int push_core(const struct sum *s, int core, int n)
{
    int n_parts = 0, last = -1;
    for (int i = 0; i < s->n; i++) {
        if (s->row[core * s->n + i] < 0)
            continue;
        bool begins = last < 0 || s->of->part[i] != s->of->part[last];
        if (begins && n_parts++ > 1)
            s->ops[n++] = (plmr_tree_op){PLMR_TREE_MERGE, 0};
        s->ops[n++] = (plmr_tree_op){begins ? PLMR_TREE_PUSH : PLMR_TREE_ONTO, core * s->n + i};
        last = i;
    }
    if (n_parts != 1)
        s->ops[n++] = n_parts ? (plmr_tree_op){PLMR_TREE_MERGE, 0} : (plmr_tree_op){PLMR_TREE_PUSH, core * s->n};
    return n;
}

/* Only then does it meet other cores'. */
static void spread_ops(struct sum *s)
{
    const plmr_tree *tree = s->of->tree;
    int n = 0, n_ops = tree->first[tree->n_values];
    for (int k = 0; k < n_ops; k++) {
        s->at[k] = n;
        if (tree->ops[k].kind != PLMR_TREE_MERGE)
            n = push_core(s, tree->ops[k].core, n);
        if (tree->ops[k].kind != PLMR_TREE_PUSH)
            s->ops[n++] = (plmr_tree_op){PLMR_TREE_MERGE, 0};
    }
    s->at[n_ops] = n;
}

static void run_sum(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width, float *stack)
{
    struct sum *s = *(struct sum *const *)context;
    const plmr_matrix *m = s->matrices[0];
    if (s->first != first)
        bring_strips(s, first, width);
    const int *at = s->at + (ops - s->of->tree->ops);
    plmr_gemv_program program = {.ops = s->ops + at[0],
                                 .n_ops = at[n_ops] - at[0],
                                 .kt = m->layout.in->size,
                                 .row = s->all_rows,
                                 .place = s->all_places,
                                 .x = s->of->x,
                                 .b = {lowest(s)}};
    run_strips(&program, m->dtype, width, stack);
}

static void list_cores(struct sum *s)
{
    const plmr_matrix *m = s->matrices[0];
    for (int i = 0; i < s->of->n_cores * s->n; i++) {
        int chunk = s->of->chunk[i];
        s->row[i] = chunk < 0 ? -1 : (int32_t)plmr_matrix_row(m, chunk);
        int place = s->row[i] < 0 ? 0 : plmr_part_index(&m->in, chunk) * m->layout.in->size;
        s->all_places[i] = (int32_t)((size_t)(i % s->n) * s->of->ldx) + place;
    }
}

static void prepare_sum(struct sum *s)
{
    const plmr_tree *tree = s->of->tree;
    size_t n_ops = (size_t)tree->first[tree->n_values], n_all = (size_t)(s->of->n_cores * s->n), n = (size_t)s->n;
    s->row = plmr_take(3 * n_all * sizeof *s->row + 1);
    s->all_rows = s->row + n_all;
    s->all_places = s->all_rows + n_all;
    s->strip = plmr_take(n * sizeof *s->strip);
    s->above = plmr_take(n * sizeof *s->above);
    memset(s->above, -1, n * sizeof *s->above);
    s->ops = plmr_take(n_ops * (2 * n + 1) * sizeof *s->ops + 1);
    s->at = plmr_take((n_ops + 1) * sizeof *s->at);
    list_cores(s);
    spread_ops(s);
}

void plmr_token_multiply_sum(const plmr_token_sum *of, float *y)
{
    struct sum sum = {.of = of, .n = of->n, .matrices = of->matrices, .first = -1}, *context = &sum;
    prepare_sum(&sum);
    plmr_tree_job job = {
        .tree = of->tree,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = of->matrices[0]->n_out,
        .strip = PLMR_PROGRAM_COLS,
        .run = run_sum,
        .context = &context,
        .sum = y,
        .ld_sum = (size_t)of->matrices[0]->n_out,
    };
    plmr_tree_run(&job);
    free(sum.at);
    free(sum.ops);
    free(sum.above);
    free(sum.strip);
    free(sum.room);
    free(sum.row);
}

/* ---- norms ---- */

/* By request and core of the line: the sum of the squares of the core's elements. */
struct squares {
    int n_cores;
    float *of_cores;
};

static void run_squares(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width,
                        float *stack)
{
    const struct squares *s = context;
    *stack = plmr_tree_sum(ops, n_ops, s->of_cores + first * s->n_cores);
    (void)width;
}

/* The last chunk may end in padding. */
static void sum_squares(const plmr_grid *grid, const plmr_part *part, const float *x, float *of_chunks, float *of_cores)
{
    const plmr_deal *deal = &grid->dim;
    plmr_vectors()->squares(part->n_chunks, deal->size, x, of_chunks);
    for (int c = 0; c < part->n_chunks; c++) {
        int n = (int)plmr_clip((int64_t)plmr_part_chunk(part, c) * deal->size, deal->size, deal->n);
        if (n < deal->size)
            plmr_vectors()->squares(1, n, x + (size_t)c * (size_t)deal->size, of_chunks + c);
    }
    for (int core = 0; core < grid->region->count[PLMR_Y]; core++) {
        int index = plmr_part_index(part, plmr_ring_position(grid->y, grid->region->first[PLMR_Y] + core));
        of_cores[core] = index < 0 ? 0 : of_chunks[index];
    }
}

void plmr_token_norm(const plmr_grid *grid, float eps, const float *weight, int n, const float *x, float *y, size_t ld)
{
    plmr_part part = plmr_part_here(&grid->dim, grid->y);
    int64_t n_here = plmr_part_places(&part, &grid->dim);
    int n_cores = grid->region->count[PLMR_Y];
    float *sum = plmr_take((size_t)(n + n_here + part.n_chunks + n * n_cores) * sizeof *sum), *picked = sum + n;
    float *of_chunks = picked + n_here, *of_cores = of_chunks + part.n_chunks;
    for (int i = 0; i < n; i++)
        sum_squares(grid, &part, x + (size_t)i * ld, of_chunks, of_cores + i * n_cores);
    plmr_tree_job job = {
        .tree = grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = n,
        .strip = 1,
        .run = run_squares,
        .context = &(struct squares){n_cores, of_cores},
        .sum = sum,
        .ld_sum = (size_t)n,
    };
    plmr_tree_run(&job);
    plmr_part_pick(&part, &grid->dim, weight, picked);
    for (int i = 0; i < n; i++)
        plmr_vectors()->scale(n_here, 1 / sqrtf(sum[i] / (float)grid->dim.n + eps), picked, x + (size_t)i * ld,
                              y + (size_t)i * ld);
    free(sum);
}
