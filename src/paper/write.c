/* A paper's cells as files. */
#include <math.h>

#include "base/outcome.h"
#include "paper/paper.h"
#include "report/record.h"

static const char *text(const char *value)
{
    return *value ? value : NULL;
}

/* What is not known is null: JSON has no NAN. */
static json_t *json_of(const plmr_paper *paper, const plmr_paper_cell *c)
{
    plmr_standing standing;
    json_t *json = json_pack("{ss ss? ss? ss? ss ss? ss so? so? so? ss? ss?}", "part", c->part->name, "subject",
                             text(c->subject), "setting", text(c->setting), "system", text(c->system), "quantity",
                             c->quantity, "mode", text(c->mode), "role", plmr_paper_role_name(c->role), "predicted",
                             json_real(c->predicted), "published", json_real(c->published), "error_percent",
                             c->role == PLMR_BOUND ? NULL : json_real(100 * plmr_paper_error(c)), "predicted_text",
                             text(c->predicted_text), "published_text", text(c->published_text));
    if (c->parts)
        plmr_standing_of(&paper->device, &paper->evidence, c->parts, PLMR_F16, &standing);
    json_object_update_new(json, plmr_standing_json(c->parts ? &standing : NULL));
    return json;
}

static void put_records(FILE *out, const void *results)
{
    const plmr_paper *paper = results;
    for (int i = 0; i < paper->n_cells; i++) {
        json_t *object = json_of(paper, &paper->cells[i]);
        json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(9));
        fputc('\n', out);
        json_decref(object);
    }
}

/* No text of a cell holds a quote. */
static void put_csv(FILE *out, const void *results)
{
    const plmr_paper *paper = results;
    fputs("part,subject,setting,system,quantity,mode,role,predicted,published\n", out);
    for (int i = 0; i < paper->n_cells; i++) {
        const plmr_paper_cell *c = &paper->cells[i];
        fprintf(out, "%s,%s,\"%s\",%s,\"%s\",%s,%s,\"%s%s\",\"%s%s\"\n", c->part->name, c->subject, c->setting,
                c->system, c->quantity, c->mode, plmr_paper_role_name(c->role),
                plmr_paper_number(c->predicted, c->decimals + 2).s, c->predicted_text,
                plmr_paper_number(c->published, c->decimals).s, c->published_text);
    }
}

static void put_readme(FILE *out, const void *results)
{
    const plmr_paper *paper = results;
    fprintf(out,
            "# WaferLLM's tables and figures, predicted beside published\n\n"
            "Made by `plmr paper`; device `%s`, in virtual time. Published figures: *WaferLLM: Large Language Model "
            "Inference at Wafer Scale*, OSDI'25 (share/paper/waferllm.json).\n\n"
            "*consistency*: the device's constants were chosen with these figures in sight. *calibrated*: a plan's one "
            "constant was fitted to these. *prediction*: no constant has seen them. *other work*: the real model, with "
            "heads, "
            "a growing cache and all element work, which is not what was measured. *bound*: what the hardware allows "
            "at most. *estimate*: nothing was published.\n\n"
            "## Errors\n\n",
            paper->device.name);
    plmr_paper_put_summary(out, paper, true);
    fputc('\n', out);
    for (int i = 0; i < plmr_paper_part_count(); i++)
        plmr_paper_markdown_part(out, paper, plmr_paper_part_at(i));
}

static void put_provenance(FILE *out, const void *results)
{
    const plmr_paper *paper = results;
    plmr_provenance now = plmr_provenance_now();
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o?}", "version", PLMR_VERSION, "revision", now.revision,
                             "build", now.build.hex, "date", now.date, "host", now.host, "ranks", plmr_rank_count(),
                             "device", json_string(paper->device.name));
    json_dumpf(json, out, JSON_INDENT(1));
    putc('\n', out);
    json_decref(json);
}

plmr_status plmr_paper_write_json(const plmr_paper *paper, const char *path)
{
    return plmr_outcome_write("--json", path, put_records, paper);
}

const char *const plmr_paper_files[] = {"README.md", "records.jsonl", "table.csv", "provenance.json", NULL};

plmr_status plmr_paper_write(const plmr_paper *paper, const char *folder)
{
    static plmr_put_fn *const puts[] = {put_readme, put_records, put_csv, put_provenance};
    return plmr_outcome_write_all("--out", folder, plmr_paper_files, puts, paper);
}
