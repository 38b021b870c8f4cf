#include "cli/line.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/options.h"
#include "cli/settings.h"

static bool gives(const plmr_option *option, const char *word)
{
    size_t n = strlen(option->name);
    bool named = plmr_option_named(option) && strncmp(word, "--", 2) == 0 && strncmp(word + 2, option->name, n) == 0 &&
                 (word[2 + n] == '=' || !word[2 + n]);
    return named || (option->letter && word[0] == '-' && word[1] == option->letter);
}

const plmr_option *plmr_line_option(const plmr_command *command, const char *word)
{
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n = plmr_command_rows(command, rows);
    for (int i = 0; i < n; i++)
        if (gives(rows[i].option, word))
            return rows[i].option;
    return NULL;
}

bool plmr_line_value_is_apart(const plmr_option *option, const char *word)
{
    return option && option->argument && (word[1] == '-' ? !strchr(word, '=') : !word[2]);
}

/* Options of all commands have the group "". */
static bool is_setting(const plmr_option *option)
{
    bool is_common = option->group && !*option->group;
    return !plmr_option_is_output(option) && !is_common && strcmp(option->name, "ranks") != 0;
}

/* The value that hangs on an option's word, or "" of one that takes none. */
static const char *value_in(const plmr_option *option, const char *word)
{
    return !option->argument ? "" : word[1] == '-' ? strchr(word, '=') + 1 : word + 2;
}

json_t *plmr_line_settings(const plmr_command *command, const plmr_words *line)
{
    json_t *settings = plmr_take_made(json_object());
    char key[64];
    for (int i = 1; i < line->n; i++) {
        const char *word = line->at[i];
        const plmr_option *option = plmr_line_option(command, word);
        bool apart = plmr_line_value_is_apart(option, word) && i + 1 < line->n;
        const char *value = !option ? word : apart ? line->at[++i] : value_in(option, word);
        if (option)
            snprintf(key, sizeof key, "--%.40s", option->name);
        else
            snprintf(key, sizeof key, "word %d", i);
        if (!option || is_setting(option))
            json_object_set_new(settings, key, json_string(value));
    }
    return settings;
}

json_t *plmr_run_settings(const plmr_command *command, const plmr_llm_run *run)
{
    const char *path;
    json_t *digest, *source = run->session.source;
    if (!source)
        return NULL;
    json_t *settings = plmr_line_settings(command, &run->options->line);
    json_object_set(settings, "device", json_object_get(source, "device"));
    json_object_foreach(json_object_get(source, "files"), path, digest)
    {
        const char *slash = strrchr(path, '/');
        json_object_set(settings, slash ? slash + 1 : path, digest);
    }
    return settings;
}
