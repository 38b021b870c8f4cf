#include "text/utf8.h"

#include <string.h>

/* Bytes of the character that begins with `lead`; 0 if none does. */
static int length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0)
        return 3;
    return lead < 0xf5 ? 4 : 0;
}

/* Whether `byte` may follow the lead: some leads leave out overlong forms, surrogates or what is above U+10FFFF. */
static int may_be_second(unsigned char lead, unsigned char byte)
{
    unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return byte >= least && byte <= most;
}

/* Unicode's. */
static const char *const spaces[] = {" ",
                                     "\n",
                                     "\t",
                                     "\r",
                                     "\v",
                                     "\f",
                                     "\xc2\x85",
                                     "\xc2\xa0",
                                     "\xe1\x9a\x80",
                                     "\xe2\x80\x80",
                                     "\xe2\x80\x81",
                                     "\xe2\x80\x82",
                                     "\xe2\x80\x83",
                                     "\xe2\x80\x84",
                                     "\xe2\x80\x85",
                                     "\xe2\x80\x86",
                                     "\xe2\x80\x87",
                                     "\xe2\x80\x88",
                                     "\xe2\x80\x89",
                                     "\xe2\x80\x8a",
                                     "\xe2\x80\xa8",
                                     "\xe2\x80\xa9",
                                     "\xe2\x80\xaf",
                                     "\xe2\x81\x9f",
                                     "\xe3\x80\x80"};

static size_t find_space(const char *text, size_t n, int at_end)
{
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        size_t length = strlen(spaces[i]);
        if (length <= n && memcmp(at_end ? text + n - length : text, spaces[i], length) == 0)
            return length;
    }
    return 0;
}

size_t plmr_utf8_space_at_start(const char *text, size_t n)
{
    return find_space(text, n, 0);
}

size_t plmr_utf8_space_at_end(const char *text, size_t n)
{
    return find_space(text, n, 1);
}

enum plmr_utf8_state plmr_utf8_scan(const char *text, size_t n, int *n_bytes)
{
    const unsigned char *bytes = (const unsigned char *)text;
    int length = length_of(bytes[0]);
    *n_bytes = 1;
    if (length == 0)
        return PLMR_UTF8_BROKEN;
    for (; *n_bytes < length; ++*n_bytes) {
        if ((size_t)*n_bytes == n)
            return PLMR_UTF8_CUT;
        unsigned char byte = bytes[*n_bytes];
        if (*n_bytes == 1 ? !may_be_second(bytes[0], byte) : (byte & 0xc0) != 0x80)
            return PLMR_UTF8_BROKEN;
    }
    return PLMR_UTF8_WHOLE;
}

static size_t put(char *out, const char *bytes, size_t n)
{
    memcpy(out, bytes, n);
    return n;
}

/* Takes what is settled from the front of what is held. */
static size_t settle(plmr_utf8_stream *stream, char *out)
{
    size_t n_out = 0;
    while (stream->n_held > 0) {
        int n;
        enum plmr_utf8_state state = plmr_utf8_scan(stream->held, (size_t)stream->n_held, &n);
        if (state == PLMR_UTF8_CUT)
            break;
        if (state == PLMR_UTF8_WHOLE)
            n_out += put(out + n_out, stream->held, (size_t)n);
        else
            n_out += put(out + n_out, PLMR_UTF8_REPLACEMENT, 3);
        stream->n_held -= n;
        memmove(stream->held, stream->held + n, (size_t)stream->n_held);
    }
    return n_out;
}

size_t plmr_utf8_push(plmr_utf8_stream *stream, const char *bytes, size_t n_bytes, char *out)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        stream->held[stream->n_held++] = bytes[i];
        n_out += settle(stream, out + n_out);
    }
    return n_out;
}

size_t plmr_utf8_flush(plmr_utf8_stream *stream, char *out)
{
    size_t n_out = stream->n_held > 0 ? put(out, PLMR_UTF8_REPLACEMENT, 3) : 0;
    stream->n_held = 0;
    return n_out;
}
