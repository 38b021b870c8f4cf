#include "run/llm.h"
#include "text/chat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/larger.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/wall.h"
#include "infer/choose.h"
#include "infer/expert_place.h"
#include "infer/traffic.h"

/* ---- opening ---- */

/* A file without a vocabulary, or with one that is wrong, is of use with token ids. */
static plmr_status open_tokenizer(plmr_llm_run *run, bool is_wanted)
{
    plmr_status status = plmr_tokenizer_open(run->model, &run->tokenizer);
    if (is_wanted || !status || plmr_error_code(status) != PLMR_ERROR_INPUT)
        return status;
    plmr_error_free(status);
    return PLMR_OK;
}

/* A region that was asked for. */
static plmr_status check_region(const plmr_device *device, const char *option, const plmr_phase_setup *phase)
{
    int rows = phase->rows, cols = phase->cols;
    if (rows == 0)
        return PLMR_OK;
    PLMR_CHECK(rows >= 3 && cols >= 3, PLMR_ERROR_INPUT, "%s: %dx%d cores are too few: a ring needs at least 3", option,
               rows, cols);
    PLMR_CHECK(rows <= device->rows && cols <= device->cols, PLMR_ERROR_INPUT,
               "%s: %dx%d cores do not fit on %s, which has %.0fx%.0f: choose fewer or a larger --device", option, rows,
               cols, device->name, device->rows, device->cols);
    return PLMR_OK;
}

/* What can be said before a file is read. */
static plmr_status check_options(const plmr_llm_options *o, const plmr_device *device)
{
    PLMR_CHECK(!o->text || !o->ids, PLMR_ERROR_INPUT,
               "give the prompt as a text with -p or as ids with --tokens, not both");
    PLMR_TRY(check_region(device, "--prefill-cores", &o->setup.phase[PLMR_PREFILL]));
    return check_region(device, o->cores ? o->cores : "--decode-cores", &o->setup.phase[PLMR_DECODE]);
}

static plmr_status check_packed(const plmr_device *device, const char *option, enum plmr_packed packed)
{
    PLMR_CHECK(!packed || plmr_device_widen_element(device, packed) > 0, PLMR_ERROR_INPUT,
               "%s: %s does not say what it costs to widen %s: give it as --device %s:widen_%s=CYCLES", option,
               device->name, plmr_packed_name(packed), device->name, plmr_packed_name(packed));
    return PLMR_OK;
}

static plmr_status open_model(plmr_llm_run *run, bool wants_text)
{
    PLMR_TRY(check_options(run->options, &run->session.device));
    bool on_wafers = plmr_expert_spread_of(&run->setup.experts) == PLMR_EXPERTS_ON_WAFERS;
    PLMR_TRY(plmr_wafer_link_of(&run->session.device, run->options->link, on_wafers, &run->setup.link));
    PLMR_TRY(plmr_model_open(run->options->model, &run->model));
    plmr_model_store(run->model, run->options->weights);
    run->shape = plmr_model_shape_of(run->model);
    PLMR_TRY(check_packed(&run->session.device, "--weights", run->shape->packed));
    PLMR_TRY(check_packed(&run->session.device, "--kv-dtype", run->setup.cache_packed));
    if (run->options->expert_load)
        PLMR_TRY(plmr_expert_load_read(run->options->expert_load, run->shape, &run->setup.load));
    PLMR_CHECK(run->shape->n_experts || run->setup.load.capacity == 0, PLMR_ERROR_INPUT,
               "--expert-capacity: %s has no experts", run->shape->name);
    PLMR_CHECK(run->shape->n_experts || !run->options->expert_trace, PLMR_ERROR_INPUT,
               "--expert-trace: %s has no experts", run->shape->name);
    return open_tokenizer(run, wants_text);
}

plmr_status plmr_llm_note(plmr_llm_run *run, const plmr_model *model)
{
    int n;
    const char **files = plmr_model_files(model, &n);
    plmr_status status = plmr_session_note_all(&run->session, files, n);
    free(files);
    return status;
}

/* What the results depend on, beside the device. */
static plmr_status note_files(plmr_llm_run *run)
{
    PLMR_TRY(plmr_llm_note(run, run->model));
    return plmr_agree(plmr_session_note(&run->session, run->setup.load.share ? run->options->expert_load : NULL));
}

/* ---- the grid of ranks ---- */

/* Ranks of one row at most, if a grid has any others. */
enum { MOST_IN_A_ROW = 16 };

/* About as many as the prompt will have; 0: that is not known. */
static int64_t prompt_tokens(const plmr_llm_options *o)
{
    enum { BYTES_OF_A_TOKEN = 4 };
    int64_t n = o->ids ? 1 : 0;
    for (const char *at = o->ids; at && *at; at++)
        n += *at == ',';
    return o->n_prompt ? o->n_prompt : o->text ? 1 + (int64_t)strlen(o->text) / BYTES_OF_A_TOKEN : n;
}

/* What values will be made of, as far as that is known; false: only clocks travel, or it is not. */
static bool find_traffic(const plmr_llm_run *run, const plmr_llm_setup *setup, plmr_rank_traffic *traffic)
{
    const plmr_llm_options *o = run->options;
    int64_t n_prompt = o->phases == PLMR_DECODE_ALONE ? 0 : prompt_tokens(o);
    int64_t n_decode = o->phases == PLMR_PREFILL_ALONE ? 0 : o->n_decode;
    *traffic = plmr_model_traffic(run->shape, setup->n_layers, n_prompt, n_decode);
    return !o->timing && (n_prompt || n_decode);
}

/* Up to MOST_IN_A_ROW ranks form one row if it has the columns, so that no weights travel in prefill, and decode waits for
 * others least. More form a grid of about COLS_PER_ROW columns to a row where only clocks travel. If nothing fits, 0 x 0. */
static void choose_ranks(int rows, int cols, int *rank_rows, int *rank_cols)
{
    enum { COLS_PER_ROW = 4 };
    int n = plmr_rank_count();
    double wanted = n <= MOST_IN_A_ROW ? n : COLS_PER_ROW, best = INFINITY;
    for (int r = 1; r <= n; r++) {
        double off = fabs(log((double)n / r / r / wanted));
        if (n % r == 0 && r <= rows && n / r <= cols && off < best) {
            best = off;
            *rank_rows = r;
            *rank_cols = n / r;
        }
    }
}

/* Regions are found when ranks are there already: they will not be smaller than PLMR_CHOOSE_LEAST a side. */
static bool is_open(const plmr_llm_options *o)
{
    return o->setup.aim && !o->places;
}

/* So many cores a side are to have some for every rank. */
static plmr_status limit_ranks(const plmr_llm_options *o, const char *what, int most[2], int rows, int cols)
{
    PLMR_CHECK(is_open(o) || (o->rank_rows <= rows && o->rank_cols <= cols), PLMR_ERROR_INPUT,
               "--ranks: a %dx%d grid leaves some ranks without cores of %s, %dx%d: use fewer ranks or more cores",
               o->rank_rows, o->rank_cols, what, rows, cols);
    most[PLMR_Y] = plmr_smaller(most[PLMR_Y], rows);
    most[PLMR_X] = plmr_smaller(most[PLMR_X], cols);
    return PLMR_OK;
}

/* The cores that values of a phase are made on: its region, and, where experts are in blocks, one of these. */
static plmr_status limit_by_phase(const plmr_llm_run *run, const plmr_llm_setup *setup, enum plmr_llm_phase phase,
                                  int most[2])
{
    const plmr_phase_setup *p = &setup->phase[phase];
    plmr_expert_setup experts = plmr_llm_experts(setup, phase);
    bool is_prefill = phase == PLMR_PREFILL;
    if (!p->rows)
        return PLMR_OK;
    PLMR_TRY(limit_ranks(run->options, is_prefill ? "prefill's region" : "decode's region", most, p->rows, p->cols));
    if (!run->shape->n_experts || plmr_expert_spread_of(&experts) != PLMR_EXPERTS_IN_BLOCKS)
        return PLMR_OK;
    plmr_expert_blocks cut =
        plmr_expert_blocks_of(run->shape, plmr_expert_parts(&experts, run->shape), p->rows, p->cols, is_prefill);
    return limit_ranks(run->options, "a block of experts", most, cut.rows, cut.cols);
}

/* Of rows and columns of ranks: values need cores for each, of the phases that are run. Clocks are kept by as many ranks as there
 * are cores for. */
static plmr_status find_limits(const plmr_llm_run *run, const plmr_llm_setup *setup, int most[2])
{
    const plmr_llm_options *o = run->options;
    most[PLMR_Y] = (int)run->session.device.rows;
    most[PLMR_X] = (int)run->session.device.cols;
    for (int phase = 0; phase < PLMR_N_PHASES && !o->timing; phase++)
        PLMR_TRY(limit_by_phase(run, setup, (enum plmr_llm_phase)phase, most));
    for (int axis = 0; axis < 2 && is_open(o) && !o->timing; axis++)
        most[axis] = plmr_smaller(most[axis], PLMR_CHOOSE_LEAST);
    return PLMR_OK;
}

static plmr_status start_ranks(plmr_llm_run *run)
{
    const plmr_llm_options *o = run->options;
    plmr_llm_setup setup = run->setup;
    int rank_rows = o->rank_rows, rank_cols = o->rank_cols, most[2];
    plmr_llm_setup_choose(&setup, o->phases != PLMR_DECODE_ALONE, o->phases != PLMR_PREFILL_ALONE, &run->session.device,
                          run->shape);
    PLMR_TRY(find_limits(run, &setup, most));
    plmr_rank_traffic traffic;
    bool known = find_traffic(run, &setup, &traffic);
    if (!rank_rows && (!known || plmr_rank_count() <= MOST_IN_A_ROW))
        choose_ranks(most[PLMR_Y], most[PLMR_X], &rank_rows, &rank_cols);
    return plmr_session_start_ranks(&run->session, rank_rows, rank_cols, most[PLMR_Y], most[PLMR_X],
                                    known ? &traffic : NULL, !o->quiet);
}

plmr_status plmr_llm_open(plmr_llm_run *run, const char *command, const plmr_llm_options *options, bool wants_text)
{
    plmr_session *session = &run->session;
    *run = (plmr_llm_run){.options = options, .setup = options->setup};
    run->totals.start_s = plmr_wall_s();
    run->setup.progress = plmr_session_tell;
    run->setup.progress_context = &session->progress;
    run->setup.profile = options->report != NULL;
    plmr_status status = plmr_session_open(session, command, &options->line, options->device, options->quiet);
    if (!status)
        status = plmr_agree(open_model(run, wants_text || options->text));
    if (!status)
        status = note_files(run);
    if (!status && !(options->places && options->setup.aim))
        status = start_ranks(run);
    return status ? plmr_llm_close(run, status) : PLMR_OK;
}

plmr_status plmr_llm_close(plmr_llm_run *run, plmr_status status)
{
    status = plmr_agree(plmr_draft_close(&run->expert_trace, status));
    plmr_expert_load_free(&run->setup.load);
    json_decref(run->maps);
    json_decref(run->logprobs);
    free(run->totals.spans);
    free(run->placement);
    free(run->ids);
    plmr_engine_destroy(run->engine);
    plmr_timing_destroy(run->timing);
    plmr_tokenizer_destroy(run->tokenizer);
    status = plmr_session_close(&run->session, status);
    plmr_model_close(run->model);
    return status;
}

/* ---- the prompt ---- */

static plmr_status check_ids(const plmr_llm_run *run)
{
    PLMR_CHECK(run->n_ids > 0, PLMR_ERROR_INPUT, "the prompt has no tokens");
    for (int i = 0; i < run->n_ids; i++)
        PLMR_CHECK(run->ids[i] >= 0 && run->ids[i] < run->shape->n_vocab, PLMR_ERROR_INPUT,
                   "--tokens: token id %d is not one of the model's, which are 0 to %d", run->ids[i],
                   run->shape->n_vocab - 1);
    return PLMR_OK;
}

/* The text, put as a question if it is one. */
static plmr_status encode(plmr_llm_run *run)
{
    const plmr_llm_options *o = run->options;
    char *asked = NULL;
    if (o->chat)
        PLMR_TRY(plmr_chat_prompt(plmr_model_gguf(run->model), o->system, o->text, &asked));
    const char *text = asked ? asked : o->text;
    plmr_status status = plmr_tokenizer_encode(run->tokenizer, text, strlen(text), true, true, &run->ids, &run->n_ids);
    free(asked);
    return status;
}

plmr_status plmr_llm_read_prompt(plmr_llm_run *run)
{
    const plmr_llm_options *o = run->options;
    PLMR_CHECK(o->chat || !o->system, PLMR_ERROR_INPUT, "--system is for a chat: give --chat, too");
    PLMR_CHECK(!o->chat || !o->ids, PLMR_ERROR_INPUT, "--chat takes a text, with -p, not --tokens");
    PLMR_CHECK(o->text || o->ids, PLMR_ERROR_INPUT, "a prompt is missing: give a text with -p or ids with --tokens");
    if (o->ids)
        PLMR_TRY(plmr_parse_ids("--tokens", o->ids, &run->ids, &run->n_ids));
    else
        PLMR_TRY(encode(run));
    if (!plmr_model_gguf(run->model) && plmr_rank() == 0 && !o->quiet)
        fprintf(stderr, "plmr: warning: %s is a shape: its weights are made up, and so is what they say\n", o->model);
    return check_ids(run);
}

/* ---- checks ---- */

plmr_status plmr_llm_check_kept(const plmr_llm_options *o)
{
    PLMR_CHECK(!o->checkpoint || !(o->setup.dump || o->expert_trace), PLMR_ERROR_INPUT,
               "--checkpoint keeps nothing of --dump and --expert-trace: leave one of them out");
    return PLMR_OK;
}

plmr_status plmr_llm_check_cores(const plmr_llm_options *o)
{
    const plmr_phase_setup *prefill = &o->setup.phase[PLMR_PREFILL];
    int side = plmr_smaller(prefill->rows, prefill->cols);
    PLMR_CHECK(prefill->rows == prefill->cols, PLMR_ERROR_INPUT,
               "--prefill-cores: %dx%d is not square, as the rings of a prefill must be: try %dx%d", prefill->rows,
               prefill->cols, side, side);
    return PLMR_OK;
}

plmr_status plmr_llm_check_context(const plmr_llm_run *run, int64_t n_tokens)
{
    PLMR_CHECK(n_tokens <= run->shape->n_context, PLMR_ERROR_INPUT,
               "the prompt has %lld tokens, but %s was made for %d at most: shorten it", (long long)n_tokens,
               run->shape->name, run->shape->n_context);
    return PLMR_OK;
}

static plmr_status check_phase_wafers(const plmr_llm_run *run, enum plmr_llm_phase phase)
{
    const plmr_placement *p = phase == PLMR_DECODE ? run->decode : run->prefill;
    const char *name = run->shape->name;
    int64_t given = run->setup.n_wafers, most = p->n_regions * (given ? given : 1),
            n_wafers = plmr_llm_phase_wafers(run, phase);
    PLMR_CHECK(p->n_stages <= most || run->setup.allow_memory, PLMR_ERROR_LIMIT,
               "%s needs %d regions of %dx%d cores for %s, and %s has room for %d: choose larger --%s-cores, or "
               "--allow M",
               name, p->n_stages, p->rows, p->cols, plmr_phase_name(phase), run->session.device.name, p->n_regions,
               plmr_phase_name(phase));
    PLMR_CHECK(!given || n_wafers <= given || run->setup.allow_memory, PLMR_ERROR_LIMIT,
               "%s takes %lld wafers for %s, and --wafers says %lld: choose more, fewer --expert-parts, or --allow M",
               name, (long long)n_wafers, plmr_phase_name(phase), (long long)given);
    return PLMR_OK;
}

plmr_status plmr_llm_check_wafer(const plmr_llm_run *run)
{
    PLMR_TRY(check_phase_wafers(run, PLMR_PREFILL));
    return check_phase_wafers(run, PLMR_DECODE);
}

/* ---- placing and loading ---- */

static const plmr_placement *placement(const plmr_llm_run *run, enum plmr_llm_phase phase)
{
    return run->setup.phase[phase].rows ? plmr_timing_placement(run->timing, phase) : NULL;
}

static plmr_status attach_traces(plmr_llm_run *run)
{
    plmr_region *prefill = plmr_timing_region(run->timing, PLMR_PREFILL),
                *decode = plmr_timing_region(run->timing, PLMR_DECODE);
    int n_regions = (prefill != NULL) + (decode != NULL);
    PLMR_TRY(plmr_trace_options_attach(&run->options->trace, prefill, n_regions));
    return plmr_trace_options_attach(&run->options->trace, decode, n_regions);
}

plmr_status plmr_llm_place(plmr_llm_run *run)
{
    const plmr_llm_options *o = run->options;
    PLMR_TRY(plmr_llm_check_cores(o));
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_llm_choose(run));
    if (!run->session.ranks)
        PLMR_TRY(start_ranks(run));
    PLMR_TRY(plmr_timing_create(run->session.ranks, &run->session.device, run->shape, &run->setup, &run->timing));
    run->totals.time_s += plmr_wall_s() - start_s;
    run->prefill = placement(run, PLMR_PREFILL);
    run->decode = placement(run, PLMR_DECODE);
    if (o->report && plmr_rank() == 0) {
        run->maps = json_array();
        run->totals.spans = plmr_take_zeroed(1, sizeof *run->totals.spans);
        run->totals.spans->n_least = 1;
    }
    PLMR_TRY(plmr_agree(attach_traces(run)));
    return plmr_session_open_files(&run->session, o->json, o->report, o->trace.path, run->shape->name);
}

plmr_status plmr_llm_write_trace(plmr_llm_run *run, FILE *out)
{
    plmr_trace_file *file = &run->session.trace;
    PLMR_TRY(plmr_trace_file_add(file, plmr_timing_region(run->timing, PLMR_PREFILL), "prefill"));
    PLMR_TRY(plmr_trace_file_add(file, plmr_timing_region(run->timing, PLMR_DECODE), "decode"));
    if (plmr_rank() == 0)
        plmr_trace_file_print(file, out);
    return PLMR_OK;
}

static plmr_status open_expert_trace(plmr_llm_run *run)
{
    if (!run->options->expert_trace || plmr_rank() != 0)
        return PLMR_OK;
    PLMR_TRY(plmr_draft_open("--expert-trace", run->options->expert_trace, &run->expert_trace));
    fputs(PLMR_EXPERT_TRACE_HEAD, run->expert_trace.file);
    run->setup.expert_trace = run->expert_trace.file;
    return PLMR_OK;
}

plmr_status plmr_llm_load(plmr_llm_run *run)
{
    bool made = false; /* the folder of tensors: by rank 0 */
    const char *dump = run->setup.dump;
    plmr_session *session = &run->session;
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_agree(dump && plmr_rank() == 0 ? plmr_dump_folder(dump, &made) : PLMR_OK));
    PLMR_TRY(plmr_agree(open_expert_trace(run)));
    plmr_progress_begin(&session->progress, "loading", 1000, session->shows);
    plmr_status status = plmr_engine_create(run->model, session->ranks, &session->device, &run->setup, &run->engine);
    plmr_progress_end(&session->progress);
    if (status && made)
        rmdir(dump);
    plmr_barrier();
    run->totals.load_s = plmr_wall_s() - start_s;
    return status;
}
