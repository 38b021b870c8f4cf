#include "base/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static plmr_text none(void)
{
    return (plmr_text){"-"};
}

/* Copies digits with a comma before every group of three. */
static plmr_text group(const char *digits, const char *sign, const char *tail)
{
    plmr_text text;
    size_t n = strlen(digits), at = (size_t)snprintf(text.s, sizeof text.s, "%s", sign);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            text.s[at++] = ',';
        text.s[at++] = digits[i];
    }
    snprintf(text.s + at, sizeof text.s - at, "%s", tail);
    return text;
}

plmr_text plmr_format_count(int64_t n)
{
    char digits[24];
    uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    snprintf(digits, sizeof digits, "%" PRIu64, magnitude);
    return group(digits, n < 0 ? "-" : "", "");
}

plmr_text plmr_format_counted(int64_t n, const char *noun)
{
    plmr_text text, count = plmr_format_count(n);
    snprintf(text.s, sizeof text.s, "%.26s %.18s%s", count.s, noun, n == 1 ? "" : "s");
    return text;
}

plmr_text plmr_format_rate(double rate)
{
    plmr_text text;
    if (!isfinite(rate) || fabs(rate) >= 999.95)
        return plmr_format_cycles(round(rate));
    snprintf(text.s, sizeof text.s, "%.4g", rate);
    return text;
}

plmr_text plmr_format_cycles(double cycles)
{
    char digits[24], tail[8] = "";
    if (!isfinite(cycles) || cycles < 0 || cycles >= 1e18)
        return none();
    int64_t hundredths = llround((cycles - floor(cycles)) * 100);
    uint64_t whole = (uint64_t)floor(cycles) + (hundredths == 100);
    snprintf(digits, sizeof digits, "%" PRIu64, whole);
    if (hundredths % 100 % 10)
        snprintf(tail, sizeof tail, ".%02d", (int)(hundredths % 100));
    else if (hundredths % 100)
        snprintf(tail, sizeof tail, ".%d", (int)(hundredths % 100) / 10);
    return group(digits, "", tail);
}

plmr_text plmr_format_quantity(double value, const char *unit)
{
    static const char *const prefixes[] = {"n", "u", "m", "", "k", "M", "G", "T", "P"};
    enum { UNITY = 3, N_PREFIXES = sizeof prefixes / sizeof prefixes[0] };
    plmr_text text;
    if (!isfinite(value))
        return none();
    double scaled = fabs(value) * 1e9;
    int i = 0;
    while (i + 1 < N_PREFIXES && scaled >= 999.95) {
        scaled /= 1000;
        i++;
    }
    if (value == 0)
        i = UNITY;
    int decimals = value == 0 ? 0 : scaled < 9.9995 ? 3 : scaled < 99.995 ? 2 : 1;
    snprintf(text.s, sizeof text.s, "%.*f%s%s%.8s", decimals, copysign(scaled, value), i == UNITY && !*unit ? "" : " ",
             prefixes[i], unit);
    return text;
}

plmr_text plmr_format_percent(double share)
{
    plmr_text text;
    if (!isfinite(share))
        return none();
    snprintf(text.s, sizeof text.s, "%.1f %%", 100 * share);
    return text;
}

plmr_text plmr_format_error(double error)
{
    plmr_text text;
    if (!isfinite(error))
        return none();
    snprintf(text.s, sizeof text.s, error == 0 ? "%.0f" : "%.1e", error);
    return text;
}

void plmr_format_list(const int *numbers, int n, char *text, size_t size)
{
    text[0] = '\0';
    for (int i = 0, used = 0; i < n && used < (int)size; i++)
        used += snprintf(text + used, size - (size_t)used, "%s%d", i ? "," : "", numbers[i]);
}
