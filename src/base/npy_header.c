#include "base/npy_header.h"

#include <stdio.h>
#include <string.h>

static const char magic[] = "\x93NUMPY";

plmr_status plmr_npy_header_locate(const char *path, const unsigned char *preamble, size_t n_bytes, size_t *text_at,
                                   size_t *n_text)
{
    PLMR_CHECK(n_bytes < 2 || memcmp(preamble, "PK", 2) != 0, PLMR_ERROR_INPUT,
               "%s: this is an .npz archive, not one array; " PLMR_NPY_HINT, path);
    PLMR_CHECK(n_bytes == PLMR_NPY_PREAMBLE && memcmp(preamble, magic, 6) == 0, PLMR_ERROR_INPUT,
               "%s: not a NumPy .npy file; " PLMR_NPY_HINT, path);
    int version = preamble[6];
    PLMR_CHECK(version >= 1 && version <= 3, PLMR_ERROR_INPUT,
               "%s: version %d of the .npy format is unknown; " PLMR_NPY_HINT, path, version);
    size_t n = preamble[8] | (size_t)preamble[9] << 8;
    if (version > 1)
        n |= (size_t)preamble[10] << 16 | (size_t)preamble[11] << 24;
    PLMR_CHECK(n <= PLMR_NPY_TEXT_MOST, PLMR_ERROR_INPUT,
               "%s: its header claims %zu bytes, more than any plain array needs; " PLMR_NPY_HINT, path, n);
    *text_at = version > 1 ? 12 : 10;
    *n_text = n;
    return PLMR_OK;
}

/* The part of the text that is still to be read. */
typedef struct scanner {
    const char *path, *at, *end;
} scanner;

static plmr_status malformed(const scanner *s, const char *what)
{
    return plmr_error_make(PLMR_ERROR_INPUT, "%s: damaged .npy header (%s); " PLMR_NPY_HINT, s->path, what);
}

/* The next character that is not blank, '\0' at the end. */
static char peek(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

static bool accept(scanner *s, char c)
{
    if (peek(s) != c || s->at == s->end)
        return false;
    s->at++;
    return true;
}

static bool accept_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    peek(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

enum { STRING_BYTES = 32 };

static bool accept_string(scanner *s, char string[STRING_BYTES])
{
    char quote = peek(s);
    if (quote != '\'' && quote != '"')
        return false;
    size_t n = 0;
    for (s->at++; s->at < s->end && *s->at != quote; s->at++) {
        if (n + 1 == STRING_BYTES || *s->at < ' ' || *s->at > '~' || *s->at == '\\')
            return false;
        string[n++] = *s->at;
    }
    string[n] = '\0';
    return accept(s, quote);
}

static plmr_status parse_descr(scanner *s, plmr_npy_shape *shape)
{
    char descr[STRING_BYTES];
    PLMR_CHECK(peek(s) != '[', PLMR_ERROR_INPUT, "%s: a structured array, not a matrix; " PLMR_NPY_HINT, s->path);
    if (!accept_string(s, descr))
        return malformed(s, "descr is not a type");
    shape->dtype = strcmp(descr, "<f4") == 0 ? PLMR_F32 : PLMR_F16;
    PLMR_CHECK(descr[0] != '>', PLMR_ERROR_INPUT, "%s: big-endian elements ('%s'); " PLMR_NPY_HINT, s->path, descr);
    PLMR_CHECK(shape->dtype == PLMR_F32 || strcmp(descr, "<f2") == 0, PLMR_ERROR_INPUT,
               "%s: elements are '%s', not float32 ('<f4') or float16 ('<f2'); " PLMR_NPY_HINT, s->path, descr);
    return PLMR_OK;
}

static plmr_status parse_order(scanner *s, plmr_npy_shape *shape)
{
    (void)shape;
    PLMR_CHECK(!accept_word(s, "True"), PLMR_ERROR_INPUT,
               "%s: stored in Fortran order, C order is needed; " PLMR_NPY_HINT, s->path);
    return accept_word(s, "False") ? PLMR_OK : malformed(s, "fortran_order is neither True nor False");
}

static plmr_status parse_dimension(scanner *s, int64_t *size)
{
    peek(s);
    const char *first = s->at;
    *size = 0;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        PLMR_CHECK(!__builtin_mul_overflow(*size, 10, size) && !__builtin_add_overflow(*size, *s->at - '0', size),
                   PLMR_ERROR_INPUT, "%s: a dimension is too large", s->path);
    if (s->at == first)
        return malformed(s, "shape is not a tuple of sizes");
    accept_word(s, "L"); /* Python 2 wrote long integers this way */
    PLMR_CHECK(*size > 0, PLMR_ERROR_INPUT, "%s: the array is empty: a dimension is 0", s->path);
    return PLMR_OK;
}

static plmr_status parse_shape(scanner *s, plmr_npy_shape *shape)
{
    if (!accept(s, '('))
        return malformed(s, "shape is not a tuple");
    int64_t size[2] = {1, 1};
    int n = 0;
    for (bool more = true; more && peek(s) != ')'; n++) {
        PLMR_TRY(parse_dimension(s, &size[n < 2 ? n : 1]));
        more = accept(s, ',');
    }
    if (!accept(s, ')'))
        return malformed(s, "shape is not a tuple of sizes");
    PLMR_CHECK(n == 1 || n == 2, PLMR_ERROR_INPUT, "%s: the array has %d dimensions; a matrix has 2, a vector 1",
               s->path, n);
    shape->n_dims = n;
    shape->rows = n == 2 ? size[0] : 1;
    shape->cols = n == 2 ? size[1] : size[0];
    return PLMR_OK;
}

static const struct field {
    const char *key;
    plmr_status (*parse)(scanner *s, plmr_npy_shape *shape);
} fields[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

/* One "key: value"; marks it in `seen`. */
static plmr_status parse_field(scanner *s, plmr_npy_shape *shape, bool seen[N_FIELDS])
{
    char key[STRING_BYTES];
    if (!accept_string(s, key) || !accept(s, ':'))
        return malformed(s, "no key where one is expected");
    for (int i = 0; i < N_FIELDS; i++) {
        if (strcmp(key, fields[i].key) == 0 && !seen[i]) {
            seen[i] = true;
            return fields[i].parse(s, shape);
        }
    }
    return malformed(s, "unknown or repeated key");
}

plmr_status plmr_npy_header_parse(const char *path, const char *text, size_t n_text, plmr_npy_shape *shape)
{
    scanner s = {path, text, text + n_text};
    bool seen[N_FIELDS] = {false};
    if (!accept(&s, '{'))
        return malformed(&s, "no dictionary");
    for (bool more = true; more && peek(&s) != '}';) {
        PLMR_TRY(parse_field(&s, shape, seen));
        more = accept(&s, ',');
    }
    if (!accept(&s, '}') || (peek(&s), s.at != s.end))
        return malformed(&s, "the dictionary does not end where it should");
    if (!seen[0] || !seen[1] || !seen[2])
        return malformed(&s, "descr, fortran_order or shape is missing");
    return PLMR_OK;
}

void plmr_npy_header_format(const plmr_npy_shape *shape, char *header)
{
    char text[PLMR_NPY_HEADER], sizes[48];
    if (shape->n_dims == 1)
        snprintf(sizes, sizeof sizes, "(%lld,)", (long long)shape->cols);
    else
        snprintf(sizes, sizeof sizes, "(%lld, %lld)", (long long)shape->rows, (long long)shape->cols);
    int n = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                     shape->dtype == PLMR_F32 ? "<f4" : "<f2", sizes);
    memset(header, ' ', PLMR_NPY_HEADER);
    memcpy(header, magic, 6);
    memcpy(header + 6, "\1\0", 2);
    header[8] = (char)(PLMR_NPY_HEADER - 10);
    header[9] = 0;
    memcpy(header + 10, text, (size_t)n);
    header[PLMR_NPY_HEADER - 1] = '\n';
}
