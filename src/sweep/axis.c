#include "sweep/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sweep/experiment.h"

plmr_status plmr_axis_check_value(const plmr_reader *reader, const char *key, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text ? *text : json_is_number(value) || json_is_boolean(value))
        return PLMR_OK;
    return plmr_reader_fault(reader, key, "is %s, expected a number, a text, true or false",
                             text ? "an empty text" : plmr_reader_state(value));
}

static plmr_status read_list(plmr_reader *reader, const char *key, json_t *list)
{
    char index[24];
    json_t *value;
    size_t i;
    if (json_array_size(list) == 0)
        return plmr_reader_fault(reader, key, "is empty: a point needs a value");
    if (json_array_size(list) > PLMR_SWEEP_MOST_POINTS)
        return plmr_reader_fault(reader, key, "has more than %d values", PLMR_SWEEP_MOST_POINTS);
    plmr_reader_enter(reader, key);
    json_array_foreach(list, i, value)
    {
        snprintf(index, sizeof index, "%zu", i);
        PLMR_TRY(plmr_axis_check_value(reader, index, value));
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

/* As it would be written: without the dust of binary fractions, whole numbers as such. */
static json_t *make_number(double value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.12g", value);
    return json_loads(digits, JSON_DECODE_ANY, NULL);
}

static plmr_status fill_range(const plmr_reader *reader, double from, double to, double by, bool multiply,
                              json_t *values)
{
    double last = to + 1e-9 * fabs(to);
    for (double i = 0, value = from; value <= last; i++, value = multiply ? value * by : from + i * by) {
        if (i >= PLMR_SWEEP_MOST_POINTS)
            return plmr_reader_fault(reader, NULL, "has more than %d values", PLMR_SWEEP_MOST_POINTS);
        json_array_append_new(values, make_number(value));
    }
    return PLMR_OK;
}

static plmr_status read_range(const plmr_reader *reader, json_t *range, json_t *values)
{
    static const char *const keys[] = {"from", "to", "step", "factor"};
    const double most = 1e15;
    double from, to, by;
    bool multiply = json_object_get(range, "factor");
    PLMR_TRY(plmr_reader_check_keys(reader, range, keys, 4));
    PLMR_TRY(plmr_reader_number(reader, range, "from", -most, most, &from));
    PLMR_TRY(plmr_reader_number(reader, range, "to", -most, most, &to));
    if (multiply && json_object_get(range, "step"))
        return plmr_reader_fault(reader, NULL, "has a step and a factor: leave one of them out");
    PLMR_TRY(plmr_reader_number(reader, range, multiply ? "factor" : "step", -most, most, &by));
    if (to < from)
        return plmr_reader_fault(reader, NULL, "is empty: there is nothing from %.12g to %.12g", from, to);
    if (multiply && !(by > 1 && from > 0))
        return plmr_reader_fault(reader, "factor", "leads nowhere: it must be above 1, and from above 0");
    if (!multiply && !(by > 0 && by >= 1e-12 * fabs(to)))
        return plmr_reader_fault(reader, "step", "leads nowhere: it must be above 0");
    return fill_range(reader, from, to, by, multiply, values);
}

plmr_status plmr_axis_read(plmr_reader *reader, const json_t *object, const char *key, json_t **values)
{
    json_t *json = json_object_get(object, key);
    if (json_is_array(json)) {
        PLMR_TRY(read_list(reader, key, json));
        *values = json_incref(json);
        return PLMR_OK;
    }
    if (!json_is_object(json))
        return plmr_reader_fault(reader, key, "is %s, expected an array of values or a range", plmr_reader_state(json));
    *values = plmr_take_made(json_array());
    plmr_reader_enter(reader, key);
    plmr_status status = read_range(reader, json, *values);
    plmr_reader_leave(reader);
    if (status)
        json_decref(*values);
    return status;
}
