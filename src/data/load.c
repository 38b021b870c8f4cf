/* Loading operands: each rank asks the source for its own part alone. */
#include "data/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A rectangle of the padded matrix in floats. */
struct patch {
    int64_t row, col;
    int n_rows, n_cols;
    float *values;
};

static plmr_status get_patch(const plmr_source *source, const struct patch *patch)
{
    memset(patch->values, 0, sizeof(float) * (size_t)patch->n_rows * (size_t)patch->n_cols);
    int n_rows = (int)plmr_clip(patch->row, patch->n_rows, source->rows);
    int n_cols = (int)plmr_clip(patch->col, patch->n_cols, source->cols);
    if (n_rows == 0 || n_cols == 0)
        return PLMR_OK;
    return source->get(source, patch->row, patch->col, n_rows, n_cols, patch->values, (size_t)patch->n_cols);
}

/* Stores the tile whose first element lies at (row, col) of the patch. */
static void store_tile(const plmr_tensor *tensor, const struct patch *patch, int row, int col, float *tile, void *to)
{
    size_t ld = (size_t)patch->n_cols;
    const float *from = patch->values + (size_t)row * ld + (size_t)col;
    size_t k_stride = tensor->depth_is_cols ? 1 : ld, i_stride = tensor->depth_is_cols ? ld : 1;
    for (int k = 0; k < tensor->depth; k++)
        for (int i = 0; i < tensor->width; i++)
            tile[tensor->width_major ? i * tensor->depth + k : k * tensor->width + i] =
                from[(size_t)k * k_stride + (size_t)i * i_stride];
    plmr_convert_from_float(tensor->dtype, (int64_t)tensor->depth * tensor->width, tile, to);
}

/* Loads k slots [slot, slot + n_slots) of width chunks [chunk, chunk + n_chunks), whose tiles start at `tile_index` of
 * their lines, into the lines where they belong. */
static plmr_status load_patch(plmr_tensor *tensor, const plmr_source *source, int slot, int n_slots, int chunk,
                              int n_chunks, int tile_index, float *scratch)
{
    int64_t deep = (int64_t)slot * tensor->depth, wide = (int64_t)chunk * tensor->width;
    int n_deep = n_slots * tensor->depth, n_wide = n_chunks * tensor->width;
    struct patch patch = {deep, wide, n_deep, n_wide, scratch + tensor->depth * tensor->width};
    if (tensor->depth_is_cols)
        patch = (struct patch){wide, deep, n_wide, n_deep, patch.values};
    PLMR_TRY(get_patch(source, &patch));
    for (int s = 0; s < n_slots; s++)
        for (int x = 0; x < n_chunks; x++) {
            int u = tensor->aligned ? (slot + s - chunk - x + 2 * tensor->n_slots) % tensor->n_slots : slot + s;
            int row = tensor->depth_is_cols ? x * tensor->width : s * tensor->depth;
            int col = tensor->depth_is_cols ? s * tensor->depth : x * tensor->width;
            char *line = tensor->line[u];
            store_tile(tensor, &patch, row, col, scratch, line + (size_t)(tile_index + x) * tensor->tile_bytes);
        }
    return PLMR_OK;
}

/* The matrix is row-major, so long rows make few requests: A is loaded one row chunk at a time over all of this rank's
 * k. */
static plmr_status load_by_chunk(plmr_tensor *tensor, const plmr_source *source, float *scratch)
{
    const plmr_ring *deep = tensor->depth_ring;
    for (int p = 0; p < tensor->n_tiles; p++)
        for (int j = 0; j < deep->n_runs; j++)
            PLMR_TRY(load_patch(tensor, source, deep->runs[j].first, deep->runs[j].count,
                                plmr_ring_local_slot(tensor->width_ring, p), 1, p, scratch));
    return PLMR_OK;
}

static bool is_here(const plmr_tensor *tensor, int slot, int chunk)
{
    int n = tensor->n_slots;
    return tensor->line[tensor->aligned ? (slot - chunk + 2 * n) % n : slot] != NULL;
}

/* As many chunks of the run at a time as have their lines here, one after the other. */
static plmr_status load_run(plmr_tensor *tensor, const plmr_source *source, int slot, plmr_run run, int first_tile,
                            float *scratch)
{
    for (int y = 0; y < run.count; y++) {
        int first = y;
        while (y < run.count && is_here(tensor, slot, run.first + y))
            y++;
        if (y > first)
            PLMR_TRY(load_patch(tensor, source, slot, 1, run.first + first, y - first, first_tile + first, scratch));
    }
    return PLMR_OK;
}

/* B is loaded one k slot at a time, over the columns whose line is here. */
static plmr_status load_by_slot(plmr_tensor *tensor, const plmr_source *source, float *scratch)
{
    const plmr_ring *wide = tensor->width_ring;
    for (int slot = 0; slot < tensor->n_slots; slot++)
        for (int i = 0, first_tile = 0; i < wide->n_runs; first_tile += wide->runs[i].count, i++)
            PLMR_TRY(load_run(tensor, source, slot, wide->runs[i], first_tile, scratch));
    return PLMR_OK;
}

static plmr_status load(plmr_tensor *tensor, const plmr_source *source)
{
    int most = tensor->depth_is_cols ? tensor->n_slots : tensor->n_tiles;
    size_t tile = (size_t)tensor->depth * (size_t)tensor->width;
    float *scratch = plmr_take(sizeof(float) * tile * ((size_t)most + 1));
    plmr_status status = (tensor->depth_is_cols ? load_by_chunk : load_by_slot)(tensor, source, scratch);
    free(scratch);
    return status;
}

plmr_status plmr_tensor_fill(plmr_tensor *tensor, const plmr_source *source, bool skewed)
{
    tensor->skewed = skewed || tensor->delivery == PLMR_BY_DIAGONAL;
    tensor->aligned = skewed && tensor->split && !tensor->by_blocks;
    if (!tensor->region->options.values)
        return PLMR_OK;
    PLMR_TRY(plmr_tensor_take_lines(tensor));
    return load(tensor, source);
}
