/* Every kernel of every instruction set that this machine has, bit for bit against plain loops: what a core computes
 * when it meets its k one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/isa.h"
#include "kernel/kernel.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the batches of a GEMM ---- */

enum { MOST_RUNS = 3, MOST_SLOTS = 50, MARGIN = 3 };

typedef struct product {
    plmr_gemm_block block;
    plmr_run row_runs[MOST_RUNS], col_runs[MOST_RUNS];
    uint32_t seed;
    bool wild, chained; /* chained: the batches of a run, all but the last open-ended */
    bool holes;         /* some lines are NULL */
    bool together;      /* lines without holes lie one after the other */
    int n_empty;        /* the last lines of both factors, NULL as well; some elements of C are then -0 */
    plmr_gemm_scratch *scratch;
} product;

static int count_chunks(const plmr_run *runs, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += runs[i].count;
    return sum;
}

static int chunk_at(const plmr_run *runs, int place)
{
    while (place >= runs->count)
        place -= runs++->count;
    return runs->first + place;
}

static int slot_of(const plmr_gemm_block *block, int x, int y, int t)
{
    return (t + (block->rows_skewed ? x : 0) + (block->cols_skewed ? y : 0)) % block->n_slots;
}

static enum plmr_dtype dtype_of(const product *p, bool is_b)
{
    return is_b ? p->block.b_dtype : p->block.a_dtype;
}

static bool is_hole(const product *p, bool is_b, int line)
{
    return line >= p->block.n_slots - p->n_empty || (p->holes && hash(p->seed, is_b, (uint32_t)line, 5) % 3 == 0);
}

static uint32_t factor_bits(const product *p, bool is_b, int chunk, int slot, int kk, int i)
{
    uint32_t h = hash(p->seed + is_b, (uint32_t)chunk, (uint32_t)(slot * p->block.kt + kk), (uint32_t)i);
    return element_bits(dtype_of(p, is_b), p->wild, h);
}

static float factor(const product *p, bool is_b, int chunk, int slot, int kk, int i)
{
    bool aligned = is_b ? p->block.b_aligned : p->block.a_aligned;
    int line = aligned ? (slot - chunk + p->block.n_slots) % p->block.n_slots : slot;
    return is_hole(p, is_b, line) ? 0 : element_value(dtype_of(p, is_b), factor_bits(p, is_b, chunk, slot, kk, i));
}

/* May the batch read the k slot of this row chunk (or column chunk)? It multiplies it in steps t0 <= t < t1, or did not
 * in an open-ended batch before. */
static bool is_needed(const product *p, bool is_b, int chunk, int slot)
{
    const plmr_gemm_block *block = &p->block;
    const plmr_run *others = is_b ? block->row_runs : block->col_runs;
    int n_others = count_chunks(others, is_b ? block->n_row_runs : block->n_col_runs);
    int lag = PLMR_LAG(is_b ? block->ns : block->ms), first = block->t0;
    first -= lag < block->n_before ? lag : block->n_before;
    for (int other = 0; other < n_others; other++)
        for (int t = first; t < block->t1; t++) {
            int there = chunk_at(others, other);
            if (slot_of(block, is_b ? there : chunk, is_b ? chunk : there, t) == slot)
                return true;
        }
    return false;
}

static uint32_t nan_bits(enum plmr_dtype dtype)
{
    return dtype == PLMR_F32 ? 0x7fc00000u : dtype == PLMR_F16 ? 0x7e00u : 0x7fc0u;
}

/* Where element (kk, i) of a tile lies. */
static size_t element_at(const product *p, bool is_b, int place, int kk, int i)
{
    const plmr_layout *layout = is_b ? &p->block.b_layout : &p->block.a_layout;
    size_t size = (size_t)(is_b ? p->block.ns : p->block.ms), row = (size_t)place * size + (size_t)i;
    if (layout->per_strip == 0)
        return (size_t)(place * p->block.kt + kk) * size + (size_t)i;
    size_t per_strip = (size_t)layout->per_strip;
    return row / per_strip * layout->strip_stride + (size_t)kk * layout->k_stride + row % per_strip;
}

static int chunks_of(const product *p, bool is_b)
{
    const plmr_gemm_block *block = &p->block;
    return is_b ? count_chunks(block->col_runs, block->n_col_runs) : count_chunks(block->row_runs, block->n_row_runs);
}

static size_t n_rows(const product *p)
{
    return (size_t)chunks_of(p, false) * (size_t)p->block.ms;
}

/* Elements from line to line. */
static size_t line_step(const product *p, bool is_b)
{
    const plmr_layout *layout = is_b ? &p->block.b_layout : &p->block.a_layout;
    return (size_t)p->block.kt * layout->k_stride;
}

/* Memory that ends with the last element of the last of n_lines that lie together, all of it NaN. */
static char *empty_lines(const product *p, bool is_b, int n_lines)
{
    int n_chunks = chunks_of(p, is_b);
    size_t n = 0;
    for (int place = 0; place < n_chunks; place++) {
        size_t end = element_at(p, is_b, place, p->block.kt - 1, (is_b ? p->block.ns : p->block.ms) - 1) + 1;
        n = end > n ? end : n;
    }
    n += (size_t)(n_lines - 1) * line_step(p, is_b);
    char *memory = must_allocate(n * plmr_dtype_bytes(dtype_of(p, is_b)));
    for (size_t i = 0; i < n; i++)
        put_element(dtype_of(p, is_b), memory, i, nan_bits(dtype_of(p, is_b)));
    return memory;
}

static void fill_tile(const product *p, bool is_b, int place, int chunk, int slot, void *line)
{
    for (int kk = 0; kk < p->block.kt; kk++)
        for (int i = 0; i < (is_b ? p->block.ns : p->block.ms); i++)
            put_element(dtype_of(p, is_b), line, element_at(p, is_b, place, kk, i),
                        factor_bits(p, is_b, chunk, slot, kk, i));
}

/* Sets a line's tiles; those that the batch does not need stay NaN. Are there any? */
static bool fill_line(const product *p, bool is_b, int line, void *memory)
{
    const plmr_gemm_block *block = &p->block;
    const plmr_run *runs = is_b ? block->col_runs : block->row_runs;
    bool aligned = is_b ? block->b_aligned : block->a_aligned, used = false;
    for (int place = 0; place < chunks_of(p, is_b) && !is_hole(p, is_b, line); place++) {
        int chunk = chunk_at(runs, place), slot = aligned ? (line + chunk) % block->n_slots : line;
        if (!is_needed(p, is_b, chunk, slot))
            continue;
        used = true;
        fill_tile(p, is_b, place, chunk, slot, memory);
    }
    return used;
}

/* NULL if the batch needs none of it. */
static void *make_line(const product *p, bool is_b, int line)
{
    char *memory = empty_lines(p, is_b, 1);
    if (fill_line(p, is_b, line, memory))
        return memory;
    free(memory);
    return NULL;
}

static void make_lines(const product *p, bool is_b, void **lines)
{
    int n = p->block.n_slots;
    if (!p->together) {
        for (int line = 0; line < n; line++)
            lines[line] = make_line(p, is_b, line);
        return;
    }
    char *memory = empty_lines(p, is_b, n);
    for (int line = 0; line < n; line++) {
        lines[line] = memory + (size_t)line * line_step(p, is_b) * plmr_dtype_bytes(dtype_of(p, is_b));
        fill_line(p, is_b, line, lines[line]);
        if (is_hole(p, is_b, line) && line > 0) /* the first is freed */
            lines[line] = NULL;
    }
}

static void free_lines(const product *p, void **lines)
{
    for (int line = 0; line < (p->together ? 1 : p->block.n_slots); line++)
        free(lines[line]);
}

static void run_batch(const plmr_isa *isa, product *p, int t0, int t1)
{
    void *a_line[MOST_SLOTS], *b_line[MOST_SLOTS];
    p->block.t0 = t0;
    p->block.t1 = t1;
    make_lines(p, false, a_line);
    make_lines(p, true, b_line);
    p->block.a_line = (const void *const *)a_line;
    p->block.b_line = (const void *const *)b_line;
    p->block.isa = isa;
    plmr_gemm_block_run(&p->block, p->scratch);
    free_lines(p, a_line);
    free_lines(p, b_line);
}

static float start_value(const product *p, size_t row, size_t col)
{
    float value =
        element_value(PLMR_F32, element_bits(PLMR_F32, false, hash(p->seed, (uint32_t)row, (uint32_t)col, 99)));
    if (p->n_empty && (row + col) % 3 == 0)
        value = -0.0f;
    return p->block.accumulate == PLMR_F16 ? (float)nearest_f16(value) : value;
}

/* The factor's values of each row (column) of the batch's chunks: slot by slot, k by k. */
static float *factors(const product *p, bool is_b)
{
    const plmr_gemm_block *block = &p->block;
    const plmr_run *runs = is_b ? block->col_runs : block->row_runs;
    int size = is_b ? block->ns : block->ms, n = chunks_of(p, is_b) * size, depth = block->n_slots * block->kt;
    float *values = must_allocate((size_t)n * (size_t)depth * sizeof *values);
    for (int line = 0; line < n; line++)
        for (int at = 0; at < depth; at++)
            values[line * depth + at] =
                factor(p, is_b, chunk_at(runs, line / size), at / block->kt, at % block->kt, line % size);
    return values;
}

/* What steps t0 <= t < t1 make of one element of C. */
static float expected(const product *p, const float *a, const float *b, int row, int col, int t0, int t1)
{
    const plmr_gemm_block *block = &p->block;
    int x = chunk_at(block->row_runs, row / block->ms), y = chunk_at(block->col_runs, col / block->ns);
    int depth = block->n_slots * block->kt;
    float c = start_value(p, (size_t)row, (size_t)col);
    for (int t = t0; t < t1; t++) {
        int slot = slot_of(block, x, y, t) * block->kt;
        for (int kk = slot; kk < slot + block->kt; kk++)
            c = multiply_add(block->accumulate, a[row * depth + kk], b[col * depth + kk], c);
    }
    return c;
}

static void describe(const plmr_isa *isa, const product *p, int row, int col)
{
    const plmr_gemm_block *b = &p->block;
    print_error(
        "%s: element %d %d; n_slots %d kt %d ms %d ns %d skewed %d %d aligned %d %d dtypes %d %d accumulate %d, "
        "rows per strip %d %d, holes %d, together %d, empty %d, chained %d, t1 %d\n",
        isa->name, row, col, b->n_slots, b->kt, b->ms, b->ns, b->rows_skewed, b->cols_skewed, b->a_aligned,
        b->b_aligned, b->a_dtype, b->b_dtype, b->accumulate, b->a_layout.per_strip, b->b_layout.per_strip, p->holes,
        p->together, p->n_empty, p->chained, b->t1);
    for (int i = 0; i < b->n_row_runs; i++)
        print_error("rows %d +%d\n", b->row_runs[i].first, b->row_runs[i].count);
    for (int i = 0; i < b->n_col_runs; i++)
        print_error("cols %d +%d\n", b->col_runs[i].first, b->col_runs[i].count);
}

/* C with a margin that nobody may write to, as it was before. */
static float *make_c(const product *p)
{
    size_t n = n_rows(p) * p->block.ldc;
    float *c = must_allocate(n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        c[i] = start_value(p, i / p->block.ldc, i % p->block.ldc);
    return c;
}

/* As it should be after t0 <= t < t1: the same for all instruction sets. */
static float *make_expected_c(const product *p, int t0, int t1)
{
    float *c = make_c(p), *a = factors(p, false), *b = factors(p, true);
    for (size_t row = 0; row < n_rows(p); row++)
        for (size_t col = 0; col + MARGIN < p->block.ldc; col++)
            c[row * p->block.ldc + col] = expected(p, a, b, (int)row, (int)col, t0, t1);
    free(a);
    free(b);
    return c;
}

/* Runs the batches cuts[0] <= t < cuts[1] <= ... */
static void check_product(const plmr_isa *isa, product *p, const int *cuts, int n_cuts, const float *want)
{
    p->block.c = make_c(p);
    for (int i = 0; i + 1 < n_cuts; i++) {
        p->block.n_before = p->chained ? cuts[i] - cuts[0] : 0;
        p->block.open_ended = p->chained && i + 2 < n_cuts;
        run_batch(isa, p, cuts[i], cuts[i + 1]);
    }
    for (size_t i = 0; i < n_rows(p) * p->block.ldc; i++)
        if (!same_bits(p->block.c[i], want[i])) {
            describe(isa, p, (int)(i / p->block.ldc), (int)(i % p->block.ldc));
            fail_msg("%a is not %a", (double)p->block.c[i], (double)want[i]);
        }
    free(p->block.c);
}

/* With one instruction set; NULL: with all that there are. */
static void check(const plmr_isa *isa, product *p, const int *cuts, int n_cuts)
{
    p->block.row_runs = p->row_runs;
    p->block.col_runs = p->col_runs;
    p->block.ldc = (size_t)chunks_of(p, true) * (size_t)p->block.ns + MARGIN;
    float *want = make_expected_c(p, cuts[0], cuts[n_cuts - 1]);
    if (isa)
        check_product(isa, p, cuts, n_cuts, want);
    for (int i = 0; i < N_ISAS; i++)
        if (!isa && isa_number(i)) {
            check_product(isa_number(i), p, cuts, n_cuts, want);
            check_product(isa_number(i)->few, p, cuts, n_cuts, want);
        }
    free(want);
}

static void check_everywhere(product *p, const int *cuts, int n_cuts)
{
    check(NULL, p, cuts, n_cuts);
}

/* Runs that share no chunk, in any order: cuts the ring into pieces and takes some of them. */
static int random_runs(plmr_run *runs, int n_slots)
{
    int n = 0, at = random_below(2) * random_below(n_slots), most = 1 + random_below(MOST_RUNS);
    while (n < most && at < n_slots) {
        int count = 1 + random_below(n_slots - at);
        runs[n++] = (plmr_run){at, count};
        at += count + random_below(3);
    }
    if (n == 0)
        runs[n++] = (plmr_run){0, n_slots};
    if (n > 1 && random_below(2)) {
        plmr_run first = runs[0];
        runs[0] = runs[n - 1];
        runs[n - 1] = first;
    }
    return n;
}

static int random_of(const int *values, int n)
{
    return values[random_below(n)];
}

enum { N_WIDTHS = 5 };
static const int tile_widths[N_WIDTHS] = {4, 6, 8, 16, 48};

/* Tiles, a matrix whose rows are k, or strips, one after the other; with gaps or without. */
static plmr_layout random_layout(int n_rows, int kt)
{
    int per_strip = random_below(4) ? 1 + random_below(n_rows) : n_rows;
    size_t k_stride = (size_t)(per_strip + random_below(2) * random_below(20));
    size_t strip_stride = (size_t)kt * k_stride + (size_t)(random_below(2) * random_below(20));
    return random_below(3) ? (plmr_layout){per_strip, strip_stride, k_stride} : (plmr_layout){0};
}

/* Strips that have all lines, of as many rows as some register tile. */
static plmr_layout layout_of_panels(const plmr_gemm_block *block, int number)
{
    int width = tile_widths[number];
    return (plmr_layout){width, (size_t)(block->n_slots * block->kt * width), (size_t)width};
}

static product random_product(void)
{
    static const int slots[] = {1, 2, 3, 4, 5, 7, 13, 16, 18}, sizes[] = {1, 2, 3, 5, 6, 8, 13, 17, 22};
    static const int depths[] = {1, 2, 3, 5, 6, 8, 13, 40};
    product p = {.seed = (uint32_t)random_below(1 << 30), .wild = random_below(6) == 0};
    plmr_gemm_block *b = &p.block;
    b->n_slots = random_of(slots, 9);
    b->ms = random_of(sizes, 9);
    b->ns = random_of(sizes, 9);
    b->kt = random_of(depths, 8);
    b->rows_skewed = random_below(4) != 0;
    b->cols_skewed = random_below(4) != 0;
    b->a_aligned = random_below(2);
    b->b_aligned = random_below(2);
    b->a_dtype = (enum plmr_dtype)random_below(3);
    b->b_dtype = (enum plmr_dtype)random_below(3);
    b->accumulate = random_below(4) == 0 ? PLMR_F16 : PLMR_F32;
    b->n_row_runs = random_runs(p.row_runs, b->n_slots);
    b->n_col_runs = random_runs(p.col_runs, b->n_slots);
    p.together = random_below(3) == 0;
    p.holes = !p.together && random_below(4) == 0;
    b->a_layout = p.together ? layout_of_panels(b, random_below(N_WIDTHS))
                             : random_layout(count_chunks(p.row_runs, b->n_row_runs) * b->ms, b->kt);
    b->b_layout = p.together ? layout_of_panels(b, random_below(N_WIDTHS))
                             : random_layout(count_chunks(p.col_runs, b->n_col_runs) * b->ns, b->kt);
    return p;
}

/* Caches of any size, and scratch that other shapes have left behind. */
static void any_shape(void **state)
{
    (void)state;
    static const size_t caches[] = {0, 1, 1 << 14};
    plmr_gemm_scratch *scratch[9];
    for (int i = 0; i < 9; i++)
        scratch[i] = plmr_gemm_scratch_create(caches[i / 3], caches[i % 3]);
    for (int i = 0; i < 500; i++) {
        product p = random_product();
        int n = p.block.n_slots, cuts[4] = {random_below(n + 1) * random_below(2)};
        for (int j = 1; j < 4; j++)
            cuts[j] = cuts[j - 1] + random_below(n - (cuts[j - 1] - cuts[0]) + 1);
        p.chained = (p.block.rows_skewed || p.block.cols_skewed) && cuts[3] > cuts[2] &&
                    random_below(2); /* the last batch of a chain has work to do */
        p.scratch = scratch[random_below(9)];
        check_everywhere(&p, cuts, 4);
    }
    for (int i = 0; i < 9; i++)
        plmr_gemm_scratch_destroy(scratch[i]);
}

/* The scratch is the caller's to destroy. */
static product whole_product(int n_slots, int kt, int size, enum plmr_dtype dtype)
{
    product p = {.seed = 5, .row_runs = {{0, n_slots}}, .col_runs = {{0, n_slots}}};
    p.block = (plmr_gemm_block){.n_slots = n_slots,
                                .kt = kt,
                                .ms = size,
                                .ns = size,
                                .rows_skewed = true,
                                .cols_skewed = true,
                                .a_dtype = dtype,
                                .b_dtype = dtype,
                                .n_row_runs = 1,
                                .n_col_runs = 1};
    p.scratch = plmr_gemm_scratch_create(0, 0);
    return p;
}

/* The blocks of k end inside slots that are longer than they. */
static void deep_slots(void **state)
{
    (void)state;
    static const int depths[] = {100, 255, 256, 257, 300, 1024};
    for (int i = 0; i < 6; i++) {
        product p = whole_product(3, depths[i], 7, (enum plmr_dtype)(i % 3));
        check_everywhere(&p, (int[]){0, 1, 3}, 3);
        p.block.a_dtype = p.block.b_dtype = PLMR_F32;
        p.together = true;
        for (int width = 0; width < N_WIDTHS; width++) {
            p.block.a_layout = p.block.b_layout = layout_of_panels(&p.block, width);
            check_everywhere(&p, (int[]){0, 1, 3}, 3);
        }
        plmr_gemm_scratch_destroy(p.scratch);
    }
}

/* One batch, or any two in its stead. */
static void any_cut(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < 3; dtype++)
        for (int cut = 0; cut <= 16; cut++) {
            product p = whole_product(16, 3, 3, (enum plmr_dtype)dtype);
            p.block.a_aligned = cut % 2;
            check_everywhere(&p, (int[]){0, cut, 16}, 3);
            p.chained = cut < 16; /* the last batch of a chain has work to do */
            check_everywhere(&p, (int[]){0, cut, 16}, 3);
            plmr_gemm_scratch_destroy(p.scratch);
        }
}

/* Two runs of a rank in the middle of an interleaved ring, more than a register tile wide, in batches and step by step.
 */
static void wide_block(void **state)
{
    (void)state;
    product p = whole_product(28, 2, 8, PLMR_F32);
    int cuts[29];
    for (int i = 0; i < 29; i++)
        cuts[i] = i;
    p.row_runs[0] = (plmr_run){3, 11};
    p.row_runs[1] = (plmr_run){17, 9};
    p.block.n_row_runs = 2;
    p.block.b_aligned = true;
    check_everywhere(&p, (int[]){0, 9, 28}, 3);
    check_everywhere(&p, cuts, 29);
    p.chained = true;
    check_everywhere(&p, (int[]){0, 9, 28}, 3);
    check_everywhere(&p, cuts, 29);
    plmr_gemm_scratch_destroy(p.scratch);
}

/* A layer of a language model: A are floats and its rows k, B lies in strips, most of them no whole number of register
 * tiles wide, and all steps are one batch. `per_strip` chunks of B are one strip. */
static product layer(int n_slots, int size, int per_strip, plmr_run rows, plmr_run cols)
{
    product p = whole_product(n_slots, 3, size, PLMR_F32);
    plmr_gemm_block *b = &p.block;
    p.row_runs[0] = rows;
    p.col_runs[0] = cols;
    b->b_dtype = size % 2 ? PLMR_BF16 : PLMR_F16;
    b->a_layout = (plmr_layout){rows.count * size, 0, (size_t)(rows.count * size)};
    b->b_layout = (plmr_layout){per_strip * size, (size_t)(b->kt * per_strip * size), (size_t)(per_strip * size)};
    return p;
}

static void layers(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 3, 8, 22};
    for (int i = 0; i < 5; i++)
        for (int per_strip = 1; per_strip <= 11; per_strip += 5)
            for (int holes = 0; holes < 2; holes++) {
                product p = layer(11, sizes[i], per_strip, (plmr_run){0, 11}, (plmr_run){0, 11});
                p.holes = holes;
                check_everywhere(&p, (int[]){0, 11}, 2);
                plmr_gemm_scratch_destroy(p.scratch);
            }
}

/* A whole turn of which both factors lack the last slots, or all of them: what is added there are zeros, and of a -0 they
 * make a +0. */
static void empty_slots(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        product p = random_product();
        p.block.a_aligned = p.block.b_aligned = false;
        p.holes = false;
        p.n_empty = random_below(p.block.n_slots + !p.together);
        p.scratch = plmr_gemm_scratch_create(0, 0);
        int t0 = random_below(p.block.n_slots);
        check_everywhere(&p, (int[]){t0, t0 + p.block.n_slots}, 2);
        plmr_gemm_scratch_destroy(p.scratch);
    }
}

/* Few chunks of a long ring, as where a matrix ends early: the steps of the others are nobody's. */
static void trimmed_runs(void **state)
{
    (void)state;
    static const plmr_run runs[][2] = {{{0, 1}}, {{0, 10}}, {{0, 10}, {30, 3}}, {{47, 3}, {20, 1}}};
    static const int n_runs[] = {1, 1, 2, 2}, sizes[] = {1, 2, 3, 8, 22};
    for (int i = 0; i < 4 * 5; i++) {
        const plmr_run *rows = runs[i % 4], *cols = runs[i / 5];
        product p = layer(50, sizes[i % 5], 4, rows[0], cols[0]);
        p.block.n_row_runs = n_runs[i % 4];
        p.block.n_col_runs = n_runs[i / 5];
        p.row_runs[1] = rows[1];
        p.col_runs[1] = cols[1];
        p.block.a_layout.per_strip = count_chunks(p.row_runs, p.block.n_row_runs) * p.block.ms;
        p.block.a_layout.k_stride = (size_t)p.block.a_layout.per_strip;
        check_everywhere(&p, (int[]){0, 50}, 2);
        plmr_gemm_scratch_destroy(p.scratch);
    }
}

static void empty_blocks(void **state)
{
    (void)state;
    product p = whole_product(4, 3, 3, PLMR_F32);
    check_everywhere(&p, (int[]){2, 2}, 2);
    p.row_runs[0].count = 0;
    check_everywhere(&p, (int[]){0, 4}, 2);
    p.block.n_row_runs = 0;
    check_everywhere(&p, (int[]){0, 4}, 2);
    p = (product){.block = p.block, .col_runs = {{1, 0}}, .row_runs = {{0, 4}}, .scratch = p.scratch};
    p.block.n_row_runs = 1;
    check_everywhere(&p, (int[]){0, 4}, 2);
    plmr_gemm_scratch_destroy(p.scratch);
    plmr_gemm_scratch_destroy(NULL);
}

static void note_share(void *context, double share)
{
    double *last = context;
    assert_true(share >= *last && share <= 1);
    *last = share;
}

static void progress_ends_at_one(void **state)
{
    (void)state;
    double last = 0;
    product p = whole_product(7, 40, 5, PLMR_F32);
    p.block.progress = note_share;
    p.block.progress_context = &last;
    check(plmr_isa_chosen(), &p, (int[]){0, 7}, 2);
    assert_true(last == 1);
    plmr_gemm_scratch_destroy(p.scratch);
}

/* ---- products of vectors and of single tiles ---- */

static void *random_elements(enum plmr_dtype dtype, size_t n, uint32_t seed)
{
    void *elements = must_allocate(n * plmr_dtype_bytes(dtype));
    for (size_t i = 0; i < n; i++)
        put_element(dtype, elements, i, element_bits(dtype, false, hash(seed, (uint32_t)i, 3, 4)));
    return elements;
}

static float element(enum plmr_dtype dtype, const void *elements, size_t at)
{
    uint32_t bits = dtype == PLMR_F32 ? ((const uint32_t *)elements)[at] : ((const uint16_t *)elements)[at];
    return element_value(dtype, bits);
}

static void vector_add(void **state)
{
    (void)state;
    for (int i = 0; i < N_ISAS * 2; i++)
        for (int n = 1; isa_number(i / 2) && n < 40; n++) {
            enum plmr_dtype accumulate = i % 2 ? PLMR_F16 : PLMR_F32;
            float *part = random_elements(accumulate, (size_t)n * 2, 8),
                  *acc = random_elements(accumulate, (size_t)n * 2, 9);
            float *sum = must_allocate((size_t)n * sizeof *sum), *more = must_allocate((size_t)n * sizeof *more);
            isa_number(i / 2)->to_float(accumulate, n, acc, sum);
            isa_number(i / 2)->to_float(accumulate, n, part, more);
            isa_number(i / 2)->vector_add(accumulate, n, more, sum);
            for (int j = 0; j < n; j++) {
                float want = multiply_add(accumulate, 1, more[j], element(accumulate, acc, (size_t)j));
                assert_true(same_bits(sum[j], want));
            }
            free(part);
            free(acc);
            free(sum);
            free(more);
        }
}

static void check_tile(const plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m, int n)
{
    size_t ldacc = (size_t)n + 2;
    void *a = random_elements(dtype, (size_t)(kt * m), 3), *b = random_elements(dtype, (size_t)(kt * n), 4);
    float *before = random_elements(PLMR_F32, (size_t)m * ldacc, 5),
          *acc = must_allocate((size_t)m * ldacc * sizeof *acc);
    memcpy(acc, before, (size_t)m * ldacc * sizeof *acc);
    plmr_tile_product_add(isa, dtype, accumulate, kt, m, n, a, b, acc, ldacc);
    for (size_t i = 0; i < (size_t)m * ldacc; i++) {
        size_t row = i / ldacc, col = i % ldacc;
        float p = 0;
        for (int k = 0; k < kt && col < (size_t)n; k++)
            p = multiply_add(accumulate, element(dtype, a, (size_t)(k * m) + row),
                             element(dtype, b, (size_t)(k * n) + col), p);
        float want = col < (size_t)n ? multiply_add(accumulate, 1, p, before[i]) : before[i];
        if (!same_bits(acc[i], want))
            fail_msg("%s: kt %d m %d n %d dtype %d accumulate %d: %a is not %a", isa->name, kt, m, n, dtype, accumulate,
                     (double)acc[i], (double)want);
    }
    free(a);
    free(b);
    free(before);
    free(acc);
}

static void tile_product(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        enum plmr_dtype dtype = (enum plmr_dtype)random_below(3), accumulate = random_below(3) ? PLMR_F32 : PLMR_F16;
        int kt = 1 + random_below(i % 10 == 0 ? 200 : 20), m = 1 + random_below(40), n = 1 + random_below(40);
        for (int k = 0; k < N_ISAS; k++)
            if (isa_number(k))
                check_tile(isa_number(k), dtype, accumulate, kt, m, n);
    }
}

/* ---- the choice ---- */

static void environment_chooses(void **state)
{
    (void)state;
    assert_string_equal(plmr_kernel_name(), "portable");
    assert_ptr_equal(plmr_isa_chosen(), plmr_isa_find("portable"));
    assert_null(plmr_isa_find("none such"));
}

int main(void)
{
    setenv("PLMR_KERNEL", "portable", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape),    cmocka_unit_test(deep_slots),   cmocka_unit_test(any_cut),
        cmocka_unit_test(wide_block),   cmocka_unit_test(layers),       cmocka_unit_test(empty_slots),
        cmocka_unit_test(trimmed_runs), cmocka_unit_test(empty_blocks), cmocka_unit_test(progress_ends_at_one),
        cmocka_unit_test(vector_add),   cmocka_unit_test(tile_product), cmocka_unit_test(environment_chooses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
