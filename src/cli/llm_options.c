#include "cli/llm_options.h"

#include <string.h>

#include "model/shape.h"
#include "plmr/device.h"

enum {
    KEY_TOKENS = 0x400,
    KEY_DEVICE,
    KEY_PREFILL_CORES,
    KEY_DECODE_CORES,
    KEY_KV,
    KEY_KV_DTYPE,
    KEY_ALLOW,
    KEY_DUMP,
    KEY_JSON,
    KEY_REPORT
};

static const struct argp_option prompt_options[] = {
    PLMR_OPTION_GROUP(1, "Model and prompt:"),
    {"model", 'm', "FILE|NAME", 0, "A GGUF file (default " PLMR_MODEL_DEMO ")", 1},
    {"prompt", 'p', "TEXT", 0, "The prompt", 1},
    {"tokens", KEY_TOKENS, "I,J,...", 0, "The prompt as token ids", 1},
    {0},
};

static const struct argp_option wafer_options[] = {
    PLMR_OPTION_GROUP(10, "What runs where:"),
    {"device", KEY_DEVICE, "NAME|FILE", 0,
     "A device of plmr device list, or your own file, perhaps with numbers of your own: wse2:hop=4,routes=64 (default "
     "wse2)",
     10},
    {"prefill-cores", KEY_PREFILL_CORES, "HxW", 0, "Cores of the prefill region, H = W (default: what suits the model)",
     10},
    {"decode-cores", KEY_DECODE_CORES, "HxW", 0, "Cores of a decode region (default: what suits the model)", 10},
    {"kv", KEY_KV, "shift|concat", 0,
     "Keys and values of new tokens: rows of cores are kept balanced, or the last row takes them all (default shift)",
     10},
    {"kv-dtype", KEY_KV_DTYPE, "TYPE", 0,
     "How they are stored: f32, f16 or bf16 (default: f32 for f32 models, else f16)", 10},
    {"allow", KEY_ALLOW, "M,R", 0, "Go on where a core's memory (M) or routes (R) are exceeded, and say so", 10},
    PLMR_OPTION_GROUP(40, "Output:"),
    {"json", KEY_JSON, "FILE|-", 0, "One JSON object with what was measured", 40},
    {"dump", KEY_DUMP, "DIR", 0, "Write every step's tensors into a folder, as NumPy files", 40},
    PLMR_OPTION_HELP,
    {0},
};

static const struct argp_option report_options[] = {
    {"report", KEY_REPORT, "FILE", 0, "An HTML page that shows the run core by core, for any browser", 40},
    {0},
};

static plmr_status take_name(const char *option, const char *text, const char **name)
{
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "%s: a name is missing", option);
    *name = text;
    return PLMR_OK;
}

static plmr_status parse_prompt(const char *option, const char *text, const char **prompt)
{
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "%s: the prompt is empty", option);
    *prompt = text;
    return PLMR_OK;
}

static plmr_status parse_kv(const char *text, plmr_llm_options *options)
{
    static const char *const names[] = {"shift", "concat"};
    int index;
    PLMR_TRY(plmr_parse_word("--kv", text, names, 2, &index));
    options->setup.concat = index == 1;
    return PLMR_OK;
}

static plmr_status set_option(int key, const char *text, plmr_llm_options *o)
{
    static const char form[] = "HxW, e.g. 360x360";
    plmr_phase_setup *phase = o->setup.phase;
    switch (key) {
    case 'm':
        return take_name("--model", text, &o->model);
    case 'p':
        return parse_prompt("--prompt", text, &o->text);
    case KEY_TOKENS:
        return parse_prompt("--tokens", text, &o->ids);
    case KEY_DEVICE:
        return take_name("--device", text, &o->device);
    case KEY_PREFILL_CORES:
        return plmr_parse_pair("--prefill-cores", text, form, &phase[PLMR_PREFILL].rows, &phase[PLMR_PREFILL].cols);
    case KEY_DECODE_CORES:
        return plmr_parse_pair("--decode-cores", text, form, &phase[PLMR_DECODE].rows, &phase[PLMR_DECODE].cols);
    case KEY_KV:
        return parse_kv(text, o);
    case KEY_KV_DTYPE:
        o->setup.has_cache_dtype = true;
        return plmr_parse_dtype("--kv-dtype", text, &o->setup.cache_dtype);
    case KEY_ALLOW:
        return plmr_parse_allow(text, &o->setup.allow_memory, &o->setup.allow_routes);
    case KEY_DUMP:
        return take_name("--dump", text, &o->setup.dump);
    case KEY_REPORT:
        return take_name("--report", text, &o->report);
    default:
        return take_name("--json", text, &o->json);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key != 'm' && key != 'p' && (key < KEY_TOKENS || key > KEY_REPORT))
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

const struct argp plmr_prompt_argp = {.options = prompt_options, .parser = parse_option};
const struct argp plmr_wafer_argp = {.options = wafer_options, .parser = parse_option};
const struct argp plmr_report_argp = {.options = report_options, .parser = parse_option};

void plmr_llm_options_init(plmr_llm_options *options)
{
    *options =
        (plmr_llm_options){.model = PLMR_MODEL_DEMO, .device = PLMR_DEVICE_DEFAULT, .setup.plan = &plmr_plan_waferllm};
}
