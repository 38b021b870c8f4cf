#include "paper/paper.h"

#include "gemm/gemm.h"
#include "gemv/gemv.h"

struct answer {
    plmr_cost cost;
    unsigned parts;
};

static plmr_status run_gemm(plmr_paper *paper, const char *name, int64_t size, int side, bool allow_routes,
                            plmr_cost *cost)
{
    const plmr_gemm_algorithm *algorithm = plmr_gemm_find(name);
    plmr_region_options options = {.allow_memory = true, .allow_routes = allow_routes};
    plmr_gemm_problem problem = {size, size, size, side, side, PLMR_F16, PLMR_F16, false};
    plmr_region *region;
    plmr_gemm *gemm = NULL;
    PLMR_TRY(plmr_region_create(paper->ranks, &paper->device, side, side, &options, &region));
    plmr_status status = plmr_gemm_open(algorithm, &problem, region, NULL, NULL, &gemm);
    if (!status)
        status = plmr_gemm_run(algorithm, gemm);
    if (!status)
        status = plmr_region_cost(region, cost);
    paper->parts = region->ledger.parts;
    plmr_gemm_close(gemm);
    plmr_region_destroy(region);
    return status;
}

static plmr_status run_gemv(plmr_paper *paper, const char *name, int64_t size, int side, int n_levels, int n_groups,
                            plmr_cost *cost)
{
    plmr_region_options options = {.allow_memory = true, .allow_routes = true};
    plmr_reduce_options tree = {.n_levels = n_levels, .n_groups = {n_groups}, .n_group_levels = n_groups > 0};
    plmr_gemv_problem problem = {size, size, side, side, PLMR_F16, PLMR_F16, tree};
    plmr_region *region;
    plmr_gemv *gemv;
    PLMR_TRY(plmr_region_create(paper->ranks, &paper->device, side, side, &options, &region));
    plmr_status status = plmr_gemv_open(plmr_gemv_find(name), &problem, region, NULL, NULL, &gemv);
    if (!status) {
        plmr_gemv_run(gemv);
        status = plmr_region_cost(region, cost);
        paper->parts = region->ledger.parts;
        plmr_gemv_close(gemv);
    }
    plmr_region_destroy(region);
    return status;
}

/* A cost, and what it rests on. */
static bool recall(plmr_paper *paper, plmr_cost *cost)
{
    struct answer answer;
    if (!plmr_paper_recall(paper, &answer, sizeof answer))
        return false;
    *cost = answer.cost;
    paper->parts = answer.parts;
    return true;
}

static plmr_status keep(plmr_paper *paper, const plmr_cost *cost)
{
    struct answer answer = {*cost, paper->parts};
    return plmr_paper_keep(paper, &answer, sizeof answer);
}

plmr_status plmr_paper_gemm(plmr_paper *paper, const char *name, int64_t size, int side, bool allow_routes,
                            plmr_cost *cost)
{
    if (recall(paper, cost))
        return PLMR_OK;
    PLMR_TRY(run_gemm(paper, name, size, side, allow_routes, cost));
    return keep(paper, cost);
}

plmr_status plmr_paper_gemv(plmr_paper *paper, const char *name, int64_t size, int side, int n_levels, int n_groups,
                            plmr_cost *cost)
{
    if (recall(paper, cost))
        return PLMR_OK;
    PLMR_TRY(run_gemv(paper, name, size, side, n_levels, n_groups, cost));
    return keep(paper, cost);
}
