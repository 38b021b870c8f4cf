#include "paper/paper.h"

#include "gemm/gemm.h"
#include "gemv/gemv.h"

static plmr_status find_gemm(const plmr_paper_product *p, plmr_region *region, plmr_cost *cost)
{
    const plmr_gemm_algorithm *algorithm = plmr_gemm_find(p->algorithm);
    plmr_gemm_problem problem = {p->size, p->size, p->size, p->side, p->side, PLMR_F16, PLMR_F16, false};
    plmr_gemm *gemm = NULL;
    plmr_status status = plmr_gemm_open(algorithm, &problem, region, NULL, NULL, &gemm);
    if (!status)
        status = plmr_gemm_run(algorithm, gemm);
    if (!status)
        status = plmr_region_cost(region, cost);
    plmr_gemm_close(gemm);
    return status;
}

static plmr_status find_gemv(const plmr_paper_product *p, plmr_region *region, plmr_cost *cost)
{
    plmr_reduce_options tree = {.n_levels = p->n_levels, .n_groups = {p->n_groups}, .n_group_levels = p->n_groups > 0};
    plmr_gemv_problem problem = {p->size, p->size, p->side, p->side, PLMR_F16, PLMR_F16, tree};
    plmr_gemv *gemv;
    PLMR_TRY(plmr_gemv_open(plmr_gemv_find(p->algorithm), &problem, region, NULL, NULL, &gemv));
    plmr_gemv_run(gemv);
    plmr_status status = plmr_region_cost(region, cost);
    plmr_gemv_close(gemv);
    return status;
}

plmr_status plmr_paper_find_cost(const plmr_paper *paper, plmr_ranks *ranks, const plmr_paper_product *p,
                                 plmr_paper_answer *answer)
{
    plmr_region_options options = {.allow_memory = true, .allow_routes = p->allow_routes};
    plmr_region *region;
    PLMR_TRY(plmr_region_create(ranks, &paper->device, p->side, p->side, &options, &region));
    plmr_status status = (p->n_levels ? find_gemv : find_gemm)(p, region, &answer->cost);
    answer->parts = region->ledger.parts;
    plmr_region_destroy(region);
    return status;
}

/* Fitted to one core of the machine at hand; only their ratios count. */
static double weight_of(const plmr_paper_product *p)
{
    double side = p->side;
    return p->n_levels ? 1e-8 * side * side : 4e-10 * side * side * side;
}

static plmr_cost ask(plmr_paper *paper, const plmr_paper_product *product)
{
    plmr_paper_question question = {.product = *product, .weight = weight_of(product)};
    plmr_paper_answer answer = plmr_paper_ask(paper, &question);
    paper->parts = answer.parts;
    return answer.cost;
}

void plmr_paper_gemm(plmr_paper *paper, const char *algorithm, int64_t size, int side, bool allow_routes,
                     plmr_cost *cost)
{
    *cost = ask(
        paper, &(plmr_paper_product){.algorithm = algorithm, .size = size, .side = side, .allow_routes = allow_routes});
}

void plmr_paper_gemv(plmr_paper *paper, const char *algorithm, int64_t size, int side, int n_levels, int n_groups,
                     plmr_cost *cost)
{
    *cost = ask(paper, &(plmr_paper_product){algorithm, size, side, n_levels, n_groups, true});
}
