#include "report/record.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* Beyond this doubles are not exact and a whole number says no more than an exponent does. */
static const double most_whole = 0x1p53;

static plmr_record_text none_text(void)
{
    return NULL;
}

static plmr_record_count none_count(void)
{
    return -1;
}

static plmr_record_real none_real(void)
{
    return NAN;
}

static plmr_record_hash none_hash(void)
{
    return (plmr_record_hash){0};
}

static plmr_host_record none_host(void)
{
    return (plmr_host_record){
#define X(type, key) .key = none_##type(),
        PLMR_HOST_RECORD_FIELDS(X)
#undef X
    };
}

plmr_record plmr_record_none(void)
{
    return (plmr_record){
#define X(type, key) .key = none_##type(),
        PLMR_RECORD_FIELDS(X)
#undef X
            .on_host = none_host(),
    };
}

plmr_llm_record plmr_llm_record_none(void)
{
    return (plmr_llm_record){
#define X(type, key) .key = none_##type(),
        PLMR_LLM_RECORD_FIELDS(X)
#undef X
            .on_host = none_host(),
    };
}

plmr_host_record plmr_host_record_of(const plmr_ranks_usage *usage)
{
    const plmr_spread *compute = &usage->compute_s, *exchange = &usage->exchange_s, *wait = &usage->wait_s;
    plmr_host_record record = none_host();
    record.wall_compute_s = compute->mean;
    record.wall_compute_s_min = compute->least;
    record.wall_compute_s_max = compute->most;
    record.wall_compute_rank_max = compute->rank_most;
    record.wall_exchange_s = exchange->mean;
    record.wall_exchange_s_min = exchange->least;
    record.wall_exchange_s_max = exchange->most;
    record.wall_exchange_rank_max = exchange->rank_most;
    record.wall_wait_s = wait->mean;
    record.wall_wait_s_min = wait->least;
    record.wall_wait_s_max = wait->most;
    record.wall_wait_rank_max = wait->rank_most;
    record.bytes_sent = (int64_t)usage->n_bytes;
    record.messages = (int64_t)usage->messages;
    record.hidden_share = usage->hidden_share;
    record.rss_peak_bytes = usage->rss_peak_bytes;
    return record;
}

/* A file's name need not be UTF-8, as JSON must be. */
static json_t *field_text(plmr_record_text value)
{
    json_t *text = value ? json_string(value) : NULL;
    return text ? text : json_null();
}

static json_t *field_count(plmr_record_count value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

static json_t *field_real(plmr_record_real value)
{
    if (!isfinite(value))
        return json_null();
    return value == floor(value) && fabs(value) < most_whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *field_hash(plmr_record_hash value)
{
    char digits[20];
    snprintf(digits, sizeof digits, "%016" PRIx64, value.bits);
    return value.known ? json_string(digits) : json_null();
}

static void set_host(json_t *object, const plmr_host_record *record)
{
#define X(type, key) json_object_set_new(object, #key, field_##type(record->key));
    PLMR_HOST_RECORD_FIELDS(X)
#undef X
}

/* Takes the object over. */
static char *line_of(json_t *object)
{
    char *line = plmr_take_made(json_dumps(object, JSON_REAL_PRECISION(15)));
    json_decref(object);
    return line;
}

char *plmr_record_json(const plmr_record *record)
{
    json_t *object = json_object();
#define X(type, key) json_object_set_new(object, #key, field_##type(record->key));
    PLMR_RECORD_FIELDS(X)
#undef X
    set_host(object, &record->on_host);
    return line_of(object);
}

char *plmr_llm_record_json(const plmr_llm_record *record)
{
    json_t *object = json_object();
#define X(type, key) json_object_set_new(object, #key, field_##type(record->key));
    PLMR_LLM_RECORD_FIELDS(X)
#undef X
    set_host(object, &record->on_host);
    return line_of(object);
}

plmr_provenance plmr_provenance_now(void)
{
    plmr_provenance provenance = {.host = "unknown", .date = ""};
    time_t now = time(NULL);
    struct tm utc;
    if (gethostname(provenance.host, sizeof provenance.host - 1) != 0)
        snprintf(provenance.host, sizeof provenance.host, "unknown");
    if (gmtime_r(&now, &utc))
        strftime(provenance.date, sizeof provenance.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return provenance;
}
