#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plmr/ranks.h"

struct plmr_error {
    enum plmr_code code;
    bool of_all;
    char text[1000];
};

/* Handed out when there is no memory left to describe a failure; never freed. */
static struct plmr_error plmr_out_of_memory = {PLMR_ERROR_SYSTEM, false, "out of memory"};

/* What the first two bytes say: too long a form, a surrogate, beyond the last one. */
static bool is_ill(const unsigned char *c)
{
    return (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
           (c[0] == 0xf4 && c[1] > 0x8f);
}

/* Bytes of the character at the start of a text; 0: it is none that a line of UTF-8 may have. */
static int character(const unsigned char *c)
{
    int n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return c[0] < ' ' || c[0] == 0x7f || is_ill(c) ? 0 : n;
}

/* What a user or a file says may hold anything, and is cut anywhere. */
static void make_line(char *text)
{
    for (int n; *text; text += n ? n : 1)
        if (!(n = character((const unsigned char *)text)))
            *text = '?';
}

plmr_status plmr_error_make(enum plmr_code code, const char *format, ...)
{
    struct plmr_error *error = malloc(sizeof *error);
    if (!error)
        return &plmr_out_of_memory;
    error->code = code;
    error->of_all = false;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    make_line(error->text);
    return error;
}

plmr_status plmr_error_of_all(enum plmr_code code, const char *text)
{
    plmr_status error = plmr_error_make(code, "%s", text);
    if (error != &plmr_out_of_memory)
        error->of_all = true;
    return error;
}

bool plmr_error_is_of_all(plmr_status error)
{
    return error->of_all;
}

const char *plmr_error_text(plmr_status error)
{
    return error ? error->text : "success";
}

enum plmr_code plmr_error_code(plmr_status error)
{
    return error ? error->code : (enum plmr_code)0;
}

void plmr_error_free(plmr_status error)
{
    if (error != &plmr_out_of_memory)
        free(error);
}

void plmr_abort(const char *file, int line, const char *text)
{
    plmr_end_job("internal error at %s:%d: %s does not hold; please report this", file, line, text);
}
