#include "base/option_paths.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/draft.h"
#include "base/folder.h"
#include "base/memory.h"

/* Files to read are those that are there; what is written has a name, the same for all names of one file. */
struct plmr_named_path {
    const plmr_option *option;
    enum plmr_path kind;
    char *path, *name;
    bool exists;
    struct stat is;
};

/* "-" of "FILE|-", "none" of "DIR|none". */
static bool is_word_for_none(const plmr_option *option, const char *text)
{
    const char *bar = strchr(option->argument, '|');
    return option->path != PLMR_PATH_READ && bar && strcmp(bar + 1, text) == 0;
}

/* Numbers may stand behind what is read: "FILE:hop=2". */
static char *path_in(const plmr_option *option, const char *text)
{
    const char *end = option->path_end ? strstr(text, option->path_end) : NULL;
    char *path = plmr_take_text("%.*s", end ? (int)(end - text) : (int)strlen(text), text), *colon;
    struct stat status;
    while (option->path == PLMR_PATH_READ && stat(path, &status) != 0 && (colon = strrchr(path, ':')))
        *colon = '\0';
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = '\0';
    return path;
}

/* Takes over the path. What is written to as it is, such as a pipe, may be so by several. */
static void add(plmr_paths *paths, const plmr_option *option, enum plmr_path kind, char *path)
{
    struct plmr_named_path one = {.option = option, .kind = kind, .path = path};
    one.exists = stat(path, &one.is) == 0;
    if (kind == PLMR_PATH_READ ? !one.exists || !S_ISREG(one.is.st_mode) : plmr_draft_is_direct(path)) {
        free(path);
        return;
    }
    one.name = kind == PLMR_PATH_READ ? NULL : plmr_draft_name(path);
    paths->at = plmr_take_more(paths->at, ((size_t)paths->n + 1) * sizeof *paths->at);
    paths->at[paths->n++] = one;
}

void plmr_paths_note(plmr_paths *paths, const plmr_option *option, const char *text)
{
    if (!text || !*text || option->path == PLMR_NO_PATH || is_word_for_none(option, text))
        return;
    char *path = path_in(option, text);
    for (int i = 0; option->files && option->files[i]; i++)
        add(paths, option, PLMR_PATH_WRITTEN, plmr_take_text("%s/%s", path, option->files[i]));
    add(paths, option, option->path, path);
}

static plmr_status check_read(const struct plmr_named_path *out, const struct plmr_named_path *in)
{
    bool is_one = out->exists && out->is.st_dev == in->is.st_dev && out->is.st_ino == in->is.st_ino;
    PLMR_CHECK(!is_one, PLMR_ERROR_INPUT, "%s: %.200s is read by this run, too (%s): name another file",
               plmr_option_shown(out->option).s, out->path,
               *in->option->name ? plmr_option_shown(in->option).s : in->path);
    return PLMR_OK;
}

/* What is to be a file can be no folder as well. */
static plmr_status check_written(const struct plmr_named_path *file, const struct plmr_named_path *other)
{
    size_t n = strlen(file->name);
    bool begins = strncmp(file->name, other->name, n) == 0;
    PLMR_CHECK(!begins || (other->name[n] && other->name[n] != '/'), PLMR_ERROR_INPUT, "%s: %.200s: " PLMR_DRAFT_TWICE,
               plmr_option_shown(file->option).s, file->path);
    return PLMR_OK;
}

/* Of what is written, beside another. */
static plmr_status check_pair(const struct plmr_named_path *out, const struct plmr_named_path *other)
{
    if (other->kind == PLMR_PATH_READ)
        return check_read(out, other);
    return out->kind == PLMR_PATH_WRITTEN && out->option != other->option ? check_written(out, other) : PLMR_OK;
}

/* A folder may be there, or be made. */
static plmr_status check_place(const struct plmr_named_path *out)
{
    bool is_folder = out->kind == PLMR_PATH_FOLDER, is_inside = !is_folder && out->option->path == PLMR_PATH_FOLDER;
    if (is_folder && out->option->files)
        return plmr_folder_try(plmr_option_shown(out->option).s, out->path);
    return is_folder || (is_inside && !out->exists) ? PLMR_OK
                                                    : plmr_draft_try(plmr_option_shown(out->option).s, out->path);
}

plmr_status plmr_paths_check(const plmr_paths *paths)
{
    for (int i = 0; i < paths->n; i++)
        for (int j = 0; j < paths->n && paths->at[i].kind != PLMR_PATH_READ; j++)
            if (i != j)
                PLMR_TRY(check_pair(&paths->at[i], &paths->at[j]));
    for (int i = 0; i < paths->n; i++)
        if (paths->at[i].kind != PLMR_PATH_READ)
            PLMR_TRY(check_place(&paths->at[i]));
    return PLMR_OK;
}

void plmr_paths_clear(plmr_paths *paths)
{
    for (int i = 0; i < paths->n; i++) {
        free(paths->at[i].path);
        free(paths->at[i].name);
    }
    free(paths->at);
}
