#include "device/device_internal.h"

#include <string.h>

enum { N_COLUMNS = 6, VALUE_COLUMN = 1, VALUE_SIZE = 32 };

struct row {
    const char *cells[N_COLUMNS];
    char value[VALUE_SIZE];
};

static void fill_rows(const plmr_device *device, struct row *row)
{
#define X(key, unit, least, most, meaning)                                                                             \
    snprintf(row->value, sizeof row->value, "%.9g", device->key);                                                      \
    row->cells[0] = #key, row->cells[VALUE_COLUMN] = row->value, row->cells[2] = unit;                                 \
    row->cells[3] = device->origin.key.tag, row->cells[4] = meaning, row->cells[5] = device->origin.key.source;        \
    row++;
    PLMR_DEVICE_NUMBERS(X)
#undef X
}

static void widen(int *widths, const struct row *row)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        int width = (int)strlen(row->cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

/* The value stands at the right of its column; the last column is as long as it likes. */
static void print_row(FILE *out, const int *widths, const struct row *row)
{
    for (int i = 0; i < N_COLUMNS - 1; i++)
        fprintf(out, "%*s  ", i == VALUE_COLUMN ? widths[i] : -widths[i], row->cells[i]);
    fprintf(out, "%s\n", row->cells[N_COLUMNS - 1]);
}

void plmr_device_print(FILE *out, const plmr_device *device)
{
    if (!out || !device)
        return;
    struct row heading = {.cells = {"key", "value", "unit", "tag", "meaning", "source"}}, rows[PLMR_DEVICE_N_NUMBERS];
    int widths[N_COLUMNS] = {0};
    fill_rows(device, rows);
    widen(widths, &heading);
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        widen(widths, &rows[i]);
    fprintf(out, "%s: %s\n", device->name, device->title);
    fprintf(out, "%s of %.0f rows x %.0f columns = %.0f cores, %s routers\n\n",
            device->topology == PLMR_TORUS ? "torus" : "mesh", device->rows, device->cols, device->rows * device->cols,
            device->router == PLMR_XY ? "xy" : "static");
    print_row(out, widths, &heading);
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        print_row(out, widths, &rows[i]);
    if (device->dead.n + device->dead_links.n + device->slow.n > 0)
        fprintf(out, "\nits file names %d dead cores, %d dead links and %d slow cores\n", device->dead.n,
                device->dead_links.n, device->slow.n);
    fprintf(out,
            "\ntags: M measured on hardware, S vendor's simulator, V vendor's claim, C read in public code, I inferred "
            "by fit or arithmetic, 2 second-hand, guess, definition; user given on the command line\n");
}

void plmr_device_write(FILE *out, const plmr_device *device)
{
    fprintf(out, "{\n  \"title\": \"%s\",\n  \"topology\": \"%s\",\n  \"router\": \"%s\"", device->title,
            device->topology == PLMR_TORUS ? "torus" : "mesh", device->router == PLMR_XY ? "xy" : "static");
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++) {
        const struct plmr_device_number *number = &plmr_device_numbers[i];
        const plmr_origin *origin = plmr_device_origin((plmr_device *)device, number);
        bool is_user = strcmp(origin->tag, "user") == 0;
        fprintf(out, ",\n  \"%s\": {\"value\": %.15g, \"unit\": \"%s\", \"tag\": \"%s\", \"source\": \"%s\"}",
                number->key, *plmr_device_value((plmr_device *)device, number), number->unit,
                is_user ? "guess" : origin->tag, origin->source);
    }
    plmr_device_write_defects(out, device);
    fputs("\n}\n", out);
}

void plmr_device_compare(FILE *out, const plmr_device *a, const plmr_device *b)
{
    fprintf(out, "%-18s %14.14s %-11s %14.14s %-11s %s\n", "key", a->name, "tag", b->name, "tag", "unit");
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++) {
        const struct plmr_device_number *number = &plmr_device_numbers[i];
        plmr_device *first = (plmr_device *)a, *second = (plmr_device *)b;
        double x = *plmr_device_value(first, number), y = *plmr_device_value(second, number);
        if (x < y || x > y)
            fprintf(out, "%-18s %14.9g %-11s %14.9g %-11s %s\n", number->key, x, plmr_device_origin(first, number)->tag,
                    y, plmr_device_origin(second, number)->tag, number->unit);
    }
}
