#include "device/device_internal.h"

#include <string.h>

#include "base/point.h"

enum { N_COLUMNS = 6, VALUE_COLUMN = 1, VALUE_SIZE = 32 };

struct row {
    const char *cells[N_COLUMNS];
    char value[VALUE_SIZE];
};

static const char *topology_of(const plmr_device *device)
{
    return device->topology == PLMR_TORUS ? "torus" : "mesh";
}

static const char *router_of(const plmr_device *device)
{
    return device->router == PLMR_XY ? "xy" : "static";
}

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
    plmr_point point = plmr_point_begin();
    struct row heading = {.cells = {"key", "value", "unit", "tag", "meaning", "source"}}, rows[PLMR_DEVICE_N_NUMBERS];
    int widths[N_COLUMNS] = {0};
    fill_rows(device, rows);
    widen(widths, &heading);
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        widen(widths, &rows[i]);
    fprintf(out, "%s: %s\n", device->name, device->title);
    fprintf(out, "%s of %.0f rows x %.0f columns = %.0f cores, %s routers\n\n", topology_of(device), device->rows,
            device->cols, device->rows * device->cols, router_of(device));
    print_row(out, widths, &heading);
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        print_row(out, widths, &rows[i]);
    if (device->dead.n + device->dead_links.n + device->slow.n > 0)
        fprintf(out, "\nits file names %d dead cores, %d dead links and %d slow cores\n", device->dead.n,
                device->dead_links.n, device->slow.n);
    fprintf(out,
            "\ntags: M measured on hardware, S vendor's simulator, V vendor's claim, C read in public code, I inferred "
            "by fit or arithmetic, 2 second-hand, guess, definition; user given on the command line\n");
    plmr_point_end(point);
}

/* In quotation marks, with what is inside escaped as JSON has it. */
static void put_text(FILE *out, const char *text)
{
    json_t *json = json_string(text);
    json_dumpf(json, out, JSON_ENCODE_ANY);
    json_decref(json);
}

void plmr_device_write(FILE *out, const plmr_device *device)
{
    fputs("{\n  \"title\": ", out);
    put_text(out, device->title);
    fprintf(out, ",\n  \"topology\": \"%s\",\n  \"router\": \"%s\"", topology_of(device), router_of(device));
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++) {
        const struct plmr_device_number *number = &plmr_device_numbers[i];
        const plmr_origin *origin = plmr_device_origin((plmr_device *)device, number);
        bool is_user = strcmp(origin->tag, "user") == 0;
        fprintf(out, ",\n  \"%s\": {\"value\": %.15g, \"unit\": \"%s\", \"tag\": \"%s\", \"source\": ", number->key,
                *plmr_device_value((plmr_device *)device, number), number->unit, is_user ? "guess" : origin->tag);
        put_text(out, origin->source);
        putc('}', out);
    }
    plmr_device_write_defects(out, device);
    fputs("\n}\n", out);
}

static bool compare_texts(FILE *out, const char *key, const char *a, const char *b)
{
    bool differ = strcmp(a, b) != 0;
    if (differ)
        fprintf(out, "%-18s %14s %-11s %14s\n", key, a, "", b);
    return differ;
}

static bool compare_lists(FILE *out, const char *key, const char *what, const plmr_defect_list *a,
                          const plmr_defect_list *b)
{
    bool differ = a->n != b->n || memcmp(a->at, b->at, (size_t)a->n * sizeof *a->at) != 0;
    if (differ)
        fprintf(out, "%-18s %14d %-11s %14d %-11s %s%s\n", key, a->n, "", b->n, "", what,
                a->n == b->n ? ", not the same" : "");
    return differ;
}

static bool compare_number(FILE *out, const struct plmr_device_number *number, plmr_device *a, plmr_device *b)
{
    double x = *plmr_device_value(a, number), y = *plmr_device_value(b, number);
    bool differ = x < y || x > y;
    if (differ)
        fprintf(out, "%-18s %14.9g %-11s %14.9g %-11s %s\n", number->key, x, plmr_device_origin(a, number)->tag, y,
                plmr_device_origin(b, number)->tag, number->unit);
    return differ;
}

void plmr_device_compare(FILE *out, const plmr_device *a, const plmr_device *b)
{
    fprintf(out, "%-18s %14.14s %-11s %14.14s %-11s %s\n", "key", a->name, "tag", b->name, "tag", "unit");
    bool differ = compare_texts(out, "topology", topology_of(a), topology_of(b));
    differ |= compare_texts(out, "router", router_of(a), router_of(b));
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        differ |= compare_number(out, &plmr_device_numbers[i], (plmr_device *)a, (plmr_device *)b);
    differ |= compare_lists(out, "dead", "cores", &a->dead, &b->dead);
    differ |= compare_lists(out, "dead_links", "links", &a->dead_links, &b->dead_links);
    differ |= compare_lists(out, "slow", "cores", &a->slow, &b->slow);
    if (!differ)
        fputs("they do not differ\n", out);
}
