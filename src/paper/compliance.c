/* Figures 6 and 8: how routes, paths and memory of an algorithm grow with the side N of the region. */
#include "paper/paper.h"

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

static void add(plmr_paper *paper, const char *algorithm, const char *quantity, const char *published,
                const double *values, const char *unit)
{
    char growth[24];
    order(values[SIDES - 2], values[SIDES - 1], growth, sizeof growth);
    plmr_paper_add(paper, &(plmr_paper_cell){
                              .subject = algorithm,
                              .setting = plmr_paper_text(paper, "N = %d, %d, %d", SMALLEST, 2 * SMALLEST, 4 * SMALLEST),
                              .system = "waferllm",
                              .quantity = quantity,
                              .role = PLMR_PREDICTED,
                              .timeless = true,
                              .predicted_text = plmr_paper_text(paper, "%s: %g, %g, %g %s", growth, values[0],
                                                                values[1], values[2], unit),
                              .published_text = published,
                          });
}

static const json_t *published_of(const plmr_paper *paper, const char *figure, const char *algorithm)
{
    return json_object_get(json_object_get(paper->published, figure), algorithm);
}

static const char *text_of(const json_t *published, const char *key)
{
    return json_string_value(json_object_get(published, key));
}

static plmr_status add_gemm(plmr_paper *paper, const char *name)
{
    const json_t *published = published_of(paper, "figure6_gemm_compliance", name);
    double routes[SIDES], hops[SIDES], stages[SIDES], bytes[SIDES];
    for (int i = 0, side = SMALLEST; i < SIDES; i++, side *= 2) {
        plmr_cost free_routes, cost;
        plmr_paper_gemm(paper, name, SIZE, side, true, &free_routes);
        plmr_paper_gemm(paper, name, SIZE, side, false, &cost);
        routes[i] = free_routes.routes_max;
        hops[i] = round((double)cost.hops_critical / side);
        stages[i] = round((double)cost.stages_critical / side);
        bytes[i] = (double)cost.sram_peak_bytes;
    }
    add(paper, name, "routes, all in hardware", text_of(published, "routes"), routes, "");
    add(paper, name, "hops of a step (alpha)", text_of(published, "critical_path"), hops, "");
    add(paper, name, "relays of a step (beta)", text_of(published, "critical_path"), stages, "");
    add(paper, name, "SRAM of a core", text_of(published, "memory"), bytes, "bytes");
    return PLMR_OK;
}

static plmr_status run_gemm(plmr_paper *paper)
{
    static const char *const names[] = {"allgather", "summa", "cannon", "meshgemm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        PLMR_TRY(add_gemm(paper, names[i]));
    return PLMR_OK;
}

static plmr_status add_gemv(plmr_paper *paper, const char *label, const char *key, const char *name)
{
    const json_t *published = published_of(paper, "figure8_gemv_compliance", key);
    double routes[SIDES], hops[SIDES], stages[SIDES];
    for (int i = 0, side = SMALLEST; i < SIDES; i++, side *= 2) {
        plmr_cost cost;
        plmr_paper_gemv(paper, name, SIZE, side, 2, 0, &cost);
        routes[i] = cost.routes_max;
        hops[i] = (double)cost.hops_critical;
        stages[i] = (double)cost.stages_critical;
    }
    add(paper, label, "routes", text_of(published, "routes"), routes, "");
    add(paper, label, "hops (alpha)", text_of(published, "critical_path"), hops, "");
    add(paper, label, "stages (beta)", text_of(published, "critical_path"), stages, "");
    return PLMR_OK;
}

static plmr_status run_gemv(plmr_paper *paper)
{
    PLMR_TRY(add_gemv(paper, "pipeline", "pipeline", "pipeline"));
    PLMR_TRY(add_gemv(paper, "ring", "ring", "ring"));
    return add_gemv(paper, "meshgemv, K = 2", "ktree", "meshgemv");
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
