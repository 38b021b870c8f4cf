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
static plmr_status create(const plmr_dump *dump, const plmr_dump_tensor *t, plmr_npy *npy)
{
    char *path = plmr_take_text("%s/%s-%lld-%d-%s.npy", dump->folder, t->phase, (long long)t->token, t->layer, t->name);
    plmr_status status = plmr_shared_npy_create(path, PLMR_F32, 2, t->tokens->n, t->deal->n, npy);
    free(path);
    return status;
}

/* ---- this rank's part, back in the model's order ---- */

/* Where this rank has each element: -1: nowhere. */
static void list_columns(const plmr_dump_tensor *t, int64_t *column)
{
    for (int64_t element = 0; element < t->deal->n; element++)
        column[element] = -1;
    for (int64_t i = 0; i < plmr_part_places(&t->cols, t->deal); i++) {
        int64_t element = plmr_deal_element(t->deal, plmr_part_place(&t->cols, t->deal, i));
        if (element >= 0)
            column[element] = i;
    }
}

/* Elements that follow each other are written together, a row at a time. */
static plmr_status write_run(const plmr_npy *npy, const plmr_dump_tensor *t, const int64_t *column, int64_t first,
                             int64_t n, float *row)
{
    for (int64_t r = 0; r < plmr_part_places(&t->rows, t->tokens); r++) {
        int64_t token = plmr_part_place(&t->rows, t->tokens, r);
        if (token >= t->tokens->n)
            continue;
        for (int64_t i = 0; i < n; i++)
            row[i] = t->values[(size_t)r * t->ld + (size_t)column[first + i]];
        PLMR_TRY(plmr_npy_write(npy, token, token + 1, first, first + n, row, n));
    }
    return PLMR_OK;
}

static plmr_status write_part(const plmr_npy *npy, const plmr_dump_tensor *t)
{
    int64_t n_all = t->deal->n, *column = plmr_take((size_t)n_all * sizeof *column);
    float *row = plmr_take((size_t)n_all * sizeof *row);
    plmr_status status = PLMR_OK;
    list_columns(t, column);
    for (int64_t first = 0, n; first < n_all && !status; first += n) {
        bool here = column[first] >= 0;
        for (n = 1; first + n < n_all && (column[first + n] >= 0) == here;)
            n++;
        if (here)
            status = write_run(npy, t, column, first, n, row);
    }
    free(row);
    free(column);
    return status;
}

plmr_status plmr_dump_write(const plmr_dump *dump, const plmr_dump_tensor *t)
{
    plmr_npy npy;
    if (!dump->folder)
        return PLMR_OK;
    PLMR_TRY(create(dump, t, &npy));
    return plmr_shared_npy_commit(&npy, t->is_mine ? write_part(&npy, t) : PLMR_OK);
}
