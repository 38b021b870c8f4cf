#include "scale/run.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"

static double real(const json_t *record, const char *key)
{
    const json_t *value = json_object_get(record, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* -1 where there is none, as in records. */
static int64_t count(const json_t *record, const char *key)
{
    double value = real(record, key);
    return isfinite(value) && fabs(value) < 0x1p62 ? (int64_t)value : -1;
}

static const char *text(const json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    return value ? value : "";
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* ---- which problem ---- */

static const char *const kinds[] = {"command",  "algorithm",  "device",  "model",        "mode",       "phase",
                                    "dtype",    "accumulate", "rows",    "cols",         "transposed", "kv",
                                    "kv_dtype", "weights",    "experts", "prefill_rows", "decode_rows"};
static const char *const sizes[] = {"m",     "k",     "n", "prompt_tokens", "output_tokens", "context_tokens",
                                    "batch", "layers"};
static const char *const answers[] = {"cycles", "prefill_cycles", "decode_cycles_first", "decode_cycles_last",
                                      "checksum"};

/* Adds the values of some keys to a text; what does not fit is left out on all records alike. */
static void add_values(const json_t *record, const char *const *keys, size_t n, char *to, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(to);
        const json_t *value = json_object_get(record, keys[i]);
        if (json_is_string(value))
            snprintf(to + used, size - used, "|%.60s", json_string_value(value));
        else if (json_is_number(value))
            snprintf(to + used, size - used, "|%.17g", json_number_value(value));
        else
            snprintf(to + used, size - used, "|");
    }
}

static bool computes(const json_t *record)
{
    return is(text(record, "mode"), "compute");
}

static void name_workload(const json_t *record, plmr_scale_run *run)
{
    const char *command = text(record, "command"), *phase = text(record, "phase");
    bool both = is(phase, "both");
    if (is(command, "llm") || is(command, "generate"))
        command = both ? "prefill+decode" : phase;
    snprintf(run->workload, sizeof run->workload, "%s%s", command, computes(record) ? "" : " timing");
}

static void describe_model(const json_t *record, plmr_scale_run *run)
{
    const char *phase = text(record, "phase");
    long long prompt = count(record, "prompt_tokens"), made = count(record, "output_tokens");
    int used = snprintf(run->what, sizeof run->what, "%.60s, layers %.20s, %.8s", text(record, "model"),
                        text(record, "layers"), text(record, "dtype"));
    size_t left = sizeof run->what - (size_t)used;
    if (is(phase, "prefill"))
        snprintf(run->what + used, left, ", %lld tokens", prompt);
    else
        snprintf(run->what + used, left, ", %lld tokens behind %lld", made,
                 (long long)count(record, is(phase, "decode") ? "context_tokens" : "prompt_tokens"));
}

static void describe(const json_t *record, plmr_scale_run *run)
{
    char cores[48], *what = run->what;
    const char *algorithm = text(record, "algorithm"), *dtype = text(record, "dtype");
    snprintf(cores, sizeof cores, "%lld x %lld cores", (long long)count(record, "rows"),
             (long long)count(record, "cols"));
    if (is(text(record, "command"), "gemm"))
        snprintf(what, sizeof run->what, "%.20s, %lld x %lld x %lld on %s, %.8s", algorithm,
                 (long long)count(record, "m"), (long long)count(record, "k"), (long long)count(record, "n"), cores,
                 dtype);
    else if (is(text(record, "command"), "gemv"))
        snprintf(what, sizeof run->what, "%.20s, %lld x %lld on %s, %.8s", algorithm, (long long)count(record, "k"),
                 (long long)count(record, "n"), cores, dtype);
    else if (is(text(record, "command"), "allreduce"))
        snprintf(what, sizeof run->what, "%.20s, %lld elements on %s, %.8s", algorithm, (long long)count(record, "n"),
                 cores, dtype);
    else
        describe_model(record, run);
}

/* ---- how much work ---- */

static double positive(double value)
{
    return value > 0 ? value : 0;
}

static void measure_model(const json_t *record, plmr_scale_run *run)
{
    double layers = real(record, "token_macs_layers"), batch = real(record, "batch");
    double prompt = positive(real(record, "prompt_tokens")), made = positive(real(record, "output_tokens"));
    const char *phase = text(record, "phase");
    int first = 0, last = -1;
    if (!is(phase, "decode"))
        run->work += prompt * batch * layers;
    if (!is(phase, "prefill"))
        run->work += made * batch * (layers + real(record, "token_macs_output"));
    sscanf(text(record, "layers"), "%8d..%8d", &first, &last);
    run->steps = is(phase, "prefill") ? last - first + 1 : count(record, "output_tokens");
    run->step = is(phase, "prefill") ? "layer" : "token";
}

static void measure_product(const json_t *record, plmr_scale_run *run)
{
    double m = real(record, "m"), k = real(record, "k"), n = real(record, "n"), steps = real(record, "steps");
    double cores = real(record, "rows") * real(record, "cols");
    if (!computes(record))
        run->work = steps * cores;
    else
        run->work = is(text(record, "command"), "allreduce") ? n * cores : m * k * n;
    run->steps = count(record, "steps");
    run->step = "step";
}

/* ---- what it took ---- */

static plmr_scale_time read_time(const json_t *record, const char *part)
{
    char key[64];
    plmr_scale_time time;
    snprintf(key, sizeof key, "wall_%s_s", part);
    time.mean = real(record, key);
    snprintf(key, sizeof key, "wall_%s_s_min", part);
    time.least = real(record, key);
    snprintf(key, sizeof key, "wall_%s_s_max", part);
    time.most = real(record, key);
    snprintf(key, sizeof key, "wall_%s_rank_max", part);
    time.rank_most = (int)count(record, key);
    return time;
}

static void read_times(const json_t *record, plmr_scale_run *run)
{
    run->compute_s = read_time(record, "compute");
    run->exchange_s = read_time(record, "exchange");
    run->wait_s = read_time(record, "wait");
    /* Of a language model wall_s includes loading it; the parts are of the phase alone. */
    double parts_s = run->compute_s.mean + run->exchange_s.mean + run->wait_s.mean;
    run->wall_s = parts_s > 0 ? parts_s : real(record, "wall_s");
    run->bytes = count(record, "bytes_sent");
    run->messages = count(record, "messages");
    run->rss_bytes = count(record, "rss_peak_bytes");
    run->hidden_share = real(record, "hidden_share");
}

static plmr_status read_run(const json_t *record, const char *where, bool weak, plmr_scale_run *run)
{
    bool is_model = is(text(record, "command"), "llm") || is(text(record, "command"), "generate");
    int64_t ranks = count(record, "ranks"), hosts = count(record, "hosts");
    *run = (plmr_scale_run){.ranks = (int)ranks, .hosts = hosts > 0 && hosts <= ranks ? (int)hosts : 1};
    PLMR_CHECK(ranks > 0 && ranks < 1 << 24, PLMR_ERROR_INPUT, "%s: \"ranks\" is no number of ranks", where);
    add_values(record, kinds, sizeof kinds / sizeof kinds[0], run->group, sizeof run->group);
    if (!weak)
        add_values(record, sizes, sizeof sizes / sizeof sizes[0], run->group, sizeof run->group);
    add_values(record, answers, sizeof answers / sizeof answers[0], run->answer, sizeof run->answer);
    name_workload(record, run);
    describe(record, run);
    read_times(record, run);
    if (is_model)
        measure_model(record, run);
    else
        measure_product(record, run);
    PLMR_CHECK(run->wall_s > 0 && isfinite(run->wall_s), PLMR_ERROR_INPUT, "%s: the record has no wall time", where);
    if (!(run->work > 0))
        run->work = 1; /* of a language model's time plane: nothing says how much it is */
    return PLMR_OK;
}

static bool scales(const json_t *record)
{
    const char *command = text(record, "command");
    bool is_run = is(command, "gemm") || is(command, "gemv") || is(command, "allreduce") || is(command, "llm") ||
                  is(command, "generate");
    return is_run && !*text(record, "error");
}

plmr_status plmr_scale_run_parse(const char *line, const char *where, bool weak, plmr_scale_run *run, bool *counts)
{
    json_error_t error;
    json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    plmr_status status = PLMR_OK;
    *counts = false;
    if (!json_is_object(record))
        status = plmr_error_make(PLMR_ERROR_INPUT, "%s: not a record of plmr, which --json writes", where);
    else if ((*counts = scales(record)))
        status = read_run(record, where, weak, run);
    json_decref(record);
    return status;
}
