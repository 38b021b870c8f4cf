#include "infer/dump.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "ranks/shared_npy.h"

/* ---- the folder ---- */

static bool is_empty(DIR *folder)
{
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(folder));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    return n == 0;
}

plmr_status plmr_dump_folder(const char *path, bool *made)
{
    *made = mkdir(path, 0777) == 0;
    if (*made)
        return PLMR_OK;
    PLMR_CHECK(errno == EEXIST, PLMR_ERROR_INPUT, "--dump: cannot make the folder %.300s: %s", path, strerror(errno));
    DIR *folder = opendir(path);
    PLMR_CHECK(folder, PLMR_ERROR_INPUT, "--dump: cannot use %.300s: %s", path, strerror(errno));
    bool empty = is_empty(folder);
    closedir(folder);
    PLMR_CHECK(empty, PLMR_ERROR_INPUT, "--dump: the folder %.300s is not empty: name a new one", path);
    return PLMR_OK;
}

/* ---- files ---- */

/* A tensor's file, which all ranks open. Collective. */
static plmr_status create(const plmr_dump *dump, const char *phase, int64_t token, int layer, const char *name,
                          int64_t n_rows, int64_t n, plmr_npy *npy)
{
    char *path = plmr_take_text("%s/%s-%lld-%d-%s.npy", dump->folder, phase, (long long)token, layer, name);
    plmr_status status = plmr_shared_npy_create(path, PLMR_F32, 2, n_rows, n, npy);
    free(path);
    return status;
}

/* ---- this rank's columns, back in the model's order ---- */

/* Where this rank has each element: -1: nowhere. */
static void list_columns(const plmr_deal *deal, const plmr_part *part, int64_t *column)
{
    for (int64_t element = 0; element < deal->n; element++)
        column[element] = -1;
    for (int i = 0; i < part->n_chunks; i++)
        for (int e = 0; e < deal->size; e++) {
            int64_t element = plmr_deal_element(deal, (int64_t)plmr_part_chunk(part, i) * deal->size + e);
            if (element >= 0)
                column[element] = (int64_t)i * deal->size + e;
        }
}

/* Elements that follow each other are written together, a row at a time. */
static plmr_status write_run(const plmr_npy *npy, const int64_t *column, int64_t first, int64_t n, int64_t n_rows,
                             const float *values, size_t ld, float *row)
{
    for (int64_t r = 0; r < n_rows; r++) {
        for (int64_t i = 0; i < n; i++)
            row[i] = values[(size_t)r * ld + (size_t)column[first + i]];
        PLMR_TRY(plmr_npy_write(npy, r, r + 1, first, first + n, row, n));
    }
    return PLMR_OK;
}

static plmr_status write_columns(const plmr_npy *npy, const plmr_grid *grid, const plmr_deal *deal, int64_t n_rows,
                                 const float *values, size_t ld)
{
    plmr_part part = plmr_grid_part(grid, deal);
    int64_t *column = malloc((size_t)deal->n * sizeof *column);
    float *row = malloc((size_t)deal->n * sizeof *row);
    plmr_status status = column && row ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    if (!status)
        list_columns(deal, &part, column);
    for (int64_t first = 0, n; first < deal->n && !status; first += n) {
        bool here = column[first] >= 0;
        for (n = 1; first + n < deal->n && (column[first + n] >= 0) == here;)
            n++;
        if (here)
            status = write_run(npy, column, first, n, n_rows, values, ld, row);
    }
    free(row);
    free(column);
    return status;
}

plmr_status plmr_dump_columns(const plmr_dump *dump, const plmr_grid *grid, const plmr_deal *deal, const char *phase,
                              int64_t token, int layer, const char *name, int64_t n_rows, const float *values,
                              size_t ld)
{
    plmr_npy npy;
    if (!dump->folder)
        return PLMR_OK;
    PLMR_TRY(create(dump, phase, token, layer, name, n_rows, deal->n, &npy));
    return plmr_shared_npy_commit(&npy, write_columns(&npy, grid, deal, n_rows, values, ld));
}

plmr_status plmr_dump_rows(const plmr_dump *dump, const char *phase, int64_t token, int layer, const char *name,
                           int64_t n_rows, int64_t n, const float *values, size_t ld)
{
    plmr_npy npy;
    if (!dump->folder)
        return PLMR_OK;
    PLMR_TRY(create(dump, phase, token, layer, name, n_rows, n, &npy));
    bool is_mine = plmr_rank() == 0;
    return plmr_shared_npy_commit(&npy, is_mine ? plmr_npy_write(&npy, 0, n_rows, 0, n, values, (int64_t)ld) : PLMR_OK);
}
