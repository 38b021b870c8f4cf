/* Cells as tables, for a terminal or in Markdown, and what their errors come to. */
#include "paper/paper.h"

#include <math.h>
#include <string.h>

#include "report/table.h"

plmr_text plmr_paper_number(double value, int decimals)
{
    plmr_text text = {""};
    if (isfinite(value))
        snprintf(text.s, sizeof text.s, "%.*f", decimals, value);
    return text;
}

static plmr_text error_text(const plmr_paper_cell *c)
{
    plmr_text text = {""};
    double error = plmr_paper_error(c);
    if (isfinite(error) && c->role == PLMR_BOUND)
        snprintf(text.s, sizeof text.s, "%.0f %% of it",
                 100 * (c->predicted < c->published ? c->predicted / c->published : c->published / c->predicted));
    else if (isfinite(error))
        snprintf(text.s, sizeof text.s, "%+.1f %%", 100 * error);
    return text;
}

/* ---- on a terminal ---- */

static void print_labels(FILE *out, const plmr_paper_cell *c)
{
    fprintf(out, "  %-14s %-19s %-9s %-13s %-37s", c->subject, c->setting, c->system, c->mode, c->quantity);
}

static void print_line(FILE *out, const char *label, const char *text)
{
    fprintf(out, "      %-11s", label);
    plmr_table_wrap(out, 17, 17, text);
}

static void print_words(FILE *out, const plmr_paper_cell *c)
{
    print_labels(out, c);
    if (!*c->published_text) {
        fprintf(out, " %s\n", c->predicted_text);
        return;
    }
    fputc('\n', out);
    print_line(out, "predicted", c->predicted_text);
    print_line(out, "published", c->published_text);
}

static void print_figure(FILE *out, const plmr_paper_cell *c)
{
    print_labels(out, c);
    fprintf(out, " %11s %11s %11s  %s\n", plmr_paper_number(c->predicted, c->decimals).s,
            plmr_paper_number(c->published, c->decimals).s, error_text(c).s, plmr_paper_role_name(c->role));
    if (*c->published_text)
        print_line(out, "beside", c->published_text);
}

void plmr_paper_print_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part)
{
    fprintf(out, "%c%s: %s\n\n", part->name[0] - 'a' + 'A', part->name + 1, part->title);
    fprintf(out, "  %-14s %-19s %-9s %-13s %-37s %11s %11s %11s\n", "", "", "system", "mode", "", "predicted",
            "published", "error");
    for (int i = 0; i < paper->n_cells; i++)
        if (paper->cells[i].part == part)
            (*paper->cells[i].predicted_text ? print_words : print_figure)(out, &paper->cells[i]);
    fputc('\n', out);
}

/* ---- in Markdown ---- */

void plmr_paper_markdown_part(FILE *out, const plmr_paper *paper, const plmr_paper_part *part)
{
    fprintf(out, "## %c%s: %s\n\n%s\n\n", part->name[0] - 'a' + 'A', part->name + 1, part->title, part->notes);
    fprintf(out,
            "| | | system | mode | | predicted | published | error | |\n|---|---|---|---|---|---:|---:|---:|---|\n");
    for (int i = 0; i < paper->n_cells; i++) {
        const plmr_paper_cell *c = &paper->cells[i];
        if (c->part == part)
            fprintf(out, "| %s | %s | %s | %s | %s | %s%s | %s%s | %s | %s |\n", c->subject, c->setting, c->system,
                    c->mode, c->quantity, plmr_paper_number(c->predicted, c->decimals).s, c->predicted_text,
                    plmr_paper_number(c->published, c->decimals).s, c->published_text, error_text(c).s,
                    plmr_paper_role_name(c->role));
    }
    fputc('\n', out);
}

/* ---- errors ---- */

/* Those of all cells with the system, mode and role of the first one. */
struct errors {
    int n;
    double sum, squares, worst;
    const plmr_paper_cell *first, *worst_cell;
};

static bool counts(const plmr_paper_cell *c)
{
    return c->role != PLMR_BOUND && isfinite(plmr_paper_error(c));
}

static bool alike(const plmr_paper_cell *a, const plmr_paper_cell *b, bool whole)
{
    bool who = strcmp(a->system, b->system) == 0 && a->role == b->role;
    return whole ? who : who && a->part == b->part;
}

static bool is_first(const plmr_paper *paper, int index, bool whole)
{
    for (int i = 0; i < index; i++)
        if (counts(&paper->cells[i]) && alike(&paper->cells[i], &paper->cells[index], whole))
            return false;
    return counts(&paper->cells[index]);
}

static struct errors errors_of(const plmr_paper *paper, int index, bool whole)
{
    struct errors e = {.first = &paper->cells[index]};
    for (int i = index; i < paper->n_cells; i++) {
        const plmr_paper_cell *c = &paper->cells[i];
        double error = counts(c) && alike(c, e.first, whole) ? fabs(plmr_paper_error(c)) : -1;
        if (error < 0)
            continue;
        e.n++;
        e.sum += error;
        e.squares += error * error;
        if (!e.worst_cell || error > e.worst) {
            e.worst = error;
            e.worst_cell = c;
        }
    }
    return e;
}

static void put_errors(FILE *out, const struct errors *e, const char *part, bool markdown)
{
    const char *format = markdown ? "| %s | %s | %s | %d | %.1f %% | %.1f %% | %.1f %% | %s, %s %s |\n"
                                  : "  %-9s %-11s %-9s %4d %7.1f %% %7.1f %% %7.1f %%   %s, %s %s\n";
    fprintf(out, format, e->first->system, plmr_paper_role_name(e->first->role), part, e->n, 100 * e->sum / e->n,
            100 * sqrt(e->squares / e->n), 100 * e->worst, e->worst_cell->part->name, e->worst_cell->subject,
            e->worst_cell->setting);
}

/* How far what rests on times of the device can be trusted. */
static void put_standing(FILE *out, const plmr_paper *paper)
{
    unsigned parts = 0;
    plmr_standing standing;
    for (int i = 0; i < paper->n_cells; i++)
        parts |= paper->cells[i].parts;
    if (!parts)
        return;
    plmr_standing_of(&paper->device, &paper->evidence, parts, PLMR_F16, &standing);
    fputc('\n', out);
    plmr_table_standing(out, &standing);
}

static void put_all_errors(FILE *out, const plmr_paper *paper, bool markdown)
{
    if (markdown)
        fputs("| system | | | figures | mean error | RMS | worst | where |\n|---|---|---|---:|---:|---:|---:|---|\n",
              out);
    else
        fprintf(out, "Errors\n\n  %-9s %-11s %-9s %4s %9s %9s %9s   %s\n", "system", "", "", "n", "mean", "RMS",
                "worst", "where");
    for (int whole = 0; whole < 2; whole++)
        for (int i = 0; i < paper->n_cells; i++)
            if (is_first(paper, i, whole)) {
                struct errors e = errors_of(paper, i, whole);
                put_errors(out, &e, whole ? "all" : e.first->part->name, markdown);
            }
}

void plmr_paper_put_summary(FILE *out, const plmr_paper *paper, bool markdown)
{
    int n = 0;
    for (int i = 0; i < paper->n_cells; i++)
        n += counts(&paper->cells[i]);
    if (n)
        put_all_errors(out, paper, markdown);
    put_standing(out, paper);
}
