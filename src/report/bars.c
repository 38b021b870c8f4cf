#include "report/bars.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/color.h"

enum { LEAST_WIDTH = 40, USUAL_WIDTH = 80, MOST_WIDTH = 120, LEAST_BAR = 10 };

/* ---- the terminal ---- */

static int width_of(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    if (width <= 0 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        return USUAL_WIDTH;
    return width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : width;
}

/* As the C library looks for the locale. */
static bool is_utf8(void)
{
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *locale = getenv(names[i]);
        if (locale && *locale)
            return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
    }
    return false;
}

plmr_bars_style plmr_bars_style_of(FILE *out)
{
    return (plmr_bars_style){width_of(out), is_utf8()};
}

/* ---- drawing ---- */

const char *plmr_bars_mark(plmr_bars_style style, bool full)
{
    if (style.utf8)
        return full ? "\u2588" : "\u2591";
    return full ? "#" : ".";
}

static double length_of(double value)
{
    return isfinite(value) && value > 0 ? value : 0;
}

static int widest(const plmr_bar *bars, int n, bool labels)
{
    size_t most = 0;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(labels ? bars[i].label : bars[i].text.s);
        most = length > most ? length : most;
    }
    return (int)most;
}

static void draw(FILE *out, enum plmr_color color, const char *mark, int n)
{
    fputs(n ? plmr_color(out, color) : "", out);
    for (int i = 0; i < n; i++)
        fputs(mark, out);
    fputs(n ? plmr_color(out, PLMR_PLAIN) : "", out);
}

/* Columns of the whole bar and of its full part; neither part vanishes where there is room for both. */
static void columns_of(const plmr_bar *bar, double per_column, int *all, int *full)
{
    double first = length_of(bar->full), second = length_of(bar->light);
    int least = (first > 0) + (second > 0);
    *all = per_column > 0 ? (int)lround((first + second) / per_column) : 0;
    *all = *all < least ? least : *all;
    *full = first > 0 ? (int)lround(first / (first + second) * *all) : 0;
    if (first > 0 && *full == 0)
        *full = 1;
    if (second > 0 && *full == *all)
        *full = *all - 1;
}

void plmr_bars_print(FILE *out, plmr_bars_style style, const char *title, const plmr_bar *bars, int n)
{
    int labels = widest(bars, n, true), room = style.width - labels - widest(bars, n, false) - 6;
    double longest = 0;
    room = room < LEAST_BAR ? LEAST_BAR : room;
    for (int i = 0; i < n; i++)
        longest = fmax(longest, length_of(bars[i].full) + length_of(bars[i].light));
    fprintf(out, "\n  %s\n", title);
    for (int i = 0; i < n; i++) {
        int all, full;
        columns_of(&bars[i], longest / room, &all, &full);
        fprintf(out, "  %-*s  ", labels, bars[i].label);
        draw(out, PLMR_BLUE, plmr_bars_mark(style, true), full);
        draw(out, PLMR_DIM, plmr_bars_mark(style, false), all - full);
        fprintf(out, "%s%s\n", all ? "  " : "", bars[i].text.s);
    }
}
