#include "paper/paper.h"

#include "gemm/gemm.h"
#include "gemv/gemv.h"

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
        plmr_gemv_close(gemv);
    }
    plmr_region_destroy(region);
    return status;
}

plmr_status plmr_paper_gemm(plmr_paper *paper, const char *name, int64_t size, int side, bool allow_routes,
                            plmr_cost *cost)
{
    if (plmr_paper_recall(paper, cost, sizeof *cost))
        return PLMR_OK;
    PLMR_TRY(run_gemm(paper, name, size, side, allow_routes, cost));
    return plmr_paper_keep(paper, cost, sizeof *cost);
}

plmr_status plmr_paper_gemv(plmr_paper *paper, const char *name, int64_t size, int side, int n_levels, int n_groups,
                            plmr_cost *cost)
{
    if (plmr_paper_recall(paper, cost, sizeof *cost))
        return PLMR_OK;
    PLMR_TRY(run_gemv(paper, name, size, side, n_levels, n_groups, cost));
    return plmr_paper_keep(paper, cost, sizeof *cost);
}
