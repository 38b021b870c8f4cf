#include "serve/trace_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text_file.h"

enum column { ARRIVAL, PROMPT, OUTPUT, PRIORITY, PREFIX, PREFIX_TOKENS, N_COLUMNS }; /* from PRIORITY on: if wanted */
enum { MOST_FIELDS = 64, MOST_TOKENS = 1 << 22 };

static const char *const titles[N_COLUMNS][7] = {
    [ARRIVAL] = {"arrival", "arrival_s", "arrived_at", "timestamp", NULL},
    [PROMPT] = {"prompt", "prompt_tokens", "num_prefill_tokens", "contexttokens", "request tokens", NULL},
    [OUTPUT] = {"output", "output_tokens", "num_decode_tokens", "generatedtokens", "response tokens", NULL},
    [PRIORITY] = {"priority", NULL},
    [PREFIX] = {"prefix", "prefix_id", NULL},
    [PREFIX_TOKENS] = {"prefix_tokens", "prefix_length", NULL},
};

struct reader {
    const char *path;
    char *at; /* what is left of the text */
    int64_t line;
    int place[N_COLUMNS]; /* among the fields; -1: there is none */
};

/* ---- lines and fields ---- */

static char *trim(char *text)
{
    char *end = text + strlen(text);
    while (end > text && strchr(" \t\r", end[-1]))
        *--end = 0;
    return text + strspn(text, " \t");
}

/* The next line that is not empty; NULL: there is none. */
static char *next_line(struct reader *r)
{
    while (r->at && *r->at) {
        char *line = r->at, *end = strchr(line, '\n');
        r->at = end ? end + 1 : NULL;
        if (end)
            *end = 0;
        r->line++;
        if (*trim(line))
            return line;
    }
    return NULL;
}

/* Ends a text that begins with a quote at the next one, a doubled one being one of the text. Returns what is behind it, where a
 * comma or the end of the line must be; NULL: there is no such quote. */
static char *unquote(char *text)
{
    char *to = text;
    for (const char *from = text + 1; *from; *to++ = *from++)
        if (*from == '"' && *++from != '"') {
            *to = 0;
            from += strspn(from, " \t\r");
            return *from && *from != ',' ? NULL : (char *)from;
        }
    return NULL;
}

static plmr_status split(const struct reader *r, char *line, char *fields[MOST_FIELDS], int *n)
{
    *n = 0;
    for (char *next = line; next;) {
        PLMR_CHECK(*n < MOST_FIELDS, PLMR_ERROR_INPUT, "%s:%lld: has more than %d columns", r->path, (long long)r->line,
                   MOST_FIELDS);
        char *field = next + strspn(next, " \t"), *end = *field == '"' ? unquote(field) : field + strcspn(field, ",");
        PLMR_CHECK(end, PLMR_ERROR_INPUT, "%s:%lld: a quote is not closed before a comma or the end of the line",
                   r->path, (long long)r->line);
        next = *end ? end + 1 : NULL;
        *end = 0;
        fields[(*n)++] = trim(field);
    }
    return PLMR_OK;
}

/* The last of the fields that is one of a column's titles; -1: there is none. */
static int find_title(const char *const *titles, char *const *fields, int n)
{
    int place = -1;
    for (int i = 0; i < n; i++)
        for (int k = 0; titles[k]; k++)
            if (strcasecmp(fields[i], titles[k]) == 0)
                place = i;
    return place;
}

static plmr_status read_titles(struct reader *r)
{
    int n;
    char *fields[MOST_FIELDS], *line = next_line(r);
    PLMR_CHECK(line, PLMR_ERROR_INPUT, "%s is empty: a trace starts with a line of titles", r->path);
    PLMR_TRY(split(r, line, fields, &n));
    for (int c = 0; c < N_COLUMNS; c++) {
        r->place[c] = find_title(titles[c], fields, n);
        PLMR_CHECK(
            r->place[c] >= 0 || c >= PRIORITY, PLMR_ERROR_INPUT,
            "%s:%lld: no column is titled '%s', or as in Azure's or BurstGPT's traces: a trace has arrival, prompt "
            "and output",
            r->path, (long long)r->line, titles[c][0]);
    }
    PLMR_CHECK((r->place[PREFIX] < 0) == (r->place[PREFIX_TOKENS] < 0), PLMR_ERROR_INPUT,
               "%s:%lld: prefix and prefix_tokens go together: which one, and how long", r->path, (long long)r->line);
    return PLMR_OK;
}

/* ---- values ---- */

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month)
{
    return (int)(days_of(year + month / 12, month % 12 + 1, 1) - days_of(year, month, 1));
}

static bool is_in(int x, int least, int most)
{
    return x >= least && x <= most;
}

static bool read_date(const char *text, double *t)
{
    int year, month, day, hour, minute, n = -1;
    double second;
    if (sscanf(text, "%4d-%2d-%2d%*1[ T]%2d:%2d:%lf%n", &year, &month, &day, &hour, &minute, &second, &n) != 6 || n < 0)
        return false;
    bool is_one = is_in(year, 1970, 9999) && is_in(month, 1, 12) && is_in(day, 1, days_in(year, month)) &&
                  is_in(hour, 0, 23) && is_in(minute, 0, 59) && second >= 0 && second < 61;
    *t = is_one ? (double)days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second : 0;
    return is_one && (!text[n] || strcmp(text + n, "Z") == 0 || strcmp(text + n, "+00:00") == 0);
}

static bool read_time(const char *text, double *t)
{
    char *end;
    *t = strtod(text, &end);
    return (end != text && !*end) || read_date(text, t);
}

static bool read_whole(const char *text, int64_t least, int64_t most, int32_t *value)
{
    char *end;
    double x = strtod(text, &end);
    bool is_one = end != text && !*end && x >= (double)least && x <= (double)most;
    *value = is_one ? (int32_t)x : 0;
    return is_one && *value == x;
}

static plmr_status read_request(const struct reader *r, char *line, plmr_request *request)
{
    int n;
    char *fields[MOST_FIELDS];
    const char *text[N_COLUMNS];
    PLMR_TRY(split(r, line, fields, &n));
    for (int c = 0; c < N_COLUMNS; c++) {
        PLMR_CHECK(r->place[c] < n, PLMR_ERROR_INPUT, "%s:%lld: the line ends before its %s", r->path,
                   (long long)r->line, titles[c][0]);
        text[c] = r->place[c] < 0 ? "0" : fields[r->place[c]];
    }
    *request = (plmr_request){0};
    PLMR_CHECK(read_time(text[ARRIVAL], &request->t_arrival) && request->t_arrival >= 0 && request->t_arrival < 1e12,
               PLMR_ERROR_INPUT, "%s:%lld: arrival '%.40s' is not a time from 0, in seconds or as a date", r->path,
               (long long)r->line, text[ARRIVAL]);
    PLMR_CHECK(read_whole(text[PROMPT], 1, MOST_TOKENS, &request->n_prompt), PLMR_ERROR_INPUT,
               "%s:%lld: prompt '%.40s' is not a number of tokens from 1", r->path, (long long)r->line, text[PROMPT]);
    PLMR_CHECK(read_whole(text[OUTPUT], 1, MOST_TOKENS, &request->n_output), PLMR_ERROR_INPUT,
               "%s:%lld: output '%.40s' is not a number of tokens from 1", r->path, (long long)r->line, text[OUTPUT]);
    PLMR_CHECK(read_whole(text[PRIORITY], -1000000, 1000000, &request->priority), PLMR_ERROR_INPUT,
               "%s:%lld: priority '%.40s' is not a whole number", r->path, (long long)r->line, text[PRIORITY]);
    PLMR_CHECK(read_whole(text[PREFIX], 0, INT32_MAX, &request->prefix), PLMR_ERROR_INPUT,
               "%s:%lld: prefix '%.40s' is not a whole number from 0", r->path, (long long)r->line, text[PREFIX]);
    PLMR_CHECK(read_whole(text[PREFIX_TOKENS], 0, request->n_prompt, &request->n_prefix), PLMR_ERROR_INPUT,
               "%s:%lld: prefix_tokens '%.40s' is not a number of tokens, at most the prompt's", r->path,
               (long long)r->line, text[PREFIX_TOKENS]);
    return PLMR_OK;
}

/* ---- the whole ---- */

/* By arrival; t_last holds the order of the lines meanwhile. */
static int compare(const void *a, const void *b)
{
    const plmr_request *x = a, *y = b;
    return x->t_arrival != y->t_arrival ? (x->t_arrival > y->t_arrival ? 1 : -1) : x->t_last > y->t_last ? 1 : -1;
}

static void sort(plmr_request *requests, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        requests[i].t_last = (double)i;
    qsort(requests, (size_t)n, sizeof *requests, compare);
    double first = requests[0].t_arrival;
    for (int64_t i = 0; i < n; i++) {
        requests[i].t_last = 0;
        requests[i].t_arrival -= first;
    }
}

plmr_status plmr_trace_csv_parse(const char *path, char *text, int64_t most, plmr_request **requests, int64_t *n)
{
    struct reader r = {.path = path, .at = text};
    plmr_request *all = NULL;
    int64_t room = 0;
    plmr_status status = read_titles(&r);
    *n = 0;
    for (char *line; !status && (!most || *n < most) && (line = next_line(&r));) {
        if (*n == room)
            all = plmr_take_more(all, (size_t)(room = 2 * room + 64) * sizeof *all);
        status = read_request(&r, line, &all[*n]);
        *n += !status;
    }
    if (!status && *n == 0)
        status = plmr_error_make(PLMR_ERROR_INPUT, "%s has titles alone: no requests", path);
    if (status) {
        free(all);
        return status;
    }
    sort(all, *n);
    *requests = all;
    return PLMR_OK;
}

plmr_status plmr_trace_csv_read(const char *path, int64_t most, plmr_request **requests, int64_t *n)
{
    enum { MOST_BYTES = 1 << 29 };
    char *text;
    size_t n_bytes;
    plmr_status status = plmr_file_read(path, MOST_BYTES, &text, &n_bytes);
    if (!status)
        status = plmr_trace_csv_parse(path, text, most, requests, n);
    free(text);
    return status;
}
