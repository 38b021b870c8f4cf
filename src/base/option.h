/* option.h - one row an option: reading the command line, the help, the manual, the completion, the tables of the
 * README and the default are all made of it.
 *
 * A command keeps what its options say in a struct, and a table says where each goes:
 *
 *   struct greet { int64_t times; bool loud; const char *whom; plmr_run_options run; };
 *   static const plmr_option options[] = {
 *       {"times", "N", "Greeting:", "How often", PLMR_COUNT(struct greet, times, 99), .value = "3"},
 *       {"loud", NULL, "Greeting:", "In capitals", PLMR_FLAG(struct greet, loud), .letter = 'l'},
 *       PLMR_OPTIONS(struct greet, run, plmr_run_table),   (the rows of another table, for a member)
 *       {"", "NAME", NULL, NULL, PLMR_TEXT(struct greet, whom), .most = 1},   (what is given without a name)
 *       {0}};
 *
 * Of rows with the same name the first counts, so a command changes a row of a common table by one of its own before
 * it; a member that a later row alone fills has that row's default. Everything here is local and alike on all ranks;
 * errors are one line that names the option.
 */
#pragma once

#include <stdio.h>

#include "base/format.h"
#include "base/parse.h"
#include "base/registry.h"

/* Bytes of an option's name at most, and the 0 behind it. */
enum { PLMR_OPTION_NAME = 40 };

typedef struct plmr_option plmr_option;

/* What the value names, if that is a file or a folder. */
enum plmr_path { PLMR_NO_PATH, PLMR_PATH_READ, PLMR_PATH_WRITTEN, PLMR_PATH_FOLDER };

/* Reads what the user says into the row's member. Of an option without a value the text is NULL. */
typedef plmr_status plmr_option_reader(const plmr_option *option, const char *text, void *member);

struct plmr_option {
    const char *name;     /* without dashes; "": of what is given without a name; "--": of what comes behind that; "-":
                             of the whole line */
    const char *argument; /* as the help shows it: "FILE|-"; NULL: the option takes no value */
    const char *group;    /* the help's title above it; NULL: none */
    const char *help;     /* NULL: it is not shown */
    plmr_option_reader *read;
    size_t member, size;           /* of the member: where it is in the struct, and its bytes */
    char letter;                   /* "-m"; 0: none */
    const char *value;             /* what it is by default, as a user would say it; NULL: 0, or the help tells */
    double least, most;            /* of numbers; `most` of what has no name: how many of them */
    const char *const *words;      /* that may be said, NULL at the end */
    const plmr_registry *registry; /* things whose names may be said */
    const char *example;           /* for the error */
    enum plmr_path path;           /* FOLDER: one that is written to */
    const char *path_end;          /* what no longer is of the path: ":every " in "DIR:every N"; NULL: nothing */
    const char *const *files;      /* that are always written to the folder, NULL at the end; NULL: not known */
    bool recorded;                 /* under the title of outputs: what a record has depends on it */
    bool first;                    /* it is read before the others, wherever it stands, as what errors look like is */
    const plmr_option *table;      /* of a row that stands for a table */
};

/* ---- types of options ---- */

#define PLMR_READS(reader, type, m) .read = reader, .member = offsetof(type, m), .size = sizeof(((type *)0)->m)

/* bool, int or int64_t, double, const char * that is not empty. */
#define PLMR_FLAG(type, m) PLMR_READS(plmr_read_flag, type, m)
#define PLMR_COUNT(type, m, limit) PLMR_READS(plmr_read_count, type, m), .most = (limit)
#define PLMR_WHOLE(type, m, limit) PLMR_READS(plmr_read_whole, type, m), .most = (limit)
#define PLMR_REAL(type, m, from, to) PLMR_READS(plmr_read_real, type, m), .least = (from), .most = (to)
#define PLMR_TEXT(type, m) PLMR_READS(plmr_read_text, type, m)

/* The same, of a file to read, a file to write, a folder to write to. */
#define PLMR_TEXT_READ(type, m) PLMR_TEXT(type, m), .path = PLMR_PATH_READ
#define PLMR_TEXT_WRITTEN(type, m) PLMR_TEXT(type, m), .path = PLMR_PATH_WRITTEN
#define PLMR_TEXT_FOLDER(type, m) PLMR_TEXT(type, m), .path = PLMR_PATH_FOLDER

/* Two ints, of which the second follows the first; `like` is an example. */
#define PLMR_PAIR(type, m, like) PLMR_READS(plmr_read_pair, type, m), .example = (like)

/* An enum, or a bool that the second word sets; the index of one of `list`. */
#define PLMR_WORD(type, m, list) PLMR_READS(plmr_read_word, type, m), .words = (list)

/* const void *: one of a registry. plmr_chosen: several of them. */
#define PLMR_ONE_OF(type, m, things) PLMR_READS(plmr_read_one_of, type, m), .registry = (things)
#define PLMR_SOME_OF(type, m, things) PLMR_READS(plmr_read_some_of, type, m), .registry = (things)

/* plmr_texts: one more at each time. */
#define PLMR_ONE_MORE(type, m) PLMR_READS(plmr_read_one_more, type, m)

/* char **: of a row of the name "--", all that comes behind that on the command line. */
#define PLMR_REST(type, m) PLMR_READS(NULL, type, m)

/* plmr_words: of a row of the name "-", the command line as it is. */
#define PLMR_LINE(type, m) PLMR_READS(NULL, type, m)

/* What a reader of the command's own makes of it, for a member, or for the whole struct. */
#define PLMR_READ_BY(reader, type, m) PLMR_READS(reader, type, m)
#define PLMR_READ_ALL(reader) .read = reader

#define PLMR_OPTIONS(type, m, rows)                                                                                    \
    {                                                                                                                  \
        .table = (rows), .member = offsetof(type, m)                                                                   \
    }

enum { PLMR_MOST_CHOSEN = 32, PLMR_MOST_TEXTS = 256 };

typedef struct plmr_chosen {
    const void *at[PLMR_MOST_CHOSEN]; /* things of the registry */
    int n;
    bool all;           /* said as "all" */
    char left_out[300]; /* of all: names, and why the last of them; "": none is */
} plmr_chosen;

/* Of "all", keeps those that the check lets pass, and notes the others; of others, and where there is none, returns what it
 * says. Local. */
plmr_status plmr_chosen_keep(plmr_chosen *chosen, plmr_status (*check)(const void *one, const void *context),
                             const void *context);

typedef struct plmr_texts {
    const char *at[PLMR_MOST_TEXTS];
    int n;
} plmr_texts;

/* The command and what is given to it; the caller's. */
typedef struct plmr_words {
    char *const *at;
    int n;
} plmr_words;

plmr_option_reader plmr_read_flag, plmr_read_count, plmr_read_whole, plmr_read_real, plmr_read_text, plmr_read_pair,
    plmr_read_word, plmr_read_one_of, plmr_read_some_of, plmr_read_one_more;

/* "--cores", for errors of readers; "" for what has no name. */
plmr_text plmr_option_shown(const plmr_option *option);

/* The words that may be said: the row's, or the names of its registry. Returns how many. */
int plmr_option_words(const plmr_option *option, const char *words[PLMR_MOST_CHOSEN]);

/* ---- tables ---- */

enum { PLMR_MOST_OPTIONS = 80 };

typedef struct plmr_option_row {
    const plmr_option *option;
    size_t at; /* of its member in the whole struct */
} plmr_option_row;

/* The title above options that say where something is written, or what is printed. */
#define PLMR_TITLE_OUTPUT "Output:"

/* Whether it is one of those, or says where, and nothing in a record depends on it. */
bool plmr_option_is_output(const plmr_option *option);

/* Whether it is an option, and not a row of what else may be on the command line. */
bool plmr_option_named(const plmr_option *option);

/* All rows of a table, of the tables in it too, each name once. Returns how many. */
int plmr_option_rows(const plmr_option *table, plmr_option_row rows[PLMR_MOST_OPTIONS]);

/* Reads argv[1...] into `options`, which is all 0, after its defaults. Where "--help" is among them sets *help, and
 * reads nothing more. `command` is for errors: "plmr gemm". */
plmr_status plmr_options_read(const plmr_option *table, const char *command, int argc, char **argv, void *options,
                              bool *help);

/* Of the same line, which has been read, whether what it writes can be written: whether there is a place for each file, and
 * for a folder whose files are known; none is one that the line names to be read, which would be lost, nor another
 * option's file or folder. Leaves nothing behind. Of one rank. */
plmr_status plmr_options_check_files(const plmr_option *table, const char *command, int argc, char **argv);

/* ---- help ---- */

/* The options under their groups' titles, each group sorted by name. */
void plmr_options_print(FILE *out, const plmr_option *table);

/* A text in lines that are no longer than the help's; those that start with a space are left as they are. */
void plmr_help_print(FILE *out, const char *text);

/* A line for each option, of fields with tabs between them, for programs: command, name, letter, argument, words that
 * may be said (after a comma: several), group, help. */
void plmr_options_dump(FILE *out, const char *command, const plmr_option *table);
