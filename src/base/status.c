#include "plmr/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct plmr_error {
    enum plmr_code code;
    char text[1000];
};

/* Handed out when there is no memory left to describe a failure; never freed. */
static struct plmr_error plmr_out_of_memory = {PLMR_ERROR_SYSTEM, "out of memory"};

plmr_status plmr_error_make(enum plmr_code code, const char *format, ...)
{
    struct plmr_error *error = malloc(sizeof *error);
    if (!error)
        return &plmr_out_of_memory;
    error->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return error;
}

const char *plmr_error_text(plmr_status error)
{
    return error ? error->text : "success";
}

enum plmr_code plmr_error_code(plmr_status error)
{
    return error->code;
}

void plmr_error_free(plmr_status error)
{
    if (error != &plmr_out_of_memory)
        free(error);
}

void plmr_abort(const char *file, int line, const char *text)
{
    fprintf(stderr, "plmr: internal error at %s:%d: %s does not hold; please report this\n", file, line, text);
    abort();
}
