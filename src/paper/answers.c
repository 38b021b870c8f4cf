/* What is asked of the time plane. Questions are known before any is answered, so that each is answered once, ranks share
 * them, and progress knows how much is left. */
#include "paper/paper.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Questions that a rank answers between two talks with the others. */
enum { PER_RANK = 4 };

static bool same_query(const plmr_paper_query *a, const plmr_paper_query *b)
{
    const plmr_llm_setup *x = &a->setup, *y = &b->setup;
    return strcmp(a->model, b->model) == 0 && a->n_decode == b->n_decode &&
           memcmp(a->side, b->side, sizeof a->side) == 0 && x->plan == y->plan && x->as_published == y->as_published &&
           x->n_prompt == y->n_prompt && x->n_layers == y->n_layers && x->concat == y->concat;
}

static bool same_product(const plmr_paper_product *a, const plmr_paper_product *b)
{
    return strcmp(a->algorithm, b->algorithm) == 0 && a->size == b->size && a->side == b->side &&
           a->n_levels == b->n_levels && a->n_groups == b->n_groups && a->allow_routes == b->allow_routes;
}

static bool same(const plmr_paper_question *a, const plmr_paper_question *b)
{
    if (!a->product.algorithm || !b->product.algorithm)
        return !a->product.algorithm && !b->product.algorithm && same_query(&a->query, &b->query);
    return same_product(&a->product, &b->product);
}

static int find(const plmr_paper_answers *a, const plmr_paper_question *question)
{
    int i = 0;
    while (i < a->n && !same(&a->question[i], question))
        i++;
    return i;
}

/* Behind those that take as long. */
static void note(plmr_paper_answers *a, const plmr_paper_question *question)
{
    int at = a->n;
    if (find(a, question) < a->n)
        return;
    a->question = plmr_take_more(a->question, (size_t)(a->n + 1) * sizeof *a->question);
    for (; at > 0 && a->question[at - 1].weight < question->weight; at--)
        a->question[at] = a->question[at - 1];
    a->question[at] = *question;
    a->n++;
}

plmr_paper_answer plmr_paper_ask(plmr_paper *paper, const plmr_paper_question *question)
{
    plmr_paper_answers *a = &paper->answers;
    if (paper->asks) {
        note(a, question);
        return (plmr_paper_answer){0};
    }
    int i = find(a, question);
    PLMR_ASSERT(i < a->n_known);
    return a->answer[i];
}

void plmr_paper_end_asking(plmr_paper *paper)
{
    paper->asks = false;
    paper->answers.answer = plmr_take_zeroed((size_t)paper->answers.n + 1, sizeof *paper->answers.answer);
}

/* ---- answers ---- */

/* Who answers the i-th question of a round: those of a rank weigh about as much as another's. */
static int answerer(int i, int n_ranks)
{
    return i / n_ranks % 2 ? n_ranks - 1 - i % n_ranks : i % n_ranks;
}

static plmr_status find_answer(const plmr_paper *paper, plmr_ranks *alone, int i)
{
    const plmr_paper_question *question = &paper->answers.question[i];
    plmr_paper_answer *answer = &paper->answers.answer[i];
    return question->product.algorithm ? plmr_paper_find_cost(paper, alone, &question->product, answer)
                                       : plmr_paper_find_speed(paper, alone, &question->query, answer);
}

static double weight_of(const plmr_paper_answers *a, int first, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a->question[first + i].weight;
    return sum;
}

static int64_t steps(double weight)
{
    return (int64_t)(1e3 * weight);
}

/* This rank's of a round of n questions; how far the others are is taken from its own. */
static plmr_status find_mine(const plmr_paper *paper, plmr_progress *progress, int n)
{
    const plmr_paper_answers *a = &paper->answers;
    int n_ranks = plmr_ranks_extent(paper->ranks, PLMR_X), me = plmr_ranks_place(paper->ranks, PLMR_X);
    double done = weight_of(a, 0, a->n_known);
    plmr_ranks *alone;
    PLMR_TRY(plmr_ranks_create_alone(&alone));
    plmr_status status = PLMR_OK;
    for (int i = 0; i < n && !status; i++)
        if (answerer(i, n_ranks) == me) {
            status = find_answer(paper, alone, a->n_known + i);
            plmr_progress_step(progress, steps(done + weight_of(a, a->n_known, i + 1)));
        }
    plmr_ranks_destroy(alone);
    return status;
}

static plmr_status find_round(plmr_paper *paper, plmr_progress *progress)
{
    plmr_paper_answers *a = &paper->answers;
    int n_ranks = plmr_ranks_extent(paper->ranks, PLMR_X), left = a->n - a->n_known;
    int n = left < PER_RANK * n_ranks ? left : PER_RANK * n_ranks;
    PLMR_TRY(plmr_agree(find_mine(paper, progress, n)));
    for (int i = 0; i < n; i++)
        plmr_ranks_line_broadcast(paper->ranks, PLMR_X, answerer(i, n_ranks), &a->answer[a->n_known + i],
                                  sizeof *a->answer);
    a->n_known += n;
    return a->on_answer ? a->on_answer(a->context) : PLMR_OK;
}

plmr_status plmr_paper_find_answers(plmr_paper *paper, bool interactive)
{
    plmr_progress progress;
    plmr_status status = PLMR_OK;
    plmr_progress_begin(&progress, "paper", steps(weight_of(&paper->answers, 0, paper->answers.n)), interactive);
    while (paper->answers.n_known < paper->answers.n && !status)
        status = find_round(paper, &progress);
    plmr_progress_end(&progress);
    return status;
}
