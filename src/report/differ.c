#include "report/differ.h"

#include <string.h>

static const char *const of_host[] = {
    "ranks",      "ranks_grid", "version",  "host",         "date",           "kernel", "core_steps_per_s",
    "gflops",     "bytes_sent", "messages", "hidden_share", "rss_peak_bytes", "hosts",  "placement",
    "provenance", "rests_on",   "key",      "run",          "point",
};

bool plmr_key_is_of_host(const char *key)
{
    bool found =
        strncmp(key, "wall_", 5) == 0 || strncmp(key, "standing", 8) == 0 || strncmp(key, "uncertainty", 11) == 0;
    for (size_t i = 0; i < sizeof of_host / sizeof *of_host && !found; i++)
        found = strcmp(key, of_host[i]) == 0;
    return found;
}

/* 3 and 3.0 are the same figure. */
static bool is_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

int plmr_differ(const json_t *before, const json_t *now, plmr_differ_fn *tell, void *context)
{
    int n = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)before, key, value)
    {
        const json_t *other = json_object_get(now, key);
        if (plmr_key_is_of_host(key) || (other && is_same(value, other)))
            continue;
        tell(context, key, value, other);
        n++;
    }
    return n;
}
