#include <stdlib.h>
#include <string.h>

#include "base/option.h"

enum { WIDTH = 79, NAMES = 29 }; /* columns of a line, and of the names before what they mean */

/* One line, from `column` on; what does not fit goes on below, behind `indent` spaces. */
static void wrap(FILE *out, const char *text, size_t length, int column, int indent)
{
    bool first = true;
    for (const char *at = text, *end = text + length; at < end; first = false) {
        int n = (int)strcspn(at, " \n");
        if (!first && column + 1 + n > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", n, at);
        column += n;
        at += n + (at[n] == ' ');
    }
    fputc('\n', out);
}

void plmr_help_print(FILE *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (*text == ' ')
            fprintf(out, "%.*s\n", (int)n, text);
        else
            wrap(out, text, n, 0, 0);
        text += n + (text[n] == '\n');
    }
}

/* The help, with the words that may be said for "%s" in it, and what is said by default. */
static void full_help(const plmr_option *option, char *text, size_t size)
{
    const char *words[PLMR_MOST_CHOSEN], *gap = strstr(option->help, "%s");
    int n_words = gap ? plmr_option_words(option, words) : 0, before = gap ? (int)(gap - option->help) : 0;
    int n = snprintf(text, size, "%.*s", before, option->help);
    for (int i = 0; i < n_words; i++)
        n += snprintf(text + n, size - (size_t)n, "%s%s", i ? ", " : "", words[i]);
    n += snprintf(text + n, size - (size_t)n, "%s", gap ? gap + 2 : option->help);
    if (option->value && option->argument)
        snprintf(text + n, size - (size_t)n, " (default %s)", option->value);
}

static void print_option(FILE *out, const plmr_option *option)
{
    char names[80], letter[] = {'-', option->letter, ',', '\0'}, help[600];
    int n = snprintf(names, sizeof names, "  %3s --%s%s%s", option->letter ? letter : "", option->name,
                     option->argument ? "=" : "", option->argument ? option->argument : "");
    full_help(option, help, sizeof help);
    if (n > NAMES - 2)
        fprintf(out, "%s\n%*s", names, NAMES, "");
    else
        fprintf(out, "%-*s", NAMES, names);
    wrap(out, help, strlen(help), NAMES, NAMES);
}

static bool is_shown(const plmr_option *option)
{
    return plmr_option_named(option) && option->help;
}

static bool in_group(const plmr_option *option, const char *group)
{
    return is_shown(option) && (option->group && group ? strcmp(option->group, group) == 0 : option->group == group);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const plmr_option_row *)a)->option->name, ((const plmr_option_row *)b)->option->name);
}

/* Moves the rows of the first group to the front, sorted; returns how many they are. */
static int gather_group(plmr_option_row *rows, int n)
{
    int n_group = 0, i = 0;
    while (i < n && !is_shown(rows[i].option))
        i++;
    const char *group = i < n ? rows[i].option->group : NULL;
    for (; i < n; i++)
        if (in_group(rows[i].option, group)) {
            plmr_option_row row = rows[i];
            memmove(&rows[n_group + 1], &rows[n_group], (size_t)(i - n_group) * sizeof *rows);
            rows[n_group++] = row;
        }
    qsort(rows, (size_t)n_group, sizeof *rows, compare_names);
    return n_group;
}

static void print_group(FILE *out, const plmr_option_row *rows, int n, bool apart)
{
    const char *title = rows[0].option->group;
    bool titled = title && *title;
    if (apart || titled)
        fputc('\n', out);
    if (titled)
        fprintf(out, " %s\n", title);
    for (int i = 0; i < n; i++)
        print_option(out, rows[i].option);
}

void plmr_options_print(FILE *out, const plmr_option *table)
{
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n = plmr_option_rows(table, rows), n_group;
    bool first = true, titled = false;
    for (int i = 0; i < n; i += n_group) {
        n_group = gather_group(&rows[i], n - i);
        if (n_group == 0)
            break; /* what has no name is left */
        print_group(out, &rows[i], n_group, first || titled);
        titled = rows[i].option->group && *rows[i].option->group;
        first = false;
    }
}

static void list_words(FILE *out, const plmr_option *option)
{
    const char *words[PLMR_MOST_CHOSEN];
    int n = plmr_option_words(option, words);
    if (option->read == plmr_read_some_of)
        fputs(",all ", out);
    for (int i = 0; i < n; i++)
        fprintf(out, "%s%s", i ? " " : "", words[i]);
}

void plmr_options_dump(FILE *out, const char *command, const plmr_option *table)
{
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    char help[600];
    int n = plmr_option_rows(table, rows);
    for (int i = 0; i < n; i++) {
        const plmr_option *o = rows[i].option;
        const char letter[] = {o->letter, '\0'};
        if (!plmr_option_named(o))
            continue;
        fprintf(out, "%s\t%s\t%s\t%s\t", command, o->name, letter, o->argument ? o->argument : "");
        list_words(out, o);
        full_help(o, help, sizeof help);
        fprintf(out, "\t%s\t%s\n", o->group ? o->group : "", help);
    }
}
