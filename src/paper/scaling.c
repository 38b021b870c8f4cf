/* Figures 9 and 10: GEMM and GEMV over core grids, beside what the paper says of them in words. */
#include "paper/paper.h"

#include <math.h>

enum { STEP = 180, SIDES = 4, SIZES = 3, ALGORITHMS = 3 };

static const int sizes[SIZES] = {2048, 4096, 8192};
static const char *const gemms[ALGORITHMS] = {"meshgemm", "summa", "cannon"};

static void add_cycles(plmr_paper *paper, const char *name, int size, int side, const plmr_cost *cost)
{
    plmr_paper_add(paper,
                   &(plmr_paper_cell){
                       .subject = plmr_paper_text(paper, "%dK", size / 1024),
                       .setting = plmr_paper_square(paper, side),
                       .system = name,
                       .quantity = "cycles",
                       .role = PLMR_ESTIMATE,
                       .published = NAN,
                       .predicted_text = plmr_paper_text(paper, "%.0f, %.1f %% of them multiplying", cost->t_cycles,
                                                         100 * cost->compute_cycles / cost->t_cycles),
                   });
}

static void add_words(plmr_paper *paper, const char *quantity, const char *published, const char *predicted)
{
    plmr_paper_add(paper, &(plmr_paper_cell){.quantity = quantity,
                                             .role = PLMR_PREDICTED,
                                             .predicted_text = predicted,
                                             .published_text = published});
}

/* A number that the paper has in words: "above 70 %" counts as 70. */
static void add_number(plmr_paper *paper, const char *system, const char *quantity, double published, double predicted)
{
    plmr_paper_add(paper, &(plmr_paper_cell){.setting = "720x720",
                                             .system = system,
                                             .quantity = quantity,
                                             .role = PLMR_PREDICTED,
                                             .predicted = predicted,
                                             .published = published});
}

static double waiting(const plmr_cost *cost)
{
    return cost->t_cycles - cost->compute_cycles;
}

/* at[size][side][algorithm] */
typedef plmr_cost gemm_costs[SIZES][SIDES][ALGORITHMS];

static void tell_gemm(plmr_paper *paper, gemm_costs at)
{
    const char *text;
    plmr_cost *small = at[0][SIDES - 1], *large = at[SIZES - 1][SIDES - 1], *before = at[0][1];
    text = plmr_paper_text(paper, "2K: %.1f and %.1f, 8K: %.1f and %.1f times as fast",
                           small[1].t_cycles / small[0].t_cycles, small[2].t_cycles / small[0].t_cycles,
                           large[1].t_cycles / large[0].t_cycles, large[2].t_cycles / large[0].t_cycles);
    add_words(paper, "against SUMMA, Cannon, 720x720", "2-3x faster", text);
    text = plmr_paper_text(
        paper, "8K: %.0f %% against %.0f and %.0f %%; 2K: %.0f %% against %.0f and %.0f %%",
        100 * large[0].compute_cycles / large[0].t_cycles, 100 * large[1].compute_cycles / large[1].t_cycles,
        100 * large[2].compute_cycles / large[2].t_cycles, 100 * small[0].compute_cycles / small[0].t_cycles,
        100 * small[1].compute_cycles / small[1].t_cycles, 100 * small[2].compute_cycles / small[2].t_cycles);
    add_words(paper, "share spent multiplying, 720x720", "above 70 % against below 50 %", text);
    text = plmr_paper_text(paper, "x %.2f; SUMMA x %.2f, Cannon x %.2f", small[0].t_cycles / before[0].t_cycles,
                           small[1].t_cycles / before[1].t_cycles, small[2].t_cycles / before[2].t_cycles);
    add_words(paper, "2K: cycles from 360 to 720 a side", "flat; SUMMA and Cannon get slower", text);
    text = plmr_paper_text(paper, "%.0f %% against SUMMA, %.0f %% against Cannon",
                           100 * (1 - large[0].t_cycles / large[1].t_cycles),
                           100 * (1 - large[0].t_cycles / large[2].t_cycles));
    add_words(paper, "8K: fewer cycles at 720x720", "about 17 %", text);
    text = plmr_paper_text(paper, "%.0f thousand at 180, %.0f at 360, %.0f at 540, %.0f at 720",
                           waiting(&at[2][0][0]) / 1e3, waiting(&at[2][1][0]) / 1e3, waiting(&at[2][2][0]) / 1e3,
                           waiting(&at[2][3][0]) / 1e3);
    add_words(paper, "8K: communication, MeshGEMM", "falls with cores", text);
}

static void count_gemm(plmr_paper *paper, gemm_costs at)
{
    static const double shares[ALGORITHMS] = {70, 50, 50};
    plmr_cost *middle = at[1][SIDES - 1], *large = at[SIZES - 1][SIDES - 1];
    for (int a = 0; a < ALGORITHMS; a++)
        add_number(paper, gemms[a], "4K: % of the time multiplying", shares[a],
                   100 * middle[a].compute_cycles / middle[a].t_cycles);
    add_number(paper, "meshgemm", "8K: % fewer cycles than the next", 17,
               100 * (1 - large[0].t_cycles / fmin(large[1].t_cycles, large[2].t_cycles)));
}

static plmr_status run_gemm(plmr_paper *paper)
{
    gemm_costs at;
    unsigned parts = 0;
    for (int size = 0; size < SIZES; size++)
        for (int i = 0; i < SIDES; i++)
            for (int a = 0; a < ALGORITHMS; a++) {
                plmr_cost *cost = &at[size][i][a];
                plmr_paper_gemm(paper, gemms[a], sizes[size], (i + 1) * STEP, false, cost);
                add_cycles(paper, gemms[a], sizes[size], (i + 1) * STEP, cost);
                parts |= paper->parts;
            }
    paper->parts = parts;
    tell_gemm(paper, at);
    count_gemm(paper, at);
    return PLMR_OK;
}

/* ---- GEMV ---- */

enum { GEMV_SIZES = 4, GEMV_SIDES = 5 };

static const int gemv_sizes[GEMV_SIZES] = {2048, 4096, 8192, 16384}, gemv_sides[GEMV_SIDES] = {120, 240, 360, 540, 720};

/* at[size][side][meshgemv, pipeline] */
typedef plmr_cost gemv_costs[GEMV_SIZES][GEMV_SIDES][2];

/* The side from which on more cores take longer. */
static int turning_point(gemv_costs at, int size, int algorithm)
{
    int best = 0;
    for (int i = 1; i < GEMV_SIDES; i++)
        if (at[size][i][algorithm].t_cycles < at[size][best][algorithm].t_cycles)
            best = i;
    return gemv_sides[best];
}

static void tell_gemv(plmr_paper *paper, gemv_costs at)
{
    const char *text;
    double ratio[GEMV_SIZES];
    for (int i = 0; i < GEMV_SIZES; i++)
        ratio[i] = at[i][GEMV_SIDES - 1][1].t_cycles / at[i][GEMV_SIDES - 1][0].t_cycles;
    text = plmr_paper_text(paper, "%.1f, %.1f, %.1f, %.1f times at 2K, 4K, 8K, 16K", ratio[0], ratio[1], ratio[2],
                           ratio[3]);
    add_words(paper, "against the pipeline, 720x720", "about 4.6 times as fast", text);
    plmr_cost *pipeline = &at[3][GEMV_SIDES - 1][1];
    text = plmr_paper_text(paper, "%.0f %% at 16K", 100 * waiting(pipeline) / pipeline->t_cycles);
    add_words(paper, "the pipeline's communication", "about 90 % of its time", text);
    text =
        plmr_paper_text(paper, "16K: %d a side against the pipeline's %d; 8K: %d against %d", turning_point(at, 3, 0),
                        turning_point(at, 3, 1), turning_point(at, 2, 0), turning_point(at, 2, 1));
    add_words(paper, "cores beyond which it slows down", "later than the pipeline's", text);
}

static plmr_status run_gemv(plmr_paper *paper)
{
    static const char *const names[] = {"meshgemv", "pipeline"};
    gemv_costs at;
    unsigned parts = 0;
    for (int size = 0; size < GEMV_SIZES; size++)
        for (int i = 0; i < GEMV_SIDES; i++)
            for (int a = 0; a < 2; a++) {
                plmr_cost *cost = &at[size][i][a];
                plmr_paper_gemv(paper, names[a], gemv_sizes[size], gemv_sides[i], 2, 0, cost);
                add_cycles(paper, names[a], gemv_sizes[size], gemv_sides[i], cost);
                parts |= paper->parts;
            }
    paper->parts = parts;
    tell_gemv(paper, at);
    return PLMR_OK;
}

const plmr_paper_part plmr_paper_figure9 = {
    .name = "figure 9",
    .title = "GEMM over core grids",
    .notes =
        "The paper's figure is read here by its words: shares \"above 70 %\" and \"below 50 %\" as 70 and 50 at 4K, "
        "\"around 17 %\" at 8K against the faster of the others. MeshGEMM is the fastest in all nine cells from "
        "360x360 on. On 180x180 SUMMA still wins at 4K and 8K: tiles are so large that a step's multicasts, which "
        "cross 180 cores at most, take less of it than MeshGEMM's exchanges, which keep a core busy for each word. "
        "Whether SUMMA is at 180x180 already relayed depends on the 24 routes; see the study of R.",
    .run = run_gemm,
};

const plmr_paper_part plmr_paper_figure10 = {
    .name = "figure 10",
    .title = "GEMV over core grids",
    .notes = "K = 2, groups chosen by the model.",
    .run = run_gemv,
};
