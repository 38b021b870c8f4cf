#include "tune/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "infer/choose.h"

enum { MOST_BYTES = 1 << 20 };

/* ---- what a result depends on ---- */

static json_t *json_of_shape(const plmr_model_shape *s)
{
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:I, s:i, s:i, s:i, s:i, s:i, "
                     "s:i, s:i, s:f, s:f, s:f, s:f}",
                     "arch", s->arch->name, "window", s->window, "global_period", s->global_period, "layers",
                     s->n_layers, "dim", s->dim, "heads", s->n_heads, "kv_heads", s->n_kv_heads, "head_dim",
                     s->head_dim, "ffn", s->n_ffn, "vocab", s->n_vocab, "dtype", (int)s->dtype, "biases",
                     s->has_qkv_biases, "rope_pairs", (int)s->rope_pairs, "bytes", (json_int_t)s->n_bytes, "experts",
                     s->n_experts, "used", s->n_used, "expert_ffn", s->n_expert_ffn, "shared_ffn", s->n_shared_ffn,
                     "packed", (int)s->packed, "rope_dim", s->rope_dim, "unturned_period", s->unturned_period,
                     "temperature_scale", (double)s->temperature_scale, "logit_scale", (double)s->logit_scale,
                     "score_cap", (double)s->score_cap, "logit_cap", (double)s->logit_cap);
}

static json_t *json_of_defects(const plmr_defect_list *list)
{
    json_t *all = json_array();
    for (int i = 0; i < list->n; i++) {
        const plmr_defect *d = &list->at[i];
        json_array_append_new(all, json_pack("[i, i, i, i, f]", d->row, d->col, d->to_row, d->to_col, d->factor));
    }
    return all;
}

static json_t *json_of_device(const plmr_device *device)
{
    json_t *json = json_pack("{s:i, s:i, s:o, s:o, s:o}", "topology", (int)device->topology, "router",
                             (int)device->router, "dead", json_of_defects(&device->dead), "dead_links",
                             json_of_defects(&device->dead_links), "slow", json_of_defects(&device->slow));
#define X(key, unit, least, most, meaning) json_object_set_new(json, #key, json_real(device->key));
    PLMR_DEVICE_NUMBERS(X)
#undef X
    return json;
}

static json_t *inputs_of(const plmr_tune_task *task, int n_best, const json_t *paper)
{
    const plmr_llm_setup *s = &task->setup;
    return plmr_take_made(
        json_pack("{s:s, s:o, s:o, s:I, s:I, s:b, s:i, s:i, s:i, s:i, s:i, s:b, s:f, s:f, s:s, s:O?}", "version",
                  PLMR_VERSION, "model", json_of_shape(task->shape), "device", json_of_device(task->device), "prompt",
                  (json_int_t)s->n_prompt, "decode", (json_int_t)(s->n_tokens - s->n_prompt), "concat", s->concat,
                  "kv_dtype", (int)s->cache_dtype, "kv_packed", (int)s->cache_packed, "best", n_best, "batch",
                  s->n_batch, "wafers", s->n_wafers, "streams", s->streams, "link", s->link.bytes_s, "link_latency",
                  s->link.latency_s, "for", s->aim ? plmr_name_of(s->aim) : "", "paper", paper));
}

/* ---- files ---- */

/* Whether two sets of inputs are the same is decided by the inputs themselves, which stand in the file. */
static uint64_t hash_of(const char *text)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; text[i]; i++)
        sum += plmr_checksum_element(i, (unsigned char)text[i]);
    return sum;
}

static bool default_folder(char *path, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/')
        return (size_t)snprintf(path, size, "%s/plmr/tune", cache) < size;
    return home && home[0] == '/' && (size_t)snprintf(path, size, "%s/.cache/plmr/tune", home) < size;
}

static char *file_of(const char *folder, const json_t *inputs)
{
    char by_default[PATH_MAX], *text = plmr_take_made(json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS));
    bool is_known = folder || default_folder(by_default, sizeof by_default);
    char *file =
        is_known ? plmr_take_text("%s/%016" PRIx64 ".json", folder ? folder : by_default, hash_of(text)) : NULL;
    free(text);
    return file;
}

static json_t *read_json(const char *file)
{
    struct stat status;
    int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not stop us */
    if (descriptor < 0)
        return NULL;
    bool readable = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= MOST_BYTES;
    json_t *json = readable ? json_loadfd(descriptor, JSON_REJECT_DUPLICATES, NULL) : NULL;
    close(descriptor);
    return json;
}

static bool load(const plmr_tune_cache *cache, plmr_tune_report *report)
{
    json_t *json = read_json(cache->file);
    bool loaded = json && json_equal(json_object_get(json, "inputs"), cache->inputs) &&
                  plmr_tune_report_read(json_object_get(json, "report"), report);
    json_decref(json);
    return loaded;
}

/* With the folders that are missing. */
static plmr_status save(const plmr_tune_cache *cache, const plmr_tune_report *report)
{
    json_t *json = json_pack("{s:O, s:o}", "inputs", cache->inputs, "report", plmr_tune_report_json(report, NULL));
    char *text = plmr_take_made(json_dumps(json, JSON_COMPACT));
    json_decref(json);
    char *folder = plmr_take_copy(cache->file);
    *strrchr(folder, '/') = '\0';
    plmr_status status = plmr_folder_make("--cache", folder);
    if (!status)
        status = plmr_draft_write("--cache", cache->file, text);
    free(folder);
    free(text);
    return status;
}

/* ---- the cache ---- */

void plmr_tune_cache_open(const char *folder, bool again, const plmr_tune_task *task, int n_best, const json_t *paper,
                          plmr_tune_cache *cache, plmr_tune_report *report)
{
    *cache = (plmr_tune_cache){0};
    if (folder && strcmp(folder, "none") == 0)
        return;
    cache->inputs = inputs_of(task, n_best, paper);
    cache->file = file_of(folder, cache->inputs);
    cache->hit = cache->file && !again && load(cache, report);
    if (cache->hit)
        snprintf(cache->said, sizeof cache->said, "from %s; --again searches anew", cache->file);
}

void plmr_tune_cache_keep(plmr_tune_cache *cache, const plmr_tune_report *report)
{
    if (!cache->file || cache->hit)
        return;
    plmr_status failed = save(cache, report);
    snprintf(cache->said, sizeof cache->said, failed ? "not kept: %s" : "kept in %s",
             failed ? plmr_error_text(failed) : cache->file);
    plmr_error_free(failed);
}

void plmr_tune_cache_close(plmr_tune_cache *cache)
{
    json_decref(cache->inputs);
    free(cache->file);
}
