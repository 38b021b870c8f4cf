#include "report/record.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "report/jsonl.h"

/* Beyond this doubles are not exact and a whole number says no more than an exponent does. */
static const double most_whole = 0x1p53;

#define X(type, key) {#key, PLMR_FIELD_##type, offsetof(RECORD, key)},
#define HOST(type, key) {#key, PLMR_FIELD_##type, offsetof(RECORD, on_host.key)},

#define RECORD plmr_record
const plmr_record_field plmr_record_fields[] = {PLMR_RECORD_FIELDS(X) PLMR_HOST_RECORD_FIELDS(HOST){0}};
#undef RECORD

#define RECORD plmr_llm_record
const plmr_record_field plmr_llm_record_fields[] = {PLMR_LLM_RECORD_FIELDS(X) PLMR_HOST_RECORD_FIELDS(HOST){0}};
#undef RECORD

#define RECORD plmr_serve_record
const plmr_record_field plmr_serve_record_fields[] = {PLMR_SERVE_RECORD_FIELDS(X){0}};
#undef RECORD

/* Of a record that is all 0: what else stands for nothing. */
static void set_unknown(const plmr_record_field *fields, void *record)
{
    for (const plmr_record_field *f = fields; f->key; f++) {
        void *member = (char *)record + f->at;
        if (f->type == PLMR_FIELD_count)
            *(plmr_record_count *)member = -1;
        else if (f->type == PLMR_FIELD_real)
            *(plmr_record_real *)member = NAN;
    }
}

plmr_record plmr_record_none(void)
{
    plmr_record record = {0};
    set_unknown(plmr_record_fields, &record);
    return record;
}

plmr_llm_record plmr_llm_record_none(void)
{
    plmr_llm_record record = {0};
    set_unknown(plmr_llm_record_fields, &record);
    return record;
}

plmr_host_record plmr_host_record_of(const plmr_ranks_usage *usage)
{
#define TIMES(part)                                                                                                    \
    .wall_##part##_s = usage->part##_s.mean, .wall_##part##_s_min = usage->part##_s.least,                             \
    .wall_##part##_s_max = usage->part##_s.most, .wall_##part##_rank_max = usage->part##_s.rank_most
    return (plmr_host_record){
        TIMES(compute),
        TIMES(exchange),
        TIMES(wait),
        .bytes_sent = (int64_t)usage->n_bytes,
        .messages = (int64_t)usage->messages,
        .hidden_share = usage->hidden_share,
        .rss_peak_bytes = usage->rss_peak_bytes,
        .hosts = -1,
    };
#undef TIMES
}

const char *plmr_violations(bool memory, bool routes)
{
    return memory && routes ? "M,R" : memory ? "M" : routes ? "R" : "";
}

static json_t *json_of_real(double value)
{
    bool whole = value == floor(value) && fabs(value) < most_whole;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *json_of_hash(const plmr_record_hash *hash)
{
    char digits[20];
    snprintf(digits, sizeof digits, "%016" PRIx64, hash->bits);
    return hash->known ? json_string(digits) : NULL;
}

/* NULL: it is not known, or a text, as of a file's name, that is not UTF-8, as JSON must be. */
static json_t *json_of(enum plmr_field_type type, const void *member)
{
    switch (type) {
    case PLMR_FIELD_text:
        return json_string(*(const plmr_record_text *)member);
    case PLMR_FIELD_count:
        return plmr_json_count(*(const plmr_record_count *)member);
    case PLMR_FIELD_real:
        return json_of_real(*(const plmr_record_real *)member);
    default:
        return json_of_hash(member);
    }
}

json_t *plmr_record_json(const plmr_record_field *fields, const void *record)
{
    json_t *object = json_object();
    for (const plmr_record_field *f = fields; f->key; f++) {
        json_t *value = json_of(f->type, (const char *)record + f->at);
        json_object_set_new(object, f->key, value ? value : json_null());
    }
    return object;
}

plmr_provenance plmr_provenance_now(void)
{
    plmr_provenance provenance = {
        .host = "unknown", .date = "", .revision = plmr_build_revision, .build = plmr_build_id_here()};
    time_t now = time(NULL);
    struct tm utc;
    if (gethostname(provenance.host, sizeof provenance.host - 1) != 0)
        snprintf(provenance.host, sizeof provenance.host, "unknown");
    if (gmtime_r(&now, &utc))
        strftime(provenance.date, sizeof provenance.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return provenance;
}
