/* plmr/status.h - how every function of plmr says that something went wrong.
 *
 * A function that can fail returns a plmr_status: NULL on success, else an error that the caller owns. Whoever handles
 * the error frees it with plmr_error_free; PLMR_TRY passes it up. The text is one line for a user: what is wrong,
 * where, and what to do about it. Broken invariants of the program itself are not errors: they end the job
 * through PLMR_ASSERT.
 */
#ifndef PLMR_STATUS_H
#define PLMR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum plmr_code {
    PLMR_ERROR_INPUT = 1,  /* the user asked for something that cannot be */
    PLMR_ERROR_LIMIT = 2,  /* the device cannot hold or route it: M or R is exceeded */
    PLMR_ERROR_SYSTEM = 3, /* memory, a disk or the message layer failed */
    PLMR_ERROR_FILE = 4,   /* a file that the user named cannot be opened, read or written */
};

typedef struct plmr_error *plmr_status;

#define PLMR_OK ((plmr_status)0)

#if defined(__GNUC__)
#define PLMR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define PLMR_NEVER_NULL __attribute__((returns_nonnull))
#else
#define PLMR_PRINTF(f, a)
#define PLMR_NEVER_NULL
#endif

/* Makes an error with a formatted text, of which control characters and what is no UTF-8 become '?': it is one line. Never
 * returns NULL: without memory for it, a fixed error is returned. */
plmr_status plmr_error_make(enum plmr_code code, const char *format, ...) PLMR_PRINTF(2, 3) PLMR_NEVER_NULL;

/* The error's text; valid until the error is freed. */
const char *plmr_error_text(plmr_status error);

/* 0 on success. */
enum plmr_code plmr_error_code(plmr_status error);

/* Frees an error; NULL is allowed. */
void plmr_error_free(plmr_status error);

/* Prints file, line and text, and ends the job: for broken invariants only. */
void plmr_abort(const char *file, int line, const char *text) __attribute__((noreturn));

/* Returns from the calling function with the error of `expr`, if there is one. */
#define PLMR_TRY(expr)                                                                                                 \
    do {                                                                                                               \
        plmr_status plmr_try_ = (expr);                                                                                \
        if (plmr_try_)                                                                                                 \
            return plmr_try_;                                                                                          \
    } while (0)

/* Returns an error with this code and text from the calling function unless `cond` holds. */
#define PLMR_CHECK(cond, code, ...)                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            return plmr_error_make(code, __VA_ARGS__);                                                                 \
    } while (0)

#define PLMR_ASSERT(cond)                                                                                              \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            plmr_abort(__FILE__, __LINE__, #cond);                                                                     \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
