/* Figures 6 and 8: how routes, paths and memory of an algorithm grow with the side N of the region. */
#include "paper/products.h"

#include <math.h>
#include <stdio.h>

/* Sides, each twice the one before; the growth is between the last two. */
enum { SIDES = 3, SMALLEST = 60, SIZE = 1920 };

/* "O(1)", "O(N)", "O(1/N^2)": the nearest power, or half power, of N. */
static void order(double before, double after, char *text, size_t size)
{
    double power = round(2 * log2(after / before)) / 2;
    if (before <= 0 && after <= 0)
        snprintf(text, size, "none");
    else if (power == 0)
        snprintf(text, size, "O(1)");
    else if (power == 1)
        snprintf(text, size, "O(N)");
    else if (power == -1)
        snprintf(text, size, "O(1/N)");
    else
        snprintf(text, size, power < 0 ? "O(1/N^%g)" : "O(N^%g)", fabs(power));
}

static plmr_status add(plmr_paper *paper, const plmr_paper_part *part, const char *algorithm, const char *quantity,
                       const char *published, const double *values, const char *unit)
{
    plmr_paper_cell cell = {.role = PLMR_PREDICTED};
    char growth[24];
    order(values[SIDES - 2], values[SIDES - 1], growth, sizeof growth);
    snprintf(cell.subject, sizeof cell.subject, "%s", algorithm);
    snprintf(cell.system, sizeof cell.system, "waferllm");
    snprintf(cell.setting, sizeof cell.setting, "N = %d, %d, %d", SMALLEST, 2 * SMALLEST, 4 * SMALLEST);
    snprintf(cell.quantity, sizeof cell.quantity, "%s", quantity);
    snprintf(cell.predicted_text, sizeof cell.predicted_text, "%s: %g, %g, %g %s", growth, values[0], values[1],
             values[2], unit);
    snprintf(cell.published_text, sizeof cell.published_text, "%s", published);
    return plmr_paper_add(paper, part, &cell);
}

static const char *published_text(const plmr_paper *paper, const char *figure, const char *algorithm, const char *key)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(json_object_get(paper->published, figure), algorithm), key));
    return text ? text : "";
}

static plmr_status add_gemm(plmr_paper *paper, const plmr_paper_part *part, const char *name)
{
    static const char figure[] = "figure6_gemm_compliance";
    double routes[SIDES], hops[SIDES], stages[SIDES], bytes[SIDES];
    for (int i = 0, side = SMALLEST; i < SIDES; i++, side *= 2) {
        plmr_cost free_routes, cost;
        PLMR_TRY(plmr_paper_gemm(paper, name, SIZE, side, true, &free_routes));
        PLMR_TRY(plmr_paper_gemm(paper, name, SIZE, side, false, &cost));
        routes[i] = free_routes.routes_max;
        hops[i] = round((double)cost.hops_critical / side);
        stages[i] = round((double)cost.stages_critical / side);
        bytes[i] = (double)cost.sram_peak_bytes;
    }
    PLMR_TRY(
        add(paper, part, name, "routes, all in hardware", published_text(paper, figure, name, "routes"), routes, ""));
    PLMR_TRY(add(paper, part, name, "hops of a step (alpha)", published_text(paper, figure, name, "critical_path"),
                 hops, ""));
    PLMR_TRY(add(paper, part, name, "relays of a step (beta)", published_text(paper, figure, name, "critical_path"),
                 stages, ""));
    return add(paper, part, name, "SRAM of a core", published_text(paper, figure, name, "memory"), bytes, "bytes");
}

static plmr_status run_gemm(plmr_paper *paper, const plmr_paper_part *part)
{
    static const char *const names[] = {"allgather", "summa", "cannon", "meshgemm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        PLMR_TRY(add_gemm(paper, part, names[i]));
    return PLMR_OK;
}

static plmr_status add_gemv(plmr_paper *paper, const plmr_paper_part *part, const char *label, const char *key,
                            const char *name)
{
    static const char figure[] = "figure8_gemv_compliance";
    double routes[SIDES], hops[SIDES], stages[SIDES];
    for (int i = 0, side = SMALLEST; i < SIDES; i++, side *= 2) {
        plmr_cost cost;
        PLMR_TRY(plmr_paper_gemv(paper, name, SIZE, side, 2, 0, &cost));
        routes[i] = cost.routes_max;
        hops[i] = (double)cost.hops_critical;
        stages[i] = (double)cost.stages_critical;
    }
    PLMR_TRY(add(paper, part, label, "routes", published_text(paper, figure, key, "routes"), routes, ""));
    PLMR_TRY(add(paper, part, label, "hops (alpha)", published_text(paper, figure, key, "critical_path"), hops, ""));
    return add(paper, part, label, "stages (beta)", published_text(paper, figure, key, "critical_path"), stages, "");
}

static plmr_status run_gemv(plmr_paper *paper, const plmr_paper_part *part)
{
    PLMR_TRY(add_gemv(paper, part, "pipeline", "pipeline", "pipeline"));
    PLMR_TRY(add_gemv(paper, part, "ring", "ring", "ring"));
    return add_gemv(paper, part, "meshgemv, K = 2", "ktree", "meshgemv");
}

const plmr_paper_part plmr_paper_figure6 = {
    .name = "figure 6",
    .title = "PLMR compliance of GEMM algorithms",
    .notes = "Matrices of 1,920 on N x N cores; counted in runs, not written down. Routes are what the program would "
             "need if "
             "every path were in hardware; hops and relays of a step are counted under the device's limit on routes, "
             "which makes software relay what "
             "does not fit. Allgather's path is that of its one gather, shared out over N steps of work.",
    .run = run_gemm,
};

const plmr_paper_part plmr_paper_figure8 = {
    .name = "figure 8",
    .title = "PLMR compliance of GEMV's allreduces",
    .notes = "A matrix of 1,920 on N x N cores, there and back. K = 2 has "
             "(K/2) N^(1/K) stages in the paper, so they grow with the root of N.",
    .run = run_gemv,
};
