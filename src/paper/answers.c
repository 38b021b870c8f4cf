/* What the time plane has said, in the order in which it is asked: another run need not ask again. */
#include "paper/paper.h"

#include <string.h>

#include "base/memory.h"

bool plmr_paper_recall(plmr_paper *paper, void *answer, size_t n)
{
    plmr_paper_answers *a = &paper->answers;
    if (a->at + n > a->n_bytes)
        return false;
    memcpy(answer, a->bytes + a->at, n);
    a->at += n;
    return true;
}

plmr_status plmr_paper_keep(plmr_paper *paper, const void *answer, size_t n)
{
    plmr_paper_answers *a = &paper->answers;
    a->bytes = plmr_take_more(a->bytes, a->n_bytes + n);
    memcpy(a->bytes + a->n_bytes, answer, n);
    a->n_bytes += n;
    a->at = a->n_bytes;
    return a->on_answer ? a->on_answer(a->context) : PLMR_OK;
}
