/* Measurements beside what was predicted, for people and programs. */
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "base/outcome.h"
#include "report/record.h"
#include "validate/validate.h"

static const char *standing_of(const plmr_measurement *point)
{
    return point->set ? point->set->standing : "unknown family";
}

static void put_point(FILE *out, const plmr_measurement *p)
{
    char predicted[32] = "-", error[32] = "-";
    if (!isnan(p->predicted))
        snprintf(predicted, sizeof predicted, "%.5g", p->predicted);
    if (!isnan(plmr_measurement_error(p)))
        snprintf(error, sizeof error, "%+.1f %%", 100 * plmr_measurement_error(p));
    fprintf(out, "  %-58.58s %12.6g %12s %-16.16s %9s  %s, %s\n", p->id, p->measured, predicted, p->unit, error,
            p->kind, standing_of(p));
}

static void put_errors(FILE *out, const char *name, const plmr_errors *e, const char *what)
{
    if (e->n)
        fprintf(out, "  %-22s %5d %8.1f %8.1f %+8.1f %+8.1f  %s\n", name, e->n, 100 * e->mean, 100 * e->rms,
                100 * e->worst, 100 * e->bias, what);
}

static void put_titles(FILE *out, const char *first)
{
    fprintf(out, "\n  %-22s %5s %8s %8s %8s %8s\n", first, "n", "mean %", "RMS %", "worst %", "bias %");
}

static int unknown(const plmr_validation *v)
{
    int n = 0;
    for (int i = 0; i < v->n_points; i++)
        n += isnan(v->points[i].predicted);
    return n;
}

/* Whether point i is the first of a machine that is none of plmr's devices. */
static bool is_first_of_machine(const plmr_validation *v, int i)
{
    for (int j = 0; j < i; j++)
        if (strcmp(v->points[j].machine, v->points[i].machine) == 0)
            return false;
    return !*v->points[i].device;
}

static void put_machines(FILE *out, const plmr_validation *v)
{
    int n = 0;
    for (int i = 0; i < v->n_points; i++)
        if (is_first_of_machine(v, i))
            fprintf(out, "%s'%.60s'", n++ ? ", " : "  no device of plmr's, nor its file: ", v->points[i].machine);
    fputs(n ? "\n" : "", out);
}

/* Points of a file whose program nobody knows. */
static void put_strangers(FILE *out, const plmr_validation *v)
{
    int n = 0;
    for (int i = 0; i < v->n_points; i++)
        if (!v->points[i].set)
            fprintf(out, "%s%.60s", n++ ? ", " : "  of no set: ", v->points[i].id);
    fputs(n ? ": an id must fit the \"ids\" of a set in share/validation, whose program predicts it\n" : "", out);
}

static void put_units(FILE *out, const plmr_validation *v)
{
    int n = 0;
    for (int i = 0; i < v->n_points; i++)
        if (v->points[i].given)
            fprintf(out, "%s%.60s (%.30s instead of %s)",
                    n++ ? ", " : "  of a unit that its program does not give: ", v->points[i].id, v->points[i].unit,
                    v->points[i].given);
    fputs(n ? "\n" : "", out);
}

static void put_summary(FILE *out, const plmr_validation *v)
{
    put_titles(out, "set");
    for (int i = 0; i < v->n_sets; i++) {
        plmr_errors e = plmr_validation_errors(v, &v->sets[i], NULL, NULL);
        put_errors(out, v->sets[i].name, &e, v->sets[i].standing);
    }
    put_titles(out, "mechanism");
    for (int i = 0; i < PLMR_N_MECHANISMS; i++) {
        plmr_errors e = plmr_validation_errors(v, NULL, plmr_mechanisms[i], NULL);
        put_errors(out, plmr_mechanisms[i], &e, "");
    }
    plmr_errors e = plmr_validation_errors(v, NULL, NULL, NULL);
    put_errors(out, "all", &e, "");
    fprintf(out, "\n  %d point%s; of %d nothing is predicted\n", v->n_points, v->n_points == 1 ? "" : "s", unknown(v));
    put_machines(out, v);
    put_strangers(out, v);
    put_units(out, v);
    for (int i = 0; i < v->n_sets && v->all; i++)
        if (v->sets[i].slow && plmr_validation_errors(v, &v->sets[i], NULL, NULL).n == 0)
            fprintf(out, "  %s is slow: it is run if it is named\n", v->sets[i].name);
}

void plmr_validation_print(FILE *out, const plmr_validation *v, bool each)
{
    if (each)
        fprintf(out, "  %-58s %12s %12s %-16s %9s  kind, standing\n", "point", "measured", "predicted", "unit",
                "error");
    for (int i = 0; i < v->n_points && each; i++)
        put_point(out, &v->points[i]);
    put_summary(out, v);
}

/* What is not known is null: JSON has no NAN. */
static json_t *json_of(const plmr_measurement *p)
{
    return json_pack("{ss ss? sf so? ss so? ss ss ss? ss? ss}", "id", p->id, "device", *p->device ? p->device : NULL,
                     "measured", p->measured, "predicted", json_real(p->predicted), "unit", p->unit, "error",
                     json_real(plmr_measurement_error(p)), "kind", p->kind, "standing", standing_of(p), "set",
                     p->set ? p->set->name : NULL, "mechanism", p->set ? p->set->mechanism : NULL, "machine",
                     p->machine);
}

static void put_records(FILE *out, const void *results)
{
    const plmr_validation *v = results;
    for (int i = 0; i < v->n_points; i++) {
        json_t *object = json_of(&v->points[i]);
        json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(9));
        fputc('\n', out);
        json_decref(object);
    }
}

plmr_status plmr_validation_write_json(const plmr_validation *v, const char *path)
{
    return plmr_outcome_write("--json", path, put_records, v);
}

static void put_row(FILE *out, const char *first, const char *title, const char *standing, const plmr_errors *e)
{
    if (e->n)
        fprintf(out, "| %s | %s | %s | %d | %.1f | %.1f | %+.1f | %+.1f |\n", first, title, standing, e->n,
                100 * e->mean, 100 * e->rms, 100 * e->worst, 100 * e->bias);
}

static void put_readme(FILE *out, const void *results)
{
    const plmr_validation *v = results;
    fprintf(out,
            "# Published measurements beside what plmr predicts\n\n"
            "Made by `plmr validate --out`. Errors are (predicted - measured) / measured, in percent. *calibrated*: "
            "the program's own constants were fitted to these points. *consistency*: constants of the device, or the "
            "program's form (the order of its messages, what surrounds them), were chosen with them in sight. "
            "*prediction*: neither has seen them.\n\n"
            "| set | what | standing | n | mean | RMS | worst | bias |\n"
            "|---|---|---|---:|---:|---:|---:|---:|\n");
    for (int i = 0; i < v->n_sets; i++) {
        plmr_errors e = plmr_validation_errors(v, &v->sets[i], NULL, NULL);
        put_row(out, v->sets[i].name, v->sets[i].title, v->sets[i].standing, &e);
    }
    fputs("\n| mechanism | | | n | mean | RMS | worst | bias |\n|---|---|---|---:|---:|---:|---:|---:|\n", out);
    for (int i = 0; i < PLMR_N_MECHANISMS; i++) {
        plmr_errors e = plmr_validation_errors(v, NULL, plmr_mechanisms[i], NULL);
        put_row(out, plmr_mechanisms[i], "", "", &e);
    }
    fprintf(
        out,
        "\n%d points; of %d nothing is predicted: neither their family nor their machine need be one that plmr runs.\n",
        v->n_points, unknown(v));
}

static void put_provenance(FILE *out, const void *results)
{
    const plmr_validation *v = results;
    plmr_provenance now = plmr_provenance_now();
    fprintf(out,
            "{\n \"version\": \"%s\",\n \"revision\": \"%s\",\n \"build\": \"%s\",\n \"date\": \"%s\",\n"
            " \"host\": \"%s\",\n \"points\": %d\n}\n",
            PLMR_VERSION, now.revision, now.build.hex, now.date, now.host, v->n_points);
}

const char *const plmr_validation_files[] = {"README.md", "records.jsonl", "errors.jsonl", "provenance.json", NULL};

plmr_status plmr_validation_write(const plmr_validation *v, const char *folder)
{
    static plmr_put_fn *const puts[] = {put_readme, put_records, plmr_validation_put_evidence, put_provenance};
    return plmr_outcome_write_all("--out", folder, plmr_validation_files, puts, v);
}
