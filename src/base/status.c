#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/one_line.h"
#include "plmr/ranks.h"

struct plmr_error {
    enum plmr_code code;
    bool of_all;
    char text[1000];
};

/* Handed out when there is no memory left to describe a failure; never freed. */
static struct plmr_error plmr_out_of_memory = {PLMR_ERROR_SYSTEM, false, "out of memory"};

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
    plmr_make_line(error->text); /* it may also be cut anywhere */
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
