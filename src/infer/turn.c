#include "infer/turn.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/wall.h"

/* Of a token's time, by measurement on one and two ranks. */
static const double saved = 0.4;

/* By layers, each with all weights, and the output. */
static plmr_matrix **list_in_place(plmr_engine *e, int *n)
{
    plmr_matrix **list = plmr_take(((size_t)e->n_layers * PLMR_N_WEIGHTS + 1) * sizeof *list);
    *n = 0;
    for (int layer = 0; layer < e->n_layers; layer++)
        for (int which = 0; which < PLMR_N_WEIGHTS; which++)
            if (e->layers[layer].matrix[which] && e->layers[layer].matrix[which]->in_place)
                list[(*n)++] = e->layers[layer].matrix[which];
    if (e->output.in_place)
        list[(*n)++] = &e->output;
    return list;
}

static double elements(const plmr_matrix *m)
{
    return (double)m->n_in * (double)m->n_out;
}

void plmr_turn_begin(plmr_engine *engine)
{
    enum { SHORT = 64 };
    if (engine->setup.n_batch == 1 && engine->n_prefilled <= SHORT)
        plmr_engine_read_in_place(engine);
    plmr_engine_keep(engine);
}

/* Some of the memory may be at hand: what the first take says little of the rest, so that an eighth of all that there is to save is
 * staked. */
void plmr_turn_if_it_pays(plmr_engine *engine, double token_s, int64_t n_tokens)
{
    int n;
    double start_s = plmr_wall_s(), all = 0, saves_s = saved * token_s * (double)n_tokens, worth_s = saves_s / 8;
    plmr_matrix **list = list_in_place(engine, &n);
    for (int i = 0; i < n; i++)
        all += elements(list[i]);
    for (int i = 0; i < n && plmr_wall_s() - start_s < worth_s; i++) {
        list[i]->in_place = false;
        plmr_matrix_keep(list[i]);
        worth_s += saves_s * elements(list[i]) / all;
    }
    for (int layer = 0; layer < engine->n_layers; layer++)
        plmr_engine_forget(engine, layer);
    free(list);
    engine->turned_s += plmr_wall_s() - start_s;
}
