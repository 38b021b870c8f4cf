#include "base/option.h"

#include <limits.h>
#include <string.h>

#include "base/option_paths.h"
#include "base/suggest.h"

/* ---- types ---- */

plmr_text plmr_option_shown(const plmr_option *option)
{
    plmr_text text = {""};
    if (*option->name)
        snprintf(text.s, sizeof text.s, "--%.40s", option->name);
    return text;
}

plmr_status plmr_read_flag(const plmr_option *option, const char *text, void *member)
{
    (void)option, (void)text;
    *(bool *)member = true;
    return PLMR_OK;
}

/* No limit is that of the member's type. */
static int64_t most_of(const plmr_option *option)
{
    if (option->most > 0)
        return (int64_t)option->most;
    return option->size == sizeof(int) ? INT_MAX : INT64_MAX - 1;
}

static void store(const plmr_option *option, int64_t value, void *member)
{
    if (option->size == sizeof(int))
        *(int *)member = (int)value;
    else
        *(int64_t *)member = value;
}

plmr_status plmr_read_count(const plmr_option *option, const char *text, void *member)
{
    int64_t value = 0;
    PLMR_TRY(plmr_parse_count(plmr_option_shown(option).s, text, most_of(option), &value));
    store(option, value, member);
    return PLMR_OK;
}

plmr_status plmr_read_whole(const plmr_option *option, const char *text, void *member)
{
    int64_t value = 0;
    PLMR_TRY(plmr_parse_whole(plmr_option_shown(option).s, text, most_of(option), &value));
    store(option, value, member);
    return PLMR_OK;
}

plmr_status plmr_read_real(const plmr_option *option, const char *text, void *member)
{
    return plmr_parse_real(plmr_option_shown(option).s, text, option->least, option->most, member);
}

static plmr_status value_missing(const plmr_option *option, const char *shown)
{
    PLMR_CHECK(*shown, PLMR_ERROR_INPUT, "an empty word stands where %s is expected", option->argument);
    return plmr_error_make(PLMR_ERROR_INPUT, "%s needs a value: %s %s", shown, shown, option->argument);
}

plmr_status plmr_read_text(const plmr_option *option, const char *text, void *member)
{
    if (!*text)
        return value_missing(option, plmr_option_shown(option).s);
    *(const char **)member = text;
    return PLMR_OK;
}

plmr_status plmr_read_pair(const plmr_option *option, const char *text, void *member)
{
    char form[48];
    int *pair = member;
    snprintf(form, sizeof form, "%s, e.g. %s", option->argument, option->example);
    return plmr_parse_pair(plmr_option_shown(option).s, text, form, &pair[0], &pair[1]);
}

int plmr_option_words(const plmr_option *option, const char *words[PLMR_MOST_CHOSEN])
{
    int n = 0;
    for (; option->registry && n < option->registry->n; n++)
        words[n] = plmr_name_of(option->registry->all[n]);
    for (; option->words && option->words[n]; n++)
        words[n] = option->words[n];
    return n;
}

static plmr_status find_word(const plmr_option *option, const char *text, int *index)
{
    const char *words[PLMR_MOST_CHOSEN];
    int n = plmr_option_words(option, words);
    return plmr_parse_word(plmr_option_shown(option).s, text, words, n, index);
}

plmr_status plmr_read_word(const plmr_option *option, const char *text, void *member)
{
    int index;
    PLMR_TRY(find_word(option, text, &index));
    if (option->size == sizeof(bool))
        *(bool *)member = index == 1;
    else
        *(int *)member = index;
    return PLMR_OK;
}

plmr_status plmr_read_one_of(const plmr_option *option, const char *text, void *member)
{
    int index;
    PLMR_TRY(find_word(option, text, &index));
    *(const void **)member = option->registry->all[index];
    return PLMR_OK;
}

plmr_status plmr_read_some_of(const plmr_option *option, const char *text, void *member)
{
    const char *words[PLMR_MOST_CHOSEN];
    int n = plmr_option_words(option, words), chosen[PLMR_MOST_CHOSEN + 1];
    plmr_chosen *choice = member;
    choice->all = strcmp(text, "all") == 0;
    PLMR_TRY(plmr_parse_words(plmr_option_shown(option).s, text, words, n, chosen, &choice->n));
    for (int i = 0; i < choice->n; i++)
        choice->at[i] = option->registry->all[chosen[i]];
    return PLMR_OK;
}

plmr_status plmr_chosen_keep(plmr_chosen *chosen, plmr_status (*check)(const void *one, const void *context),
                             const void *context)
{
    plmr_status status = PLMR_OK, why = PLMR_OK;
    char names[100] = "";
    int n = 0;
    for (int i = 0; i < chosen->n && (!status || chosen->all); i++) {
        chosen->at[n] = chosen->at[i];
        status = check(chosen->at[n], context);
        n += !status;
        if (status && chosen->all) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", plmr_name_of(chosen->at[n]));
            plmr_error_free(why);
            why = status;
        }
    }
    if (chosen->all ? n == 0 : status != NULL)
        return status;
    if (why)
        snprintf(chosen->left_out, sizeof chosen->left_out, "%s: %s", names, plmr_error_text(why));
    plmr_error_free(why);
    chosen->n = n;
    return PLMR_OK;
}

plmr_status plmr_read_one_more(const plmr_option *option, const char *text, void *member)
{
    plmr_texts *texts = member;
    PLMR_CHECK(texts->n < PLMR_MOST_TEXTS, PLMR_ERROR_INPUT, "'%.60s': more than %d are given", text, PLMR_MOST_TEXTS);
    return plmr_read_text(option, text, &texts->at[texts->n++]);
}

/* ---- tables ---- */

bool plmr_option_named(const plmr_option *option)
{
    return *option->name && *option->name != '-';
}

static const plmr_option_row *find_row(const plmr_option_row *rows, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].option->name, name) == 0)
            return &rows[i];
    return NULL;
}

static void add_rows(const plmr_option *table, size_t at, plmr_option_row *rows, int *n)
{
    for (const plmr_option *o = table; o->name || o->table; o++) {
        if (o->table) {
            add_rows(o->table, at + o->member, rows, n);
        } else if (!find_row(rows, *n, o->name)) {
            PLMR_ASSERT(*n < PLMR_MOST_OPTIONS);
            rows[(*n)++] = (plmr_option_row){o, at + o->member};
        }
    }
}

int plmr_option_rows(const plmr_option *table, plmr_option_row rows[PLMR_MOST_OPTIONS])
{
    int n = 0;
    add_rows(table, 0, rows, &n);
    return n;
}

/* ---- reading ---- */

/* The command line is gone through twice: first for what is no option, for help and for what is to be read first. */
struct line {
    const char *command;
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n_rows;
    int argc;
    char **argv;
    int at, n_unnamed;
    bool help;
    bool first; /* the first time */
    char *options;
    plmr_paths *paths; /* a third time, for these alone; NULL: not now */
};

static plmr_status read_value(const struct line *line, const plmr_option_row *row, const char *text)
{
    const plmr_option *option = row->option;
    if (line->paths)
        plmr_paths_note(line->paths, option, text);
    return option->read && !line->paths && option->first == line->first
               ? option->read(option, text, line->options + row->at)
               : PLMR_OK;
}

/* An option that was given as `shown`: "--cores", "-m"; `text` is the value that hangs on it, NULL: none does. */
static plmr_status read_known(struct line *line, const plmr_option_row *row, const char *shown, const char *text)
{
    const plmr_option *option = row->option;
    line->help = line->help || strcmp(option->name, "help") == 0;
    PLMR_CHECK(option->argument || !text, PLMR_ERROR_INPUT, "%s takes no value", shown);
    if (option->argument && !text) {
        if (line->at + 1 == line->argc)
            return value_missing(option, shown);
        text = line->argv[++line->at];
    }
    return read_value(line, row, text);
}

bool plmr_option_is_output(const plmr_option *option)
{
    return option && !option->recorded &&
           (option->path >= PLMR_PATH_WRITTEN || (option->group && strcmp(option->group, PLMR_TITLE_OUTPUT) == 0));
}

static plmr_status unknown_option(const struct line *line, const char *name)
{
    const char *names[PLMR_MOST_OPTIONS];
    int n = 0;
    for (int i = 0; i < line->n_rows; i++)
        if (plmr_option_named(line->rows[i].option))
            names[n++] = line->rows[i].option->name;
    const char *near = plmr_suggest(name, names, n);
    return plmr_error_make(PLMR_ERROR_INPUT, "unknown option '--%.60s'%s%s%s (see %s --help)", name,
                           near ? ": did you mean '--" : "", near ? near : "", near ? "'?" : "", line->command);
}

static plmr_status read_option(struct line *line)
{
    const char *word = line->argv[line->at] + 2, *equals = strchr(word, '=');
    char name[PLMR_OPTION_NAME], shown[PLMR_OPTION_NAME + 4];
    snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    snprintf(shown, sizeof shown, "--%s", name);
    const plmr_option_row *row = find_row(line->rows, line->n_rows, name);
    return row && plmr_option_named(row->option) ? read_known(line, row, shown, equals ? equals + 1 : NULL)
                                                 : unknown_option(line, name);
}

/* "-m FILE" or "-mFILE"; letters are not taken together, as in "-hm". */
static plmr_status read_letter(struct line *line)
{
    const char *word = line->argv[line->at];
    char shown[] = {'-', word[1], '\0'};
    for (int i = 0; i < line->n_rows && word[1]; i++)
        if (line->rows[i].option->letter == word[1])
            return read_known(line, &line->rows[i], shown, word[2] ? word + 2 : NULL);
    return plmr_error_make(PLMR_ERROR_INPUT, "unknown option '%.60s': options start with two dashes (see %s --help)",
                           word, line->command);
}

static plmr_status read_word(struct line *line)
{
    const char *word = line->argv[line->at];
    if (strncmp(word, "--", 2) == 0 && word[2])
        return read_option(line);
    if (word[0] == '-')
        return read_letter(line);
    const plmr_option_row *row = find_row(line->rows, line->n_rows, "");
    PLMR_CHECK(row && line->n_unnamed < (int)row->option->most, PLMR_ERROR_INPUT, "unexpected '%.60s' (see %s --help)",
               word, line->command);
    line->n_unnamed++;
    return read_value(line, row, word);
}

/* Rows that others of their names stand before: what they alone fill has its default all the same. */
static plmr_status read_hidden(const struct line *line, const plmr_option *table, size_t at)
{
    for (const plmr_option *o = table; o->name || o->table; o++) {
        plmr_option_row row = {o, at + o->member};
        if (o->table)
            PLMR_TRY(read_hidden(line, o->table, row.at));
        else if (o->value && find_row(line->rows, line->n_rows, o->name)->at != row.at)
            PLMR_TRY(read_value(line, &row, o->value));
    }
    return PLMR_OK;
}

/* A program may give any list of words. */
static plmr_status check_words(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        PLMR_CHECK(argv && argv[i], PLMR_ERROR_INPUT, "word %d of the command line is NULL, and must be given", i);
    return PLMR_OK;
}

static plmr_status read_all(struct line *line)
{
    const plmr_option_row *rest = find_row(line->rows, line->n_rows, "--");
    line->n_unnamed = 0;
    for (line->at = 1; line->at < line->argc; line->at++) {
        if (rest && strcmp(line->argv[line->at], "--") == 0) {
            if (!line->first && !line->paths)
                *(char ***)(void *)(line->options + rest->at) = &line->argv[line->at + 1];
            break;
        }
        PLMR_TRY(read_word(line));
    }
    return PLMR_OK;
}

plmr_status plmr_options_read(const plmr_option *table, const char *command, int argc, char **argv, void *options,
                              bool *help)
{
    struct line line = {.command = command, .argc = argc, .argv = argv, .first = true, .options = options};
    line.n_rows = plmr_option_rows(table, line.rows);
    PLMR_TRY(check_words(argc, argv));
    PLMR_TRY(read_all(&line));
    *help = line.help;
    if (line.help)
        return PLMR_OK;
    const plmr_option_row *whole = find_row(line.rows, line.n_rows, "-");
    if (whole)
        *(plmr_words *)(void *)(line.options + whole->at) = (plmr_words){argv, argc};
    line.first = false;
    PLMR_TRY(read_hidden(&line, table, 0));
    for (int i = 0; i < line.n_rows; i++)
        if (line.rows[i].option->value)
            PLMR_TRY(read_value(&line, &line.rows[i], line.rows[i].option->value));
    return read_all(&line);
}

plmr_status plmr_options_check_files(const plmr_option *table, const char *command, int argc, char **argv)
{
    plmr_paths paths = {0};
    struct line line = {.command = command, .argc = argc, .argv = argv, .paths = &paths};
    line.n_rows = plmr_option_rows(table, line.rows);
    plmr_status status = read_all(&line);
    if (!status)
        status = plmr_paths_check(&paths);
    plmr_paths_clear(&paths);
    return status;
}
