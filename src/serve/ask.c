#include "serve/ask.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static char *copy(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(plmr_take(n), text, n);
}

void plmr_ask_free(plmr_ask *ask)
{
    free(ask->prompt);
    free(ask->system);
    free(ask->user);
    for (int i = 0; i < ask->n_stops; i++)
        free(ask->stops[i]);
    *ask = (plmr_ask){0};
}

/* ---- numbers ---- */

/* Leaves the value as it is where there is none. */
static plmr_status read_number(const json_t *body, const char *key, double least, double most, double *value)
{
    const json_t *given = json_object_get(body, key);
    if (!given || json_is_null(given))
        return PLMR_OK;
    double x = json_number_value(given);
    PLMR_CHECK(json_is_number(given) && x >= least && x <= most, PLMR_ERROR_INPUT, "%s is not a number from %g to %g",
               key, least, most);
    *value = x;
    return PLMR_OK;
}

static plmr_status read_whole(const json_t *body, const char *key, int64_t least, int64_t most, int64_t *value)
{
    const json_t *given = json_object_get(body, key);
    if (!given || json_is_null(given))
        return PLMR_OK;
    double x = json_number_value(given);
    PLMR_CHECK(json_is_number(given) && x >= (double)least && x <= (double)most && x == floor(x), PLMR_ERROR_INPUT,
               "%s is not a whole number from %lld to %lld", key, (long long)least, (long long)most);
    *value = (int64_t)x;
    return PLMR_OK;
}

static plmr_status read_flag(const json_t *body, const char *key, bool *value)
{
    const json_t *given = json_object_get(body, key);
    PLMR_CHECK(!given || json_is_boolean(given) || json_is_null(given), PLMR_ERROR_INPUT, "%s is not true or false",
               key);
    *value = json_is_true(given);
    return PLMR_OK;
}

/* Of texts for a prompt. */
static plmr_status check_one(const json_t *body, const char *key)
{
    const json_t *given = json_object_get(body, key);
    PLMR_CHECK(!given || json_is_null(given) || json_number_value(given) == 1, PLMR_ERROR_INPUT,
               "%s is not 1: a prompt has one answer here", key);
    return PLMR_OK;
}

static plmr_status read_numbers(const json_t *body, plmr_ask *ask)
{
    int64_t seed = -1, top_k = 0;
    ask->n_most = 128;
    ask->sampler.temperature = ask->sampler.top_p = 1;
    PLMR_TRY(read_whole(body, "max_tokens", 1, PLMR_ASK_MOST_TOKENS, &ask->n_most));
    PLMR_TRY(read_whole(body, "max_completion_tokens", 1, PLMR_ASK_MOST_TOKENS, &ask->n_most));
    PLMR_TRY(read_whole(body, "seed", 0, (int64_t)PLMR_ASK_MOST_SEED, &seed));
    PLMR_TRY(read_number(body, "temperature", 0, 2, &ask->sampler.temperature));
    PLMR_TRY(read_number(body, "top_p", 1e-6, 1, &ask->sampler.top_p));
    PLMR_TRY(read_whole(body, "top_k", 0, 1 << 30, &top_k));
    PLMR_TRY(check_one(body, "n"));
    PLMR_TRY(check_one(body, "best_of"));
    PLMR_TRY(read_number(body, "frequency_penalty", -2, 2, &ask->sampler.frequency));
    PLMR_TRY(read_number(body, "presence_penalty", -2, 2, &ask->sampler.presence));
    ask->sampler.top_k = (int)top_k;
    ask->sampler.typical = ask->sampler.repetition = 1;
    ask->sampler.n_last = 1 << 20;
    ask->has_seed = seed >= 0;
    ask->sampler.seed = (uint64_t)(ask->has_seed ? seed : 0);
    return PLMR_OK;
}

/* ---- texts ---- */

static plmr_status add_stop(plmr_ask *ask, const json_t *stop)
{
    PLMR_CHECK(json_is_string(stop) && json_string_length(stop) > 0, PLMR_ERROR_INPUT,
               "stop is not a text, or a list of texts");
    PLMR_CHECK(ask->n_stops < PLMR_ASK_MOST_STOPS, PLMR_ERROR_INPUT, "stop has more than %d texts",
               (int)PLMR_ASK_MOST_STOPS);
    ask->stops[ask->n_stops++] = copy(json_string_value(stop));
    return PLMR_OK;
}

static plmr_status read_stops(const json_t *body, plmr_ask *ask)
{
    const json_t *stop = json_object_get(body, "stop");
    if (!stop || json_is_null(stop))
        return PLMR_OK;
    if (!json_is_array(stop))
        return add_stop(ask, stop);
    for (size_t i = 0; i < json_array_size(stop); i++)
        PLMR_TRY(add_stop(ask, json_array_get(stop, i)));
    return PLMR_OK;
}

static plmr_status read_prompt(const json_t *body, plmr_ask *ask)
{
    const json_t *prompt = json_object_get(body, "prompt");
    if (json_is_array(prompt) && json_array_size(prompt) == 1)
        prompt = json_array_get(prompt, 0);
    PLMR_CHECK(json_is_string(prompt), PLMR_ERROR_INPUT, "prompt is missing, or is not one text");
    ask->prompt = copy(json_string_value(prompt));
    return PLMR_OK;
}

/* The text of a message: a text, or parts that are. */
static plmr_status read_content(const json_t *message, char **content)
{
    const json_t *all = json_object_get(message, "content");
    size_t n = 0;
    if (json_is_string(all)) {
        *content = copy(json_string_value(all));
        return PLMR_OK;
    }
    PLMR_CHECK(json_is_array(all), PLMR_ERROR_INPUT, "a message has no content, or one that is not text");
    *content = plmr_take_zeroed(1, 1);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *text = json_object_get(json_array_get(all, i), "text");
        PLMR_CHECK(json_is_string(text), PLMR_ERROR_INPUT, "a part of a message's content is not text");
        *content = plmr_take_more(*content, n + json_string_length(text) + 1);
        strcpy(*content + n, json_string_value(text));
        n += strlen(*content + n);
    }
    return PLMR_OK;
}

static void add_line(char **text, const char *line)
{
    size_t n = *text ? strlen(*text) : 0;
    *text = plmr_take_more(*text, n + strlen(line) + 2);
    strcpy(*text + n, n ? "\n" : "");
    strcat(*text, line);
}

static bool is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(*words, word) != 0)
        words++;
    return *words;
}

/* `said` are the messages that do not say what the model is to be. */
static plmr_status read_message(const json_t *message, plmr_ask *ask, int *n_said)
{
    static const char *const systems[] = {"system", "developer", NULL}, *const others[] = {"user", "assistant", "tool",
                                                                                           NULL};
    char *content = NULL;
    const char *role = json_string_value(json_object_get(message, "role"));
    PLMR_CHECK(role, PLMR_ERROR_INPUT, "a message has no role");
    bool is_system = is_one_of(role, systems);
    PLMR_CHECK(is_system || is_one_of(role, others), PLMR_ERROR_INPUT,
               "a message's role is '%.40s', but not system, developer, user, assistant or tool", role);
    plmr_status status = read_content(message, &content);
    if (!status) {
        add_line(&ask->prompt, content);
        if (is_system || strcmp(role, "user") == 0)
            add_line(is_system ? &ask->system : &ask->user, content);
        *n_said += !is_system;
    }
    free(content);
    return status;
}

static plmr_status read_messages(const json_t *body, plmr_ask *ask)
{
    const json_t *messages = json_object_get(body, "messages");
    int n_said = 0;
    PLMR_CHECK(json_is_array(messages) && json_array_size(messages), PLMR_ERROR_INPUT,
               "messages are missing, or are not a list");
    for (size_t i = 0; i < json_array_size(messages); i++)
        PLMR_TRY(read_message(json_array_get(messages, i), ask, &n_said));
    if (n_said != 1 || !ask->user) { /* no template is known for what was said before */
        free(ask->system);
        free(ask->user);
        ask->system = ask->user = NULL;
    }
    return PLMR_OK;
}

static plmr_status read_all(const json_t *body, bool chat, plmr_ask *ask)
{
    const json_t *likely = json_object_get(body, "logprobs");
    PLMR_CHECK(json_is_object(body), PLMR_ERROR_INPUT, "the body is not a JSON object");
    PLMR_TRY(read_numbers(body, ask));
    PLMR_TRY(read_stops(body, ask));
    PLMR_TRY(read_flag(body, "stream", &ask->stream));
    PLMR_TRY(read_flag(json_object_get(body, "stream_options"), "include_usage", &ask->stream_usage));
    PLMR_CHECK(!likely || json_is_null(likely) || json_is_false(likely), PLMR_ERROR_INPUT,
               "logprobs are not given here");
    return chat ? read_messages(body, ask) : read_prompt(body, ask);
}

plmr_status plmr_ask_read(const char *body, size_t n, bool chat, plmr_ask *ask)
{
    json_error_t error;
    json_t *json = json_loadb(body, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    *ask = (plmr_ask){0};
    PLMR_CHECK(json, PLMR_ERROR_INPUT, "the body is not JSON that is read here: line %d, column %d: %s", error.line,
               error.column, error.text);
    plmr_status status = read_all(json, chat, ask);
    json_decref(json);
    if (status)
        plmr_ask_free(ask);
    return status;
}
