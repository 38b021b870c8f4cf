#include "tune/print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/larger.h"
#include "base/memory.h"
#include "infer/totals.h"
#include "report/table.h"

plmr_tune_times plmr_tune_times_of(const plmr_tune_task *task, const plmr_tune_row *prefill,
                                   const plmr_tune_row *decode)
{
    const plmr_device *device = task->device;
    double cycles = prefill->cycles + decode->cycles, n = (double)plmr_tune_decodes(task);
    double n_batch = task->setup.n_batch;
    int64_t wafers = plmr_wafers_for_both(prefill->wafers, decode->wafers);
    int64_t sram = plmr_larger(prefill->sram_bytes, decode->sram_bytes);
    double tokens_s = (decode->cycles - decode->aside_cycles) / device->clock;
    return (plmr_tune_times){
        .ttft_s = (prefill->cycles + decode->aside_cycles) / device->clock,
        .tpot_s = tokens_s / n,
        .tpr_e2e = n / (cycles / device->clock),
        .prefill_tok_s =
            n_batch * (double)task->setup.n_prompt / ((prefill->cycles - prefill->aside_cycles) / device->clock),
        .decode_tok_s = n_batch * n / tokens_s,
        .tok_j = plmr_tokens_per_joule(device, n_batch * n, wafers, cycles),
        .sram_left_bytes = fmax(0, device->sram - (double)sram),
    };
}

json_t *plmr_tune_record(const plmr_tune_task *task, const plmr_tune_report *report)
{
    const plmr_llm_setup *setup = &task->setup;
    plmr_tune_times times = plmr_tune_times_of(task, &report->rows[0][0], &report->rows[1][0]);
    json_t *json = plmr_take_made(json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:f, s:f, s:o?, s:i, s:o?, s:o?, s:o?, s:f}", "command", "tune",
        "model", task->shape->name, "device", task->device->name, "prompt_tokens", (json_int_t)setup->n_prompt,
        "output_tokens", (json_int_t)plmr_tune_decodes(task), "kv", setup->concat ? "concat" : "shift", "kv_dtype",
        plmr_llm_cache_name(setup), "version", PLMR_VERSION, "ttft_s", times.ttft_s, "tpot_s", times.tpot_s, "tpr_e2e",
        json_real(times.tpr_e2e), "batch", setup->n_batch, "prefill_tok_s", json_real(times.prefill_tok_s),
        "decode_tok_s", json_real(times.decode_tok_s), "tok_j", json_real(times.tok_j), "sram_left_bytes",
        times.sram_left_bytes));
    json_object_update_new(json, plmr_tune_report_json(report, task));
    return json;
}

/* ---- a table of choices ---- */

static void print_titles(FILE *out, bool decode)
{
    fprintf(out, "  %-7s %9s %2s %-9s %5s %6s %9s %8s %6s %9s %9s\n", plmr_phase_name(decode), "cores", "K", "groups",
            "fused", "layers", "regions", "SRAM", "routes", decode ? "TPOT" : "prompt", "beside");
}

static void print_row(FILE *out, const plmr_device *device, const char *label, const plmr_tune_row *r,
                      const plmr_tune_row *best, int64_t n_decode)
{
    char cores[24], regions[32], against[24] = "";
    double cycles = (r->cycles - r->aside_cycles) / (double)(n_decode ? n_decode : 1);
    snprintf(cores, sizeof cores, "%lldx%lld", (long long)r->rows, (long long)r->cols);
    snprintf(regions, sizeof regions, "%lld of %lld", (long long)(r->regions * r->replicas),
             (long long)r->regions_wafer);
    if (r != best && best->cycles > 0)
        snprintf(against, sizeof against, "  %+.1f %%", 100 * (r->cycles / best->cycles - 1));
    fprintf(out, "  %-7s %9s %2lld %-9s %5s %6lld %9s %7s%s %5lld%s %9s %9s%s\n", label, cores, (long long)r->tree_k,
            r->groups_y[0] ? r->groups_y : "-",
            !n_decode  ? ""
            : r->fused ? "yes"
                       : "no",
            (long long)r->layers, regions, plmr_format_count(r->sram_bytes).s, strchr(r->violates, 'M') ? "!" : " ",
            (long long)r->routes, strchr(r->violates, 'R') ? "!" : " ",
            plmr_format_quantity(cycles / device->clock, "s").s,
            plmr_format_quantity(r->aside_cycles / device->clock, "s").s, against);
}

static void print_binds(FILE *out, const plmr_tune_row *r)
{
    const char *const why[] = {r->P, r->L, r->M, r->R};
    for (int i = 0; i < 4; i++)
        if (why[i][0]) {
            fprintf(out, "            %c: ", "PLMR"[i]);
            plmr_table_wrap(out, 15, 15, why[i]);
        }
}

/* A choice, and what it stands on. */
static void print_more(FILE *out, const plmr_tune_row *r)
{
    if (r->experts[0])
        fprintf(out, "            experts: %s\n", r->experts);
    print_binds(out, r);
}

static void print_phase(FILE *out, const plmr_device *device, const plmr_tune_report *report, bool decode,
                        int64_t n_decode)
{
    const plmr_tune_row *rows = report->rows[decode];
    print_titles(out, decode);
    for (int i = 0; i < report->n_rows[decode]; i++) {
        char label[12];
        snprintf(label, sizeof label, "%d", i + 1);
        print_row(out, device, label, &rows[i], &rows[0], decode ? n_decode : 0);
        print_more(out, &rows[i]);
    }
    if (report->has_paper[decode]) {
        print_row(out, device, "paper", &report->paper[decode], &rows[0], decode ? n_decode : 0);
        print_more(out, &report->paper[decode]);
    }
}

/* ---- the whole ---- */

static void print_times(FILE *out, const char *label, plmr_tune_times t)
{
    plmr_table_fact(out, label, "TTFT %s, TPOT %s (%s tokens/s), end to end %s tokens/s",
                    plmr_format_quantity(t.ttft_s, "s").s, plmr_format_quantity(t.tpot_s, "s").s,
                    plmr_format_cycles(round(1 / t.tpot_s)).s, plmr_format_cycles(round(t.tpr_e2e)).s);
}

/* All requests together, and what decode leaves of the machine. */
static void print_machine(FILE *out, const plmr_tune_task *task, plmr_tune_times t, const plmr_tune_row *decode)
{
    int64_t there = plmr_larger(decode->wafers, task->setup.n_wafers);
    char energy[32] = "";
    if (isfinite(t.tok_j))
        snprintf(energy, sizeof energy, ", %.3g tokens/J", t.tok_j);
    plmr_table_fact(out, "machine", "%d %s, prefill at %s tokens/s, decode at %s tokens/s%s", task->setup.n_batch,
                    task->setup.n_batch == 1 ? "request" : "requests", plmr_format_cycles(round(t.prefill_tok_s)).s,
                    plmr_format_cycles(round(t.decode_tok_s)).s, energy);
    plmr_table_fact(
        out, "unused", "%s of %s regions of decode; %s bytes of SRAM in the core that needs most",
        plmr_format_count(there * decode->regions_wafer - decode->regions * decode->replicas * decode->expert_wafers).s,
        plmr_format_count(there * decode->regions_wafer).s, plmr_format_count((int64_t)t.sram_left_bytes).s);
}

/* What llm would not choose by itself, and where. */
static void write_choice(FILE *out, const plmr_tune_row *p, const plmr_tune_row *d)
{
    fprintf(out, " --prefill-cores %lldx%lld --prefill-tree-k %lld --decode-cores %lldx%lld --tree-k %lld",
            (long long)p->rows, (long long)p->cols, (long long)p->tree_k, (long long)d->rows, (long long)d->cols,
            (long long)d->tree_k);
    if (d->groups_given)
        fprintf(out, " --groups %s", d->groups_y);
    if (!d->fused)
        fprintf(out, " --fuse no");
    if (d->experts[0])
        fprintf(out, " --experts %s --prefill-experts %s", d->experts, p->experts);
    if (d->expert_wafers > 1)
        fprintf(out, " --expert-parts %lld", (long long)d->expert_wafers);
    if (p->layers_given)
        fprintf(out, " --prefill-layers %lld", (long long)p->layers_given);
    if (d->layers_given)
        fprintf(out, " --decode-layers %lld", (long long)d->layers_given);
}

/* The command that runs the best choices for what was asked. */
static void print_command(FILE *out, json_t *asked, const plmr_tune_report *report)
{
    const char *name;
    char *command;
    size_t n;
    json_t *value;
    FILE *words = plmr_take_stream(&command, &n);
    json_object_foreach(asked, name, value)
        fprintf(words, " %s%s%s", name, json_string_length(value) ? " " : "", json_string_value(value));
    write_choice(words, &report->rows[0][0], &report->rows[1][0]);
    plmr_stream_end(words);
    plmr_table_fact(out, "to run it", "plmr llm%s", command);
    free(command);
}

void plmr_tune_print(FILE *out, const plmr_tune_task *task, json_t *asked, const plmr_tune_report *report,
                     const char *cache)
{
    const plmr_device *device = task->device;
    int64_t n_prompt = task->setup.n_prompt, n_decode = plmr_tune_decodes(task);
    const plmr_tune_row *best[] = {&report->rows[0][0], &report->rows[1][0]};
    plmr_standing standing;
    plmr_table_fact(out, "model", "%s: %s parameters, %d layers", task->shape->name,
                    plmr_format_quantity((double)task->shape->n_parameters, "").s, task->shape->n_layers);
    plmr_table_fact(out, "device", "%s: %s", device->name, device->title);
    plmr_table_fact(out, "request", "%s of prompt, %s to decode", plmr_format_counted(n_prompt, "token").s,
                    plmr_format_count(n_decode).s);
    plmr_table_fact(out, "searched", "%lld choices for prefill, %lld for decode", (long long)report->n_looked[0],
                    (long long)report->n_looked[1]);
    if (cache)
        plmr_table_fact(out, "cache", "%s", cache);
    for (int decode = 0; decode < 2; decode++) {
        fputc('\n', out);
        print_phase(out, device, report, decode, n_decode);
    }
    fputc('\n', out);
    print_times(out, "best", plmr_tune_times_of(task, best[0], best[1]));
    print_machine(out, task, plmr_tune_times_of(task, best[0], best[1]), best[1]);
    if (report->has_paper[0] && report->has_paper[1])
        print_times(out, "paper", plmr_tune_times_of(task, &report->paper[0], &report->paper[1]));
    plmr_tune_report_standing(report, task, &standing);
    plmr_table_standing(out, &standing);
    int64_t wafers = plmr_wafers_for_both(best[0]->wafers, best[1]->wafers);
    if (wafers > 1)
        plmr_table_fact(out, "note", "the model takes %lld such devices: %s", (long long)wafers,
                        task->setup.link.bytes_s > 0 ? "ways between them are charged"
                                                     : "times are as if they were one; --link device has the device's");
    print_command(out, asked, report);
}
