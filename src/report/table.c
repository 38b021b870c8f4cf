#include "report/table.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"

enum { LABEL_WIDTH = 10, NAME_WIDTH = 13, N_COLUMNS = 11, SRAM_COLUMN = 6, ROUTES_COLUMN = 5 };
enum { FEW = 2, MOST_OF_WORD = 24 }; /* of a list that is told in one line */

static const struct column {
    const char *upper, *lower;
    int width;
} columns[N_COLUMNS] = {
    {"", "cycles", 13}, {"virtual", "time", 9},   {"compute", "share", 8}, {"", "hops", 10},
    {"", "stages", 9},  {"routes", NULL, 9},      {"SRAM, B", NULL, 13},   {"wavelet-", "hops", 9},
    {"", "energy", 9},  {"relative", "error", 9}, {"wall", "time", 9},
};

/* A percent sign stays with its number. */
static int word_length(const char *text)
{
    size_t length = strcspn(text, " ");
    if (text[length] == ' ' && text[length + 1] == '%')
        length += 1 + strcspn(text + length + 1, " ");
    return (int)length;
}

void plmr_table_wrap(FILE *out, int at, int indent, const char *text)
{
    bool first = true;
    while (*text) {
        int length = word_length(text);
        if (!first && at + 1 + length > PLMR_TABLE_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", length, text);
        at += length;
        text += length + (text[length] == ' ');
        first = false;
    }
    fputc('\n', out);
}

void plmr_table_fact(FILE *out, const char *label, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(out, "  %-*s", LABEL_WIDTH, label);
    plmr_table_wrap(out, 2 + LABEL_WIDTH, 2 + LABEL_WIDTH, text);
}

static const char *word_of_tag(const char *tag)
{
    static const char *const words[][2] = {{"M", "measured"},      {"S", "simulated"},   {"V", "vendor's claim"},
                                           {"C", "read in code"},  {"I", "inferred"},    {"2", "second-hand"},
                                           {"user", "the user's"}, {"guess", "guessed"}, {"definition", "defined"}};
    size_t i = 0;
    while (i + 1 < sizeof words / sizeof *words && strcmp(words[i][0], tag) != 0)
        i++;
    return words[i][1];
}

struct few {
    char s[(FEW + 1) * (MOST_OF_WORD + 2)];
};

/* Of "a,b,c,d,e": "a, b, c, 2 more". */
static struct few first_few(const char *list)
{
    struct few text = {""};
    size_t used = 0;
    int n = 0, more = 0;
    for (size_t length; *list; list += length + (list[length] == ',')) {
        length = strcspn(list, ",");
        if (n == FEW)
            more++;
        else
            used += (size_t)snprintf(text.s + used, sizeof text.s - used, "%s%.*s", n++ ? ", " : "",
                                     (int)(length < MOST_OF_WORD ? length : MOST_OF_WORD), list);
    }
    if (more)
        snprintf(text.s + used, sizeof text.s - used, ", %d more", more);
    return text;
}

void plmr_table_standing(FILE *out, const plmr_standing *s)
{
    char met[16] = "";
    if (isfinite(s->rms))
        snprintf(met, sizeof met, "%.1f %% (", 100 * s->rms);
    plmr_table_fact(out, "standing", "%s at weakest (%s); RMS error where measured: %s%s%s", word_of_tag(s->tag),
                    first_few(s->weakest).s, met, first_few(s->sets).s, met[0] ? ")" : "");
}

/* Devices without a limit have a very large number. */
static plmr_text limit_text(int64_t limit, int64_t unlimited)
{
    plmr_text text = {"no limit"};
    if (limit < unlimited)
        snprintf(text.s, sizeof text.s, "of %.40s", plmr_format_count(limit).s);
    return text;
}

void plmr_table_titles(FILE *out, const plmr_record *record)
{
    plmr_text routes = limit_text(record->routes_limit, 1000000);
    plmr_text sram = limit_text(record->sram_limit_bytes, 1000000000);
    fprintf(out, "\n%*s", NAME_WIDTH, "");
    for (int i = 0; i < N_COLUMNS; i++)
        fprintf(out, "%*s", columns[i].width, columns[i].upper);
    fprintf(out, "\n%-*s", NAME_WIDTH, "algorithm");
    for (int i = 0; i < N_COLUMNS; i++)
        fprintf(out, "%*s", columns[i].width,
                i == ROUTES_COLUMN ? routes.s
                : i == SRAM_COLUMN ? sram.s
                                   : columns[i].lower);
    fputc('\n', out);
}

static plmr_text with_mark(int64_t value, int64_t limit)
{
    plmr_text text;
    snprintf(text.s, sizeof text.s, "%s%.40s", value > limit ? "!" : "", plmr_format_count(value).s);
    return text;
}

static void numbers_row(FILE *out, const plmr_record *r)
{
    plmr_text cells[N_COLUMNS] = {
        plmr_format_cycles(r->cycles),
        plmr_format_quantity(r->virtual_s, "s"),
        plmr_format_percent(r->efficiency),
        plmr_format_count(r->hops_critical),
        plmr_format_count(r->stages_critical),
        with_mark(r->routes_max, r->routes_limit),
        with_mark(r->sram_peak_bytes, r->sram_limit_bytes),
        plmr_format_quantity((double)r->wavelet_hops, ""),
        plmr_format_quantity(r->energy_j, "J"),
        plmr_format_error(r->verify_max_rel_err),
        plmr_format_quantity(r->wall_s, "s"),
    };
    for (int i = 0; i < N_COLUMNS; i++)
        fprintf(out, "%*s", columns[i].width, cells[i].s);
    fputc('\n', out);
}

void plmr_table_row(FILE *out, const plmr_record *record)
{
    fprintf(out, "%-*s", NAME_WIDTH, record->algorithm);
    if (!record->error) {
        numbers_row(out, record);
        return;
    }
    fputs("  does not fit: ", out);
    plmr_table_wrap(out, NAME_WIDTH + 16, NAME_WIDTH + 4, record->error);
}
