/* Dead cores, dead links and slow cores that a device's file names. */
#include "device/defect_lists.h"
#include "device/device_internal.h"

#include <stdlib.h>

#define MOST_FACTOR 1e6

/* One of the lists: how many numbers an entry has, and what it looks like. */
struct kind {
    const char *key, *form;
    size_t n_numbers;
    size_t offset; /* of its list in a device */
};

static const struct kind kinds[PLMR_N_DEFECT_KINDS] = {
    {"dead", "[row, column]", 2, offsetof(plmr_device, dead)},
    {"dead_links", "[row, column, row, column]", 4, offsetof(plmr_device, dead_links)},
    {"slow", "[row, column, factor]", 3, offsetof(plmr_device, slow)},
};

static plmr_defect_list *list_of(const plmr_device *device, const struct kind *kind)
{
    return (plmr_defect_list *)((char *)device + kind->offset);
}

static int compare(const void *a, const void *b)
{
    const plmr_defect *p = a, *q = b;
    int order[] = {p->row - q->row, p->col - q->col, p->to_row - q->to_row, p->to_col - q->to_col};
    for (int i = 0; i < 4; i++)
        if (order[i])
            return order[i];
    return 0;
}

#define PLMR_NO_CORE "is no core of the device's %.0fx%.0f: rows are 0 to %.0f, columns 0 to %.0f"

static bool has_core(const plmr_device *device, double row, double col)
{
    return row >= 0 && row < device->rows && col >= 0 && col < device->cols;
}

static plmr_status read_core(const plmr_reader *reader, const json_t *json, size_t first, const plmr_device *device,
                             int *row, int *col)
{
    const json_t *numbers[2] = {json_array_get(json, first), json_array_get(json, first + 1)};
    bool whole = json_is_integer(numbers[0]) && json_is_integer(numbers[1]);
    double r = whole ? json_number_value(numbers[0]) : -1, c = whole ? json_number_value(numbers[1]) : -1;
    if (!has_core(device, r, c))
        return plmr_reader_fault(reader, NULL, PLMR_NO_CORE, device->rows, device->cols, device->rows - 1,
                                 device->cols - 1);
    *row = (int)r;
    *col = (int)c;
    return PLMR_OK;
}

/* Its ends lie next to each other; the first is the one to the west or north. */
static plmr_status order_link(const plmr_reader *reader, plmr_defect *link)
{
    int rows = link->to_row - link->row, cols = link->to_col - link->col;
    if (abs(rows) + abs(cols) != 1)
        return plmr_reader_fault(reader, NULL, "(%d,%d) and (%d,%d) are no neighbours", link->row, link->col,
                                 link->to_row, link->to_col);
    if (rows + cols < 0)
        *link = (plmr_defect){link->to_row, link->to_col, link->row, link->col, 0};
    return PLMR_OK;
}

static plmr_status read_factor(const plmr_reader *reader, const json_t *json, double *factor)
{
    const json_t *number = json_array_get(json, 2);
    if (!json_is_number(number))
        return plmr_reader_fault(reader, NULL, "has a factor that is no number, expected times (1 to 1e+06)");
    *factor = json_number_value(number);
    if (!(*factor >= 1 && *factor <= MOST_FACTOR))
        return plmr_reader_fault(reader, NULL, "has the factor %g, expected times (1 to 1e+06)", *factor);
    return PLMR_OK;
}

static plmr_status read_defect(const plmr_reader *reader, const struct kind *kind, const json_t *json,
                               const plmr_device *device, plmr_defect *defect)
{
    *defect = (plmr_defect){0};
    if (!json_is_array(json) || json_array_size(json) != kind->n_numbers)
        return plmr_reader_fault(reader, NULL, "expected %s", kind->form);
    PLMR_TRY(read_core(reader, json, 0, device, &defect->row, &defect->col));
    if (kind->n_numbers == 4) {
        PLMR_TRY(read_core(reader, json, 2, device, &defect->to_row, &defect->to_col));
        return order_link(reader, defect);
    }
    return kind->n_numbers == 3 ? read_factor(reader, json, &defect->factor) : PLMR_OK;
}

static plmr_status check_once(const plmr_reader *reader, const plmr_defect_list *list)
{
    for (int i = 0; i + 1 < list->n; i++)
        if (compare(&list->at[i], &list->at[i + 1]) == 0)
            return plmr_reader_fault(reader, NULL, "(%d,%d) is given twice", list->at[i].row, list->at[i].col);
    return PLMR_OK;
}

static plmr_status read_list(plmr_reader *reader, const struct kind *kind, const json_t *root, plmr_device *device)
{
    plmr_defect_list *list = list_of(device, kind);
    json_t *array;
    PLMR_TRY(plmr_reader_array(reader, root, kind->key, &array));
    size_t n = json_array_size(array);
    if (n > PLMR_MOST_DEFECTS)
        return plmr_reader_fault(reader, kind->key, "has %zu entries, expected 1 to %d; chance decides of more", n,
                                 PLMR_MOST_DEFECTS);
    plmr_reader_enter(reader, kind->key);
    for (list->n = 0; list->n < (int)n; list->n++) {
        char index[16];
        snprintf(index, sizeof index, "%d", list->n);
        plmr_reader_enter(reader, index);
        PLMR_TRY(read_defect(reader, kind, json_array_get(array, (size_t)list->n), device, &list->at[list->n]));
        plmr_reader_leave(reader);
    }
    qsort(list->at, n, sizeof *list->at, compare);
    PLMR_TRY(check_once(reader, list));
    plmr_reader_leave(reader);
    return PLMR_OK;
}

plmr_status plmr_device_read_defects(plmr_reader *reader, const json_t *root, plmr_device *device)
{
    for (int i = 0; i < PLMR_N_DEFECT_KINDS; i++)
        if (json_object_get(root, kinds[i].key))
            PLMR_TRY(read_list(reader, &kinds[i], root, device));
    return PLMR_OK;
}

/* As a file's are once they are read: a link to the east or south, a factor within its range, one behind the other. */
static bool is_in_form(const struct kind *kind, const plmr_defect_list *list, int i)
{
    const plmr_defect *at = &list->at[i];
    int rows = at->to_row - at->row, cols = at->to_col - at->col;
    bool is_link = (rows == 1 && cols == 0) || (rows == 0 && cols == 1),
         is_slower = at->factor >= 1 && at->factor <= MOST_FACTOR;
    return (kind->n_numbers != 4 || is_link) && (kind->n_numbers != 3 || is_slower) &&
           (i == 0 || compare(at - 1, at) < 0);
}

plmr_status plmr_device_check_defects(const plmr_device *device)
{
    for (int i = 0; i < PLMR_N_DEFECT_KINDS; i++) {
        const plmr_defect_list *list = list_of(device, &kinds[i]);
        PLMR_CHECK(list->n >= 0 && list->n <= PLMR_MOST_DEFECTS, PLMR_ERROR_INPUT,
                   "%.255s: %s: has %d entries, expected 0 to %d", device->name, kinds[i].key, list->n,
                   PLMR_MOST_DEFECTS);
        for (const plmr_defect *at = list->at; at < list->at + list->n; at++) {
            bool near = has_core(device, at->row, at->col);
            PLMR_CHECK(near && (kinds[i].n_numbers < 4 || has_core(device, at->to_row, at->to_col)), PLMR_ERROR_INPUT,
                       "%.255s: %s: (%d,%d) " PLMR_NO_CORE, device->name, kinds[i].key, near ? at->to_row : at->row,
                       near ? at->to_col : at->col, device->rows, device->cols, device->rows - 1, device->cols - 1);
            PLMR_CHECK(is_in_form(&kinds[i], list, (int)(at - list->at)), PLMR_ERROR_INPUT,
                       "%.255s: %s: entry %d is not as a file's are: sorted, each once, %s", device->name, kinds[i].key,
                       (int)(at - list->at), kinds[i].form);
        }
    }
    return PLMR_OK;
}

static void write_defect(FILE *out, const struct kind *kind, const plmr_defect *d)
{
    fprintf(out, "[%d, %d", d->row, d->col);
    if (kind->n_numbers == 4)
        fprintf(out, ", %d, %d", d->to_row, d->to_col);
    if (kind->n_numbers == 3)
        fprintf(out, ", %.15g", d->factor);
    fputc(']', out);
}

void plmr_device_write_defects(FILE *out, const plmr_device *device)
{
    for (int i = 0; i < PLMR_N_DEFECT_KINDS; i++) {
        const plmr_defect_list *list = list_of(device, &kinds[i]);
        for (int k = 0; k < list->n; k++) {
            if (k == 0)
                fprintf(out, ",\n  \"%s\": [", kinds[i].key);
            write_defect(out, &kinds[i], &list->at[k]);
            fputs(k + 1 < list->n ? ", " : "]", out);
        }
    }
}

const plmr_defect *plmr_device_defect(const plmr_defect_list *list, int row, int col)
{
    int low = 0, high = list->n;
    while (low < high) {
        int middle = (low + high) / 2;
        const plmr_defect *at = &list->at[middle];
        if (at->row < row || (at->row == row && at->col < col))
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n && list->at[low].row == row && list->at[low].col == col ? &list->at[low] : NULL;
}
