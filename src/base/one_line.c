#include "base/one_line.h"

/* What the first two bytes say: too long a form, a surrogate, beyond the last one. */
static int is_ill(const unsigned char *c)
{
    return (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
           (c[0] == 0xf4 && c[1] > 0x8f);
}

int plmr_character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    int n = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return is_ill(c) ? 0 : n;
}

void plmr_make_line(char *text)
{
    for (int n; *text; text += n ? n : 1) {
        n = plmr_character(text);
        if (!n || (unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}
