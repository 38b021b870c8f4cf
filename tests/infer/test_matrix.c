/* A weight matrix on the ranks: its own or where it lies, laid out and laid out anew, every element lies where the layout says. */
#include "tests/support.h"

#include "base/memory.h"
#include "infer/grid.h"
#include "infer/matrix.h"
#include "kernel/kernel.h"

/* Element (o, i) of a weight of (out, in): a number that says where it is from, exact in every type. */
static float value_at(int64_t o, int64_t i)
{
    return (float)((o * 31 + i * 7) % 251 + 1);
}

/* Elements that this rank has read. */
static uint64_t n_read;
static plmr_pool *pool;

static plmr_status get_value(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                             size_t ld)
{
    assert_true(row >= 0 && col >= 0 && row + n_rows <= source->rows && col + n_cols <= source->cols);
    n_read += (uint64_t)n_rows * (uint64_t)n_cols;
    for (int r = 0; r < n_rows; r++)
        for (int c = 0; c < n_cols; c++)
            out[(size_t)r * ld + (size_t)c] = value_at(row + r, col + c);
    return PLMR_OK;
}

static float value_in(const plmr_matrix *m, const char *rows, int64_t row, int64_t col)
{
    float value;
    plmr_convert_to_float(m->dtype, 1, rows + (size_t)(row * m->n_out + col) * plmr_dtype_bytes(m->dtype), &value);
    return value;
}

/* The tile of a chunk of rows and a chunk of columns: the elements of the model that lie there, 0 in the padding. */
static void check_tile(const plmr_matrix *m, const plmr_matrix_layout *layout, const char *rows, int in_chunk,
                       int out_chunk, int64_t col)
{
    int depth = layout->in->size, width = layout->out->size;
    int64_t row = plmr_matrix_row(m, in_chunk);
    assert_in_range(row, 0, m->n_in - depth);
    for (int r = 0; r < depth; r++)
        for (int c = 0; c < width; c++) {
            int64_t i = plmr_deal_element(layout->in, (int64_t)in_chunk * depth + r);
            int64_t o = plmr_deal_element(layout->out, (int64_t)out_chunk * width + c);
            assert_true(value_in(m, rows, row + r, col + c) == (i < 0 || o < 0 ? 0 : value_at(o, i)));
        }
}

/* Every tile of this rank's part; no two chunks of rows lie in the same place. */
static void check_contents(const plmr_matrix *m, const plmr_matrix_layout *layout)
{
    int seen[1024] = {0};
    plmr_part in = plmr_part_here(layout->in, layout->in_ring), out = plmr_part_here(layout->out, layout->out_ring);
    assert_int_equal(m->n_in, (int64_t)in.n_chunks * layout->in->size);
    assert_int_equal(m->n_out, (int64_t)out.n_chunks * layout->out->size);
    assert_ptr_equal(m->layout.in, layout->in);
    assert_ptr_equal(m->layout.out, layout->out);
    char *rows = malloc((size_t)(m->n_in * m->n_out) * sizeof(float) + 1);
    assert_non_null(rows);
    for (int64_t col = 0; col < m->n_out; col += 21) /* whatever columns are asked for together */
        plmr_matrix_columns(m, col, m->n_out - col < 21 ? m->n_out - col : 21,
                            rows + (size_t)col * plmr_dtype_bytes(m->dtype), m->n_out);
    for (int i = 0; i < in.n_chunks; i++) {
        int chunk = plmr_part_chunk(&in, i);
        for (int o = 0; o < out.n_chunks; o++)
            check_tile(m, layout, rows, chunk, plmr_part_chunk(&out, o), (int64_t)o * layout->out->size);
        if (out.n_chunks)
            assert_int_equal(seen[plmr_matrix_row(m, chunk) / layout->in->size]++, 0);
    }
    free(rows);
}

/* Where elements are dealt in order, ranks read each but once, all together, or once for each that holds it. */
static void check_read(const plmr_matrix_layout *layout, plmr_ranks *ranks)
{
    uint64_t n_holders = layout->in_ring ? 1 : (uint64_t)plmr_ranks_extent(ranks, PLMR_Y);
    plmr_ranks_sum(ranks, &n_read, 1);
    if (!layout->in->element)
        assert_int_equal(n_read, (uint64_t)(layout->in->n * layout->out->n) * n_holders);
}

static plmr_matrix load(const plmr_matrix_layout *layout, plmr_ranks *ranks, enum plmr_dtype dtype,
                        const plmr_source *source)
{
    plmr_matrix matrix;
    n_read = 0;
    must(plmr_matrix_create(layout, dtype, source, pool, &matrix));
    if (!source->stored.data)
        check_read(layout, ranks);
    check_contents(&matrix, layout);
    return matrix;
}

/* ---- layouts of a layer ---- */

/* A query projection (a), or what follows attention (b): as a grid has it in prefill, what comes in along y if the grid is
 * square, else not split; or in decode, where b has it along x, and rows lie as the trees meet them. */
static plmr_matrix_layout layout_of(const plmr_grid *grid, bool b, bool for_decode)
{
    if (!b)
        return (plmr_matrix_layout){.in = &grid->dim,
                                    .out = &grid->queries,
                                    .in_ring = grid->y,
                                    .out_ring = grid->x,
                                    .in_order = for_decode ? &grid->order_y : NULL};
    if (for_decode)
        return (plmr_matrix_layout){.in = &grid->queries,
                                    .out = &grid->dim,
                                    .in_ring = grid->x,
                                    .out_ring = grid->y,
                                    .in_order = &grid->order_queries};
    return (plmr_matrix_layout){.in = &grid->queries,
                                .out = &grid->dim_x,
                                .in_ring = grid->rows == grid->cols ? grid->y : NULL,
                                .out_ring = grid->x};
}

/* The source's values in memory, as a file has them: plain elements. The caller frees them. */
static void *lay_down(plmr_source *source, enum plmr_dtype dtype)
{
    size_t element = plmr_dtype_bytes(dtype), row_bytes = (size_t)source->cols * element;
    unsigned char *data = malloc((size_t)source->rows * row_bytes);
    assert_non_null(data);
    for (int64_t o = 0; o < source->rows; o++)
        for (int64_t i = 0; i < source->cols; i++) {
            float value = value_at(o, i);
            plmr_convert_from_float(dtype, 1, &value, data + (size_t)o * row_bytes + (size_t)i * element);
        }
    source->stored = (plmr_stored){data, row_bytes, 1, (int)element, NULL, PLMR_PACKING_NONE};
    return data;
}

/* Strips that are kept hold what columns do. */
static void check_strips(plmr_matrix *m)
{
    size_t element = plmr_dtype_bytes(m->dtype), n_bytes = (size_t)m->n_in * PLMR_PROGRAM_COLS * element;
    char *columns = plmr_take(n_bytes + 1), *room = plmr_take(n_bytes + 1);
    plmr_matrix_keep(m);
    for (int64_t first = 0; first < m->n_out; first += PLMR_PROGRAM_COLS) {
        int64_t left = m->n_out - first, n = left < PLMR_PROGRAM_COLS ? plmr_strip_cols(left) : PLMR_PROGRAM_COLS;
        plmr_matrix_columns(m, first, n, columns, n);
        assert_memory_equal(plmr_matrix_strip(m, first, room), columns, (size_t)(m->n_in * n) * element);
    }
    free(room);
    free(columns);
}

static void check_moves(const plmr_grid *from, const plmr_grid *to, plmr_ranks *ranks, enum plmr_dtype dtype)
{
    for (int b = 0; b < 2; b++)
        for (int phases = 0; phases < 4; phases++) {
            plmr_matrix_layout before = layout_of(from, b, phases & 1), after = layout_of(to, b, phases & 2);
            plmr_source source = {.get = get_value, .rows = before.out->n, .cols = before.in->n};
            for (int lies = 0; lies < 2; lies++) {
                void *store = lies ? lay_down(&source, dtype) : NULL;
                plmr_matrix matrix = load(&before, ranks, dtype, &source);
                must(plmr_matrix_move(&matrix, &after, &source));
                check_contents(&matrix, &after);
                if (lies)
                    check_strips(&matrix);
                must(plmr_matrix_move(&matrix, &before, &source));
                check_contents(&matrix, &before);
                plmr_matrix_free(&matrix);
                free(store);
            }
        }
}

static plmr_grid *make_grid(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape, int rows,
                            int cols)
{
    plmr_grid *grid;
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    must(plmr_grid_create(ranks, device, shape, rows, cols, &(plmr_reduce_options){0}, &any, PLMR_FOR_TIME, &grid));
    return grid;
}

/* Squares and oblongs, one of more cores than the model has elements; heads on several cores and several on one; wide
 * enough for more than one strip. */
static void check_shape(const plmr_model_shape *shape)
{
    static const int sizes[][2] = {{8, 8}, {5, 9}, {13, 13}, {4, 6}, {40, 170}};
    enum { N = sizeof sizes / sizeof sizes[0] };
    plmr_device device = test_device("wse2");
    plmr_grid *grids[N];
    plmr_ranks *ranks;
    int rank_rows = plmr_rank_count() % 2 ? plmr_rank_count() : 2;
    must(plmr_ranks_create(rank_rows, plmr_rank_count() / rank_rows, 4, 6, &ranks));
    for (int i = 0; i < N; i++)
        grids[i] = make_grid(ranks, &device, shape, sizes[i][0], sizes[i][1]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            check_moves(grids[i], grids[j], ranks,
                        (i + j) % 3 == 0   ? PLMR_F32
                        : (i + j) % 3 == 1 ? PLMR_F16
                                           : PLMR_BF16);
    for (int i = 0; i < N; i++)
        plmr_grid_destroy(grids[i]);
    plmr_ranks_destroy(ranks);
}

static void elements_lie_where_the_layout_says(void **state)
{
    static const plmr_model_shape shapes[] = {
        {.dim = 61, .n_heads = 6, .n_kv_heads = 2, .head_dim = 10, .n_ffn = 3, .n_vocab = 3},
        {.dim = 40, .n_heads = 14, .n_kv_heads = 14, .head_dim = 6, .n_ffn = 3, .n_vocab = 3},
        {.dim = 21, .n_heads = 70, .n_kv_heads = 10, .head_dim = 16, .n_ffn = 3, .n_vocab = 3},
    };
    pool = plmr_pool_create();
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        plmr_model_shape shape = shapes[i];
        shape.rope_pairs = i % 2 ? PLMR_ROPE_HALVES : PLMR_ROPE_NEIGHBOURS;
        check_shape(&shape);
    }
    plmr_pool_destroy(pool);
    (void)state;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements_lie_where_the_layout_says),
};

TEST_MAIN(tests)
