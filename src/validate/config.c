/* What points say, read generously: sizes as they come. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "validate/validate.h"

static double number_in(const char *text, char **end)
{
    double value = strtod(text, end);
    if (*end == text)
        return NAN;
    if (**end == 'K' || **end == 'k' || **end == 'M') {
        value *= **end == 'M' ? 1 << 20 : 1 << 10;
        ++*end;
    }
    return value;
}

double plmr_config_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *json = json_object_get(object, key);
    char *end;
    double value = json_is_number(json)   ? json_number_value(json)
                   : json_is_true(json)   ? 1
                   : json_is_false(json)  ? 0
                   : json_is_string(json) ? number_in(json_string_value(json), &end)
                                          : NAN;
    return isfinite(value) ? value : otherwise;
}

const char *plmr_config_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

bool plmr_config_pair(const json_t *object, const char *key, double pair[2])
{
    char *end;
    pair[0] = number_in(plmr_config_text(object, key), &end);
    if (!(pair[0] > 0) || tolower((unsigned char)*end) != 'x')
        return false;
    pair[1] = number_in(end + 1, &end);
    return pair[1] > 0;
}

bool plmr_has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (; *text; text++)
        if (strncasecmp(text, word, n) == 0)
            return true;
    return false;
}
